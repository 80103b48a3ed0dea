"""Queries over TPC-H's lineitem and orders, as it defines them: pushdown on, pushdown off, and spark.read.csv agree."""

import os
import random

import pytest

from samples import tpch

TABLES = {
    table: schema.replace("double", "decimal(15,2)").replace("l_linenumber int", "l_linenumber smallint")
    for table, schema in tpch.SCHEMAS.items()
}
RANDOM_QUESTIONS = int(os.environ.get("SPARK_STORLETS_TEST_QUERIES", "48")) // 4

#: Those of the 22 queries, whole or reduced to these two tables.
QUERIES = {
    "Q1": """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
        sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
        avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*) FROM {lineitem} WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL 90 DAY
        GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
    "Q1 in doubles": """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
        sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
        avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*) FROM {doubles} WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL 90 DAY
        GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
    "Q3": """SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
        FROM {orders} JOIN {lineitem} ON l_orderkey = o_orderkey
        WHERE o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
        GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10""",
    "Q4": """SELECT o_orderpriority, count(*) FROM {orders} WHERE o_orderdate >= DATE '1993-07-01'
        AND o_orderdate < DATE '1993-07-01' + INTERVAL 3 MONTH AND EXISTS (SELECT * FROM {lineitem}
        WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate)
        GROUP BY o_orderpriority ORDER BY o_orderpriority""",
    "Q6": """SELECT sum(l_extendedprice * l_discount) FROM {lineitem} WHERE l_shipdate >= DATE '1994-01-01'
        AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
    "Q12": """SELECT l_shipmode, sum(CASE WHEN o_orderpriority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END),
        sum(CASE WHEN o_orderpriority NOT IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END)
        FROM {orders} JOIN {lineitem} ON o_orderkey = l_orderkey
        WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate
        AND l_receiptdate >= DATE '1994-01-01' AND l_receiptdate < DATE '1995-01-01'
        GROUP BY l_shipmode ORDER BY l_shipmode""",
    "Q13": """SELECT o_custkey % 10, count(*) FROM {orders} WHERE o_comment NOT LIKE '%special%requests%'
        GROUP BY o_custkey % 10 ORDER BY 1""",
    "Q15": """SELECT l_suppkey, sum(l_extendedprice * (1 - l_discount)) AS total FROM {lineitem}
        WHERE l_shipdate >= DATE '1996-01-01' AND l_shipdate < DATE '1996-04-01'
        GROUP BY l_suppkey ORDER BY total DESC, l_suppkey LIMIT 5""",
    "Q18": """SELECT o_orderkey, o_totalprice, sum(l_quantity) FROM {orders} JOIN {lineitem} ON o_orderkey = l_orderkey
        WHERE o_orderkey IN (SELECT l_orderkey FROM {lineitem} GROUP BY l_orderkey HAVING sum(l_quantity) > 270)
        GROUP BY o_orderkey, o_totalprice ORDER BY o_totalprice DESC, o_orderkey LIMIT 20""",
    "Most groups": "SELECT l_orderkey, count(*) AS n, max(l_comment) FROM {lineitem} GROUP BY l_orderkey "
    "ORDER BY n DESC, l_orderkey LIMIT 50",
}
CONDITIONS = [
    "l_shipdate >= DATE '1995-06-01'", "l_quantity < 24", "l_discount BETWEEN 0.05 AND 0.07", "l_linenumber > 3",
    "l_shipmode IN ('AIR', 'RAIL')", "l_comment LIKE '%the%'", "l_commitdate < l_receiptdate", "l_returnflag = 'R'",
    "l_extendedprice * l_discount > 2000", "year(l_shipdate) = 1994", "length(l_comment) > 30",
    "l_suppkey % 3 = 1", "upper(l_shipinstruct) LIKE 'DELIVER%'", "l_comment LIKE 'a%s'", "l_tax = 0.02",
]  # fmt: skip
ORDER_CONDITIONS = [
    "o_orderpriority = '1-URGENT'",
    "o_totalprice > 200000",
    "o_comment LIKE '%the%'",
    "o_orderstatus <> 'F'",
]
GROUPS = ["l_returnflag", "l_linestatus", "l_shipmode", "year(l_shipdate)", "l_linenumber", "l_suppkey", "l_tax"]
FUNCTIONS = [
    "count(*)", "sum(l_quantity)", "min(l_shipdate)", "max(l_comment)", "sum(l_extendedprice * (1 - l_discount))",
    "count(l_comment)", "max(l_extendedprice)", "sum(l_orderkey)", "avg(l_linenumber)", "min(l_shipmode)",
    "sum(CASE WHEN l_quantity < 10 THEN 1 ELSE 0 END)", "sum(l_suppkey)", "min(length(l_comment))",
]  # fmt: skip


@pytest.fixture(scope="module")
def tpch_tables(ask, put, tmp_path_factory):
    for table, file in tpch.generate(tmp_path_factory.mktemp("tpch"), 0.01).items():
        path = put(f"pushdown/{table}.csv", file.read_bytes())
        ask.view(table, path, file, TABLES[table], header="true", minSplitSize="1000000")
        if table == "lineitem":
            ask.view("doubles", path, file, tpch.SCHEMAS[table], header="true", minSplitSize="1000000")


def agree(ask, question):
    expected = ask.rows(question, "csv")
    assert ask.rows(question, "on") == expected, question
    assert ask.rows(question, "off") == expected, question
    return expected


@pytest.mark.parametrize("name", QUERIES)
def test_query_has_the_answer_of_spark_csv(name, ask, tpch_tables):
    assert len(agree(ask, QUERIES[name])) > 0


def generated(chance):
    """A random question: rows or aggregates, of one table or of a join, perhaps only the first."""
    joined = chance.random() < 0.3
    source = "{lineitem} JOIN {orders} ON l_orderkey = o_orderkey" if joined else "{lineitem}"
    known = CONDITIONS + ORDER_CONDITIONS if joined else CONDITIONS
    wanted = " AND ".join(f"({chance.choice(known)})" for _ in range(chance.randrange(3))) or "true"
    if chance.random() < 0.3:
        columns = chance.sample(["l_comment", "l_shipdate", "l_extendedprice", "l_shipmode", "l_tax"], 2)
        order = f"{chance.choice(['', columns[0] + ' DESC, '])}l_orderkey, l_linenumber LIMIT {chance.randint(1, 30)}"
        return f"SELECT {', '.join(columns)} FROM {source} WHERE {wanted} ORDER BY {order}"
    groups = chance.sample([*GROUPS, "o_orderpriority"] if joined else GROUPS, chance.randrange(3))
    columns = ", ".join([*groups, *chance.sample(FUNCTIONS, chance.randint(1, 4))])
    return f"SELECT {columns} FROM {source} WHERE {wanted}" + (f" GROUP BY {', '.join(groups)}" if groups else "")


def test_generated_questions_have_the_answers_of_spark_csv(ask, tpch_tables):
    chance = random.Random(11)
    for _ in range(RANDOM_QUESTIONS):
        agree(ask, generated(chance))


@pytest.mark.parametrize("name", ["Q1 in doubles", "Q6", "Q15"])
def test_aggregates_of_the_query_are_made_in_the_store(name, ask, tpch_tables):
    assert "aggregated" in ask.description(QUERIES[name])
