"""Tables made by SQL, joins with other sources, and what a join's small side saves of the large one."""

import pytest
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets

LARGE = b"".join(b"%d,%d,name%d\n" % (n, n % 1000, n % 7) for n in range(20_000))


def test_a_table_made_by_sql_is_read_with_its_options(ask, put, cluster):
    path, spark = put("table.csv", b"a;1\nb;2\nc;3\n"), ask.spark
    spark.sql("DROP TABLE IF EXISTS made")
    spark.sql(
        f"CREATE TABLE made (s STRING, n INT) USING storlets OPTIONS "
        f"(path '{path}', sep ';', authUrl '{cluster.auth_url}', user '{USER}', key '{KEY}')"
    )
    try:
        found = spark_storlets.answer(spark.sql("SELECT s FROM made WHERE n > 1"))
        assert sorted(row.s for row in found.rows) == ["b", "c"]
        assert "pushed=[n IS NOT NULL, n > 1]" in found.scans[0].description
        assert [tuple(row) for row in spark.sql("SELECT count(*), sum(n) FROM made").collect()] == [(3, 6)]
    finally:
        spark.sql("DROP TABLE made")


def test_a_temporary_view_made_by_sql_finds_its_columns(ask, put, cluster):
    path, spark = put("view.csv", b"s,n\na,1\nb,2\n"), ask.spark
    spark.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW viewed USING storlets OPTIONS "
        f"(path '{path}', header 'true', authUrl '{cluster.auth_url}', user '{USER}', key '{KEY}')"
    )
    assert [tuple(row) for row in spark.sql("SELECT s FROM viewed WHERE n = '2'").collect()] == [("b",)]


def test_columns_with_odd_names_are_pushed(ask, put):
    ask.read(put("names.csv", b"1,x\n2,y\n"), "`a.b` int, `c``d` string")
    found = spark_storlets.answer(ask.spark.sql("SELECT max(`c``d`) FROM read WHERE `a.b` > 1"))
    assert found.rows[0][0] == "y" and "pushed=[a.b IS NOT NULL, a.b > 1] aggregated" in found.scans[0].description


# Spark looks for a filter of its own on the small side: one that it wholly pushed it does not see.
@pytest.mark.parametrize(("source", "condition"), [("store", "what RLIKE 'x|y'"), ("file", "what IN ('x', 'y')")])
def test_join_with_a_small_table_reads_only_its_keys(source, condition, ask, put, tmp_path):
    content = b"3,x\n500,y\n9999,z\n,x\n"
    (tmp_path / "small.csv").write_bytes(content)
    ask.read(put("small.csv", content), "k int, what string")
    ask.spark.table("read").createOrReplaceTempView("small")
    if source == "file":
        ask.spark.read.schema("k int, what string").csv(str(tmp_path)).createOrReplaceTempView("small")
    ask.read(put("large.csv", LARGE), "n int, k int, s string")
    found = spark_storlets.answer(ask.spark.sql("SELECT n FROM read JOIN small USING (k) WHERE " + condition))
    assert sorted(row.n for row in found.rows) == [n for n in range(20_000) if n % 1000 in (3, 500)]
    scan = found.scans[0]
    assert "columns=[n, k]" in scan.description and scan.rows_scanned == 20_000 and scan.rows_returned == 40


def test_rows_are_estimated_from_a_sample(ask, put):
    for name, lines in {"estimated/a.csv": 100, "estimated/b.csv": 5000, "estimated/c.csv": 0}.items():
        path = put(name, b"12,abcdefg\n" * lines)
    ask.read(path.replace("c.csv", "*"), "n int, s string")
    scan = ask.spark.table("read")._jdf.queryExecution().optimizedPlan().collectLeaves().head().scan()
    assert scan.estimateStatistics().toString() == f"Guess[bytes={5100 * 11}, rows=5100]"
