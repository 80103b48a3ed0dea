"""A storlet stops at its LIMIT, and sends only the first rows of an order: Spark finds among them what it would have."""

import pytest
from pushdown_tables import COLUMNS

import spark_storlets

ORDERS = [
    *(f"{name}{way}, n" for name in COLUMNS for way in ("", " DESC")),
    "i NULLS LAST, x DESC NULLS FIRST, n",
    "b DESC NULLS LAST, s, d2 DESC, n DESC",
    "year(d2), month(d2) DESC, n",
    "length(s) % 2, s2 DESC, n",
    "dec * dec2 DESC, x * x2, n",
    "upper(s), n",
]


TOGETHER = 8


@pytest.mark.parametrize("orders", [ORDERS[at : at + TOGETHER] for at in range(0, len(ORDERS), TOGETHER)])
@pytest.mark.parametrize("behind", ["ORDER BY {} LIMIT 7", "WHERE i > 1 AND s LIKE 'a%' ORDER BY {} LIMIT 5 OFFSET 3"])
def test_first_rows_are_those_of_spark(ask, orders, behind):
    asked = [f"(SELECT {at} AS q, n, i, x, s FROM {{t}} {behind.format(one)})" for at, one in enumerate(orders)]
    question = " UNION ALL ".join(asked)
    assert ask.rows(question, "on") == ask.rows(question, "csv")
    assert ask.description(question).count("top=[") == len(orders) - sum("upper" in order for order in orders)


@pytest.mark.parametrize(
    "question",
    [
        "SELECT n FROM {t} LIMIT 5",
        "SELECT n, s, x FROM {t} WHERE i > 1 AND s LIKE 'a%' LIMIT 3",
        "SELECT 1 FROM {t} LIMIT 4",
    ],
)
def test_limit_gives_so_many_rows_of_the_table(ask, question):
    expected = ask.rows(question.partition(" LIMIT")[0], "csv")
    found = ask.rows(question, "on")
    assert len(found) == int(question[-1])
    assert all(found.count(row) <= expected.count(row) for row in found)
    assert "limit=" in ask.description(question)


def test_limit_larger_than_the_table_gives_the_table(ask):
    assert ask.rows("SELECT n, dec FROM {t} LIMIT 100000", "on") == ask.rows("SELECT n, dec FROM {t}", "csv")


def test_each_split_answers_its_first_rows_only(ask):
    found = spark_storlets.answer(ask.spark.sql("SELECT n, s FROM t_on ORDER BY x DESC, n LIMIT 7"))
    (scan,) = found.scans
    assert "top=[x DESC NULLS LAST, n ASC NULLS FIRST] limit=7" in scan.description
    assert scan.rows_scanned == 600 and 7 <= scan.rows_returned <= 7 * 3


def test_a_storlet_with_its_rows_reads_no_further(ask, put):
    ask.read(
        put("long.csv", b"1,abcdefgh\n" * 1_000_000), "a int, b string", maxSplitSize=1 << 30, minSplitSize=1 << 30
    )
    found = spark_storlets.answer(ask.spark.sql("SELECT * FROM read LIMIT 10"))
    (scan,) = found.scans
    assert len(found.rows) == 10 and scan.rows_returned == 10 and scan.bytes_scanned <= 11_000_000 // 4


@pytest.mark.parametrize(
    "question",
    [
        "SELECT n FROM {t} WHERE isnan(x) LIMIT 5",
        "SELECT n FROM {t} WHERE upper(s) = 'AB' LIMIT 5",
        "SELECT n FROM {t} ORDER BY upper(s) LIMIT 5",
        "SELECT n FROM {t} ORDER BY n LIMIT 200000",
    ],
)
def test_limits_behind_what_spark_does_itself_stay_with_spark(ask, question):
    (scan,) = (line for line in ask.description(question).splitlines() if "BatchScan" in line)
    assert "limit=" not in scan and "top=" not in scan


def test_limit_with_failfast_stays_with_spark(ask, put):
    path = put("fail.csv", b"1\n2\n")
    ask.read(path, "a int", mode="FAILFAST")
    assert "limit=" not in ask.description("SELECT a FROM read LIMIT 1")
    assert "top=" in ask.description("SELECT a FROM read ORDER BY a LIMIT 1")
