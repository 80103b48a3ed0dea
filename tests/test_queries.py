"""Rows from the store equal the rows of spark.read.csv on the same bytes."""

from pathlib import Path

import pytest

import spark_storlets
from samples import smart_meter, tpch
from samples.queries import QUERIES, SCHEMAS
from spark_storlets.errors import ConfigurationError

ROWS = "k int, n bigint, d double, s string, t date"
RAGGED = (
    b"\xef\xbb\xbf"
    + b'1,10,1.5,plain,2020-01-01\r\n2,,NaN,"quoted, comma",2020-1-2\n\n3,30,-0.0,"a ""doubled"" one",\n'
    + b'  \n4,x,Infinity,"esc \\" aped",1999-12-31 anything\r5,50\n6,60,1e400,,2020-02-30,extra,more\n'
    + "7,٣,0x1p3,Île ".encode()
    + b"\xff\xc3(,2020\n8,80,0.0,"
    + b"long " * 40
    + b',2021-01-01\n"9",90," 1.5 ",last without newline,0001-01-01'
)


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tables")
    files = tpch.generate(directory / "tpch", 0.01)
    smart_meter.write(directory / "meters.csv", 20_000)
    return {**files, "meters": directory / "meters.csv"}


@pytest.mark.parametrize("title", QUERIES)
def test_sample_query_equals_spark_csv(title, tables, read, put, spark):
    for table, file in tables.items():
        path = put(f"samples/{table}.csv", Path(file).read_bytes())
        read(path, SCHEMAS[table], header=True, minSplitSize=200_000).createOrReplaceTempView(table)
    query = spark.sql(QUERIES[title])
    found = spark_storlets.answer(query)
    for table, file in tables.items():
        spark.read.schema(SCHEMAS[table]).csv(str(file), header=True).createOrReplaceTempView(table)
    expected = spark.sql(QUERIES[title]).collect()
    assert [rounded(r) for r in found.rows] == [rounded(r) for r in expected]
    assert expected, "the query must find rows, or it shows nothing"
    assert found.scans and all(s.bytes_received < s.bytes_scanned for s in found.scans)


def rounded(row):
    """Sums of doubles depend on the order of adding, in Spark's own reader as well."""
    return tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row)


def test_compressed_answers_are_the_same_rows_in_fewer_bytes(tables, read, put, spark):
    path = put("compressed/lineitem.csv", tables["lineitem"].read_bytes())
    decimals = SCHEMAS["lineitem"].replace("double", "decimal(15,2)")
    plain, compressed = (
        read(path, decimals, header=True, minSplitSize=200_000, compressAnswers=asked) for asked in (False, True)
    )
    if spark.version.startswith("4.0."):
        with pytest.raises(Exception, match="compressAnswers = true: this Spark cannot read") as caught:
            compressed.collect()
        assert isinstance(spark_storlets.error_from_spark(caught.value), ConfigurationError)
        return
    expected, found = spark_storlets.answer(plain), spark_storlets.answer(compressed)
    assert found.rows == expected.rows != []
    sent = [sum(scan.bytes_received for scan in answer.scans) for answer in (expected, found)]
    assert sent[1] < 0.5 * sent[0], f"bytes plain and compressed: {sent}"


def local(spark, tmp_path, content, schema, **options):
    file = tmp_path / "same.csv"
    file.write_bytes(content)
    return spark.read.schema(schema).options(**options).csv(str(file))


def shown(frame):
    return sorted(repr(tuple(row)) for row in frame.collect())


@pytest.mark.parametrize("columns", [["*"], ["k"], ["t", "s"], ["d", "n"]])
@pytest.mark.parametrize("header", [False, True])
def test_split_size_does_not_change_rows(columns, header, read, put, spark, tmp_path):
    content = (b"k,n,d,s,t\n" if header else b"") + RAGGED
    path = put(f"ragged-{header}.csv", content)
    expected = shown(local(spark, tmp_path, content, ROWS, header=header).select(*columns))
    for size in [5, 64, 200, len(content)]:
        frame = read(path, ROWS, header=header, minSplitSize=size, maxSplitSize=size)
        assert shown(frame.select(*columns)) == expected, f"splits of {size} bytes"


def test_every_split_size_from_one_byte_up_gives_the_same_rows(read, put, spark, tmp_path):
    content = b'k,s\r\n1,"a,b"\n\n22,\r333,"x ""y"""\n4,last'
    path = put("small.csv", content)
    expected = shown(local(spark, tmp_path, content, "k int, s string", header=True))
    for size in range(1, len(content) + 2):
        frame = read(path, "k int, s string", header=True, minSplitSize=size, maxSplitSize=size)
        assert shown(frame) == expected, f"splits of {size} bytes"


@pytest.mark.parametrize("splits", [1, 2, 3, 7, 50])
def test_number_of_splits_does_not_change_rows(splits, read, put, spark, tables, tmp_path):
    content = Path(tables["orders"]).read_bytes()
    size = -(-len(content) // splits)
    path = put("orders.csv", content)
    frame = read(path, SCHEMAS["orders"], header=True, minSplitSize=size, maxSplitSize=size)
    assert frame.rdd.getNumPartitions() == splits
    expected = local(spark, tmp_path, content, SCHEMAS["orders"], header=True)
    assert shown(frame) == shown(expected)
    assert frame.count() == expected.count()


@pytest.mark.parametrize(
    "condition",
    [
        "k > 3", "k <= 3 OR d = 0.0", "NOT (k = 3)", "n IS NULL", "d > 1", "d = double('NaN')", "d >= double('NaN')",
        "d < double('Infinity')", "d = -0.0", "s = 'plain' AND t IS NOT NULL", "s < 'f'", "s IN ('plain', 'x')",
        "k NOT IN (1, 2)", "n <=> NULL", "d <=> 1.5", "d IN (1.5, double('NaN'), 0.0)", "t < DATE '2020-01-02'",
        "NOT (n > 20 OR t = DATE '2020-01-01')", "NOT (n IN (10, 30) AND d > 0)", "k IN (1, NULL)",
        "s LIKE 'quo%' AND k = 2", "k = n", "k + 1 = 3", "length(s) > 10", "k > 3 AND rand() >= 0",
    ],
)  # fmt: skip
def test_predicate_keeps_the_rows_that_spark_keeps(condition, read, put, spark, tmp_path):
    path = put("predicates.csv", RAGGED)
    expected = local(spark, tmp_path, RAGGED, ROWS).where(condition)
    for columns in (["*"], ["s", "k"]):
        frame = read(path, ROWS, minSplitSize=90, maxSplitSize=90).where(condition).select(*columns)
        assert shown(frame) == shown(expected.select(*columns))


def test_pushed_predicates_and_columns_show_in_explain(read, put, capsys):
    path = put("explained.csv", RAGGED)
    read(path, ROWS).where("k > 3 AND length(s) > 3").select("n").explain(extended=True)
    plan = capsys.readouterr().out
    assert "pushed=[" in plan and "k > 3" in plan
    assert "testing" not in plan, "the key must not be seen in a plan"


def test_names_come_from_the_header_as_spark_makes_them(read, put, spark, tmp_path):
    content = b'a,A,,"b c",\n1,2,3,4,5\n'
    file = tmp_path / "names.csv"
    file.write_bytes(content)
    expected = spark.read.csv(str(file), header=True)
    found = read(put("names.csv", content), header=True)
    assert found.schema == expected.schema
    assert shown(found) == shown(expected)
    assert read(put("names.csv", content)).columns == spark.read.csv(str(file)).columns


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a,b\n", b"a,b", b"\n \na,b\n1,2\n", b"a,b\r1,2\r", b"\xef\xbb\xbf"]
)
@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_small_and_odd_objects(content, header, size, read, put, spark, tmp_path):
    schema = "a string, b string"
    expected = local(spark, tmp_path, content, schema, header=header)
    frame = read(put("odd.csv", content), schema, header=header, minSplitSize=size, maxSplitSize=size)
    assert shown(frame) == shown(expected)
    assert frame.count() == expected.count()


def test_several_paths_and_globs(read, put):
    one, two = put("many/1.csv", b"1\n2\n"), put("many/2.csv", b"3\n")
    put("many/_hidden.csv", b"9\n")
    put("many/_temporary/0.csv", b"9\n")
    assert sorted(r.a for r in read([one, two], "a int").collect()) == [1, 2, 3]
    assert sorted(r.a for r in read("swift://tests/many/*.csv", "a int").collect()) == [1, 2, 3]


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_large_object_is_read_in_splits_over_its_segments(size, read, put, client, spark, tmp_path):
    import json

    content = b"k,s\n" + b"".join(b"%d,%s\n" % (i, b"x" * (i % 9)) for i in range(40))
    manifest = []
    for i, at in enumerate(range(0, len(content), 37)):
        put(f"segments/{i:03}", content[at : at + 37])
        manifest.append({"path": f"tests/segments/{i:03}"})
    client.connection.put_object("tests", "large.csv", json.dumps(manifest), query_string="multipart-manifest=put")
    schema = "k int, s string"
    frame = read("swift://tests/large.csv", schema, header=True, minSplitSize=size, maxSplitSize=size)
    assert shown(frame) == shown(local(spark, tmp_path, content, schema, header=True))
    assert [r.k for r in frame.where("k = 17").collect()] == [17]


def test_sql_table_with_options(read, put, spark, cluster):
    path = put("sql.csv", b"k,s\n1,a\n2,b\n")
    spark.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW from_sql (k INT, s STRING) USING storlets OPTIONS (path '{path}', "
        f"header 'true', authUrl '{cluster.auth_url}', user 'test:tester', key 'testing')"
    )
    assert [tuple(r) for r in spark.sql("SELECT s FROM from_sql WHERE k = 2").collect()] == [("b",)]
