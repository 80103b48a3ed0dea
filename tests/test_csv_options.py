"""Spark's CSV options through the whole stack: the same rows as spark.read.csv gives, or the same refusal."""

import bz2
import gzip
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_storlets.errors import (
    ConfigurationError,
    MalformedRecordError,
    StorletFailedError,
    UnsupportedError,
    error_from_spark,
)

Query = Callable[[DataFrame], DataFrame]
Read = Callable[..., DataFrame]
Same = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def same(read: Read, put: Callable[[str, bytes], str], spark: SparkSession, tmp_path: Path) -> Same:
    """Compare our answer with Spark's: same(data, schema, query, name, **options); gives the rows."""

    def compare(
        data: bytes, schema: str | None = None, query: Query = lambda t: t, name: str = "data.csv", **options: object
    ) -> list[tuple[object, ...]]:
        file = tmp_path / name
        file.write_bytes(data)
        spark_options = {k: str(v) for k, v in options.items() if k not in ("minSplitSize", "maxSplitSize")}
        local = spark.read.options(**spark_options)
        theirs = query((local.schema(schema) if schema else local).csv(str(file)))
        ours = query(read(put(name, data), schema, **options))
        assert ours.schema.simpleString() == theirs.schema.simpleString()
        found = [tuple(row) for row in ours.collect()]
        assert repr(found) == repr([tuple(row) for row in theirs.collect()])
        return found

    return compare


PEOPLE = b"name;born;note\nAda;1815-12-10;'x; y'\n# remark\nGrace;1906-12-09;\nAlan;NA;''\n"
PEOPLE_OPTIONS = {"sep": ";", "quote": "'", "header": True, "comment": "#", "nullValue": "NA", "emptyValue": "none"}


def test_separator_quote_comment_and_values(same: Same) -> None:
    found = same(PEOPLE, "name string, born date, note string", **PEOPLE_OPTIONS)
    assert [row[2] for row in found] == ["x; y", None, "none"]


def test_a_line_feed_is_data_where_another_separator_ends_lines(same: Same) -> None:
    assert same(b"\na,b,c;1,2;", lineSep=";") == [("\na", "b", "c"), ("1", "2", None)]
    same(b"\na,b,c;1,2;", lineSep=";", header=True)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".deflate", zlib.compress)],
)
def test_compressed_objects(same: Same, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    data = b"".join(f"{n},text {n}\n".encode() for n in range(5000))
    # Two streams in a row are one file, as who appends them expects.
    found = same(
        pack(data[:20_000]) + pack(data[20_000:]),
        "n int, t string",
        lambda t: t.where("n >= 4990"),
        "packed.csv" + suffix,
        minSplitSize=1,
        maxSplitSize=999,
    )
    assert len(found) == 10


def test_zstd_objects(read: Read, put: Callable[[str, bytes], str]) -> None:
    """Spark's own reader needs a native library for these."""
    packed = bytes(pa.compress(b"1,a\n2,b\n", "zstd", asbytes=True))
    assert [tuple(r) for r in read(put("packed.csv.zst", packed), "n int, t string").collect()] == [(1, "a"), (2, "b")]


def test_compressed_object_that_breaks_off(read: Read, put: Callable[[str, bytes], str]) -> None:
    path = put("broken.csv.gz", gzip.compress(b"1,a\n" * 50_000)[:-20])
    with pytest.raises(Exception, match="gzip") as caught:
        read(path, "n int, t string").collect()
    assert isinstance(error_from_spark(caught.value), StorletFailedError)


BROKEN = b"1,a,2.5\nx,b,3.5\n3,c\n4,d,4.5,5\n5,e,y\n"
SCHEMA = "n int, t string, d double, _corrupt_record string"


@pytest.mark.parametrize("mode", ["PERMISSIVE", "DROPMALFORMED", "permissive", "nonsense"])
@pytest.mark.parametrize(
    "query",
    [
        lambda t: t,
        lambda t: t.select("t"),
        lambda t: t.select("n", "_corrupt_record"),
        lambda t: t.where("n > 3"),
        lambda t: t.where("t = 'c'").select("d", "_corrupt_record"),
        lambda t: t.where("_corrupt_record is not null").select("n", "_corrupt_record"),
        lambda t: t.groupBy().count(),
    ],
    ids=["all", "one", "with corrupt", "filter", "filter and corrupt", "filter on corrupt", "count"],
)
def test_malformed_records(same: Same, mode: str, query: Query) -> None:
    same(BROKEN, SCHEMA, query, mode=mode)
    same(BROKEN, SCHEMA, query, mode=mode, columnPruning=False)


def test_malformed_records_without_a_column_for_them(same: Same) -> None:
    assert len(same(BROKEN, "n int, t string, d double", mode="DROPMALFORMED")) == 1


def test_failfast_fails_at_a_malformed_record(
    same: Same, read: Read, put: Callable[[str, bytes], str], spark: SparkSession
) -> None:
    schema = "n int, t string, d double"
    assert len(same(b"1,a,2\n2,b,3\n", schema, mode="FAILFAST")) == 2
    assert len(same(BROKEN, schema, lambda t: t.select("t"), mode="FAILFAST")) == 5
    # Spark drops records by a filter before it looks for what is wrong with them.
    assert len(same(BROKEN, schema, lambda t: t.where("t = 'a'"), mode="FAILFAST")) == 1
    for query in (lambda t: t, lambda t: t.where("n = 5"), lambda t: t.where("t = 'b'").select("n")):
        with pytest.raises(Exception, match="FAILFAST") as caught:
            query(read(put("broken.csv", BROKEN), schema, mode="FAILFAST")).collect()
        assert isinstance(error_from_spark(caught.value), MalformedRecordError)


def test_only_the_corrupt_column(read: Read, put: Callable[[str, bytes], str]) -> None:
    path = put("broken.csv", BROKEN)
    with pytest.raises(Exception, match="_corrupt_record") as caught:
        read(path, SCHEMA).select("_corrupt_record").collect()
    assert isinstance(error_from_spark(caught.value), UnsupportedError)
    with pytest.raises(Exception, match="bad") as caught:
        read(path, "n int, bad int", columnNameOfCorruptRecord="bad").collect()
    assert isinstance(error_from_spark(caught.value), ConfigurationError)


def test_enforce_schema(same: Same, read: Read, put: Callable[[str, bytes], str]) -> None:
    data = b"a,B,c\n1,2,3\n"
    options = {"header": True, "enforceSchema": False}
    same(data, "a int, b int, c int", **options)
    same(data, "a int, x int, c int", lambda t: t.select("a", "c"), **options)
    for schema, words in (
        ("a int, x int, c int", "'B'.*'x'"),
        ("a int, b int", "3 names"),
        ("a int, b int, c int, d int", "4"),
    ):
        with pytest.raises(Exception, match=words) as caught:
            read(put("data.csv", data), schema, **options).collect()
        assert isinstance(error_from_spark(caught.value), ConfigurationError)


def test_encodings_and_line_separators(same: Same) -> None:
    text = "naïve;1\nÅsa;2\n"
    for encoding in ("ISO-8859-1", "utf-8"):
        same(text.encode(encoding), "t string, n int", sep=";", encoding=encoding)
    same(text.encode("utf-16-le"), "t string, n int", sep=";", encoding="UTF-16LE", lineSep="\n", minSplitSize=5)
    same(b"1,a\nb|2,c|", "n int, t string", lineSep="|")


def test_types(same: Same) -> None:
    data = (
        b"true,1,2,3,1.5,2.5,1.25,2020-01-02,2020-01-02 03:04:05,2020-01-02T03:04:05.5+02:00,x\n"
        b"FALSE,-128,-32768,9223372036854775807,1e3,NaN,-9.999,2020-2,2020-01-02,2020-06-02 12:00:00,y\n"
        b"no,128,32768,x,y,z,1e9,2020-13,t,America/New_York,\n"
    )
    schema = (
        "b boolean, t tinyint, s smallint, l bigint, f float, d double, m decimal(5,2), day date, n timestamp_ntz, "
        "z timestamp, y binary"
    )
    same(data, schema, timeZone="Europe/Berlin")
    same(data, schema, lambda t: t.where("l < 5").select("z", "m", "y"))


def test_formats(same: Same) -> None:
    data = b"02/01/2020,2020-01-02 10h30\n2020-01-02,2020-01-02 10:30:00\n"
    same(data, "d date, t timestamp", dateFormat="dd/MM/yyyy", timestampFormat="yyyy-MM-dd HH'h'mm")


INFERRED = (
    b"i,l,m,d,b,day,at,s,none\n1,3000000000,12345678901234567890,1.5,true,2020-01-02,2020-01-02 03:04:05,x,\n" * 1
)
INFERRED += b"i,l,m,d,b,day,at,s,none\n,2,3,2,false,2020-01-03,2020-01-02,7,\n"


@pytest.mark.parametrize("prefer", [True, False])
def test_inferred_schema(same: Same, prefer: bool) -> None:
    same(INFERRED, header=True, inferSchema=True, preferDate=prefer, minSplitSize=1, maxSplitSize=100)
    same(INFERRED, inferSchema=True)


def test_inference_over_several_objects(
    read: Read, put: Callable[[str, bytes], str], spark: SparkSession, tmp_path: Path
) -> None:
    files = {"a.csv": b"x,y\n1,2\n", "b.csv": b"x,y\n2.5,true\n3,false\n", "c.csv": b""}
    for name, data in files.items():
        put(f"inferred/{name}", data)
        (tmp_path / name).write_bytes(data)
    theirs = spark.read.csv(str(tmp_path), header=True, inferSchema=True)
    ours = read("swift://tests/inferred/*.csv", header=True, inferSchema=True)
    assert ours.schema == theirs.schema
    assert sorted(map(tuple, ours.collect())) == sorted(map(tuple, theirs.collect()))


MULTI = "".join(f'{n},"line {n}\nand ""more""\n\n{"x" * (n % 50)}",{n / 4}\n' for n in range(400)).encode()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_multi_line_objects_are_split(same: Same, ends: str) -> None:
    data = MULTI.replace(b"\n", ends.encode())
    for escape in ("\\", '"'):
        found = same(data, "n int, t string, d double", multiLine=True, escape=escape, minSplitSize=1, maxSplitSize=700)
        assert len(found) == 400 or escape == "\\"
    same(data, "n int, t string, d double", lambda t: t.where("n > 390"), multiLine=True, escape='"', header=True)


def test_multi_line_object_with_stray_quotes(same: Same) -> None:
    data = b"".join(b'%d,a"b,"c\nd"e,f\n' % n + b'%d,"g"h"\n' % n for n in range(200))
    same(data, "n int, a string, b string, c string", multiLine=True, minSplitSize=1, maxSplitSize=300)


@pytest.mark.parametrize("multi_line", [False, True])
def test_record_of_a_hundred_megabytes_lies_over_many_splits(
    multi_line: bool, read: Read, put: Callable[[str, bytes], str]
) -> None:
    end = b"\n" if multi_line else b""
    path = put("long.csv", b'1,short\n2,"' + b"0123456789abcde" * 7_000_000 + end + b'"\n3,end\n')
    rows = read(path, "n int, s string", multiLine=multi_line, maxSplitSize=32 << 20)
    # Spark's own reader runs out of memory here.
    expected = [(1, 5), (2, 105_000_000 + multi_line), (3, 3)]
    assert sorted(map(tuple, rows.selectExpr("n", "length(s)").collect())) == expected
    assert [row.n for row in rows.where("n > 2").collect()] == [3]


@pytest.mark.parametrize("multi_line", [False, True])
def test_quote_that_is_open_at_the_end_of_the_object(same: Same, multi_line: bool) -> None:
    data = b'1,"a"\n2,"open\n' + b"3,still open\n" * 500
    found = same(data, "n int, s string", multiLine=multi_line, minSplitSize=1, maxSplitSize=900)
    assert len(found) == (2 if multi_line else 502)


@pytest.mark.parametrize("multi_line", [False, True])
def test_splits_that_begin_inside_the_header(same: Same, multi_line: bool) -> None:
    header = ",".join(f"column_{i:03}" for i in range(40)).encode() + (b',"two\nlines"' if multi_line else b"")
    rows = b"".join(b",".join(b"%d" % (row * i) for i in range(40)) + b"\n" for row in range(10))
    options = {"header": True, "multiLine": multi_line, "inferSchema": True, "minSplitSize": 1, "maxSplitSize": 100}
    assert len(same(header + b"\n" + rows, **options)) == 10
    assert same(header + b"\n", **options) == []


@pytest.mark.parametrize("path", ["bad.csv.snappy", "bad.csv.lz4"])
def test_other_compressions_are_refused(read: Read, put: Callable[[str, bytes], str], path: str) -> None:
    with pytest.raises(Exception, match="compressed") as caught:
        read(put(path, b"1\n"), "a int").collect()
    assert isinstance(error_from_spark(caught.value), UnsupportedError)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"sep": ""}, ConfigurationError),
        ({"sep": "\\"}, ConfigurationError),
        ({"sep": "\\|"}, ConfigurationError),
        ({"quote": "ab"}, ConfigurationError),
        ({"lineSep": "abc"}, ConfigurationError),
        ({"encoding": "latin1"}, ConfigurationError),
        ({"encoding": "UTF-16"}, UnsupportedError),
        ({"header": "yes"}, ConfigurationError),
        ({"maxColumns": "x"}, ConfigurationError),
        ({"samplingRatio": "0"}, ConfigurationError),
        ({"locale": "de-DE"}, UnsupportedError),
        ({"locale": "en-US"}, None),
        ({"pathGlobFilter": "*"}, UnsupportedError),
        ({"nope": "x", "compression": "gzip"}, None),
    ],
)
def test_option_values(
    read: Read, put: Callable[[str, bytes], str], options: dict[str, str], kind: type[Exception] | None
) -> None:
    path = put("one.csv", b"1\n")
    with pytest.raises(Exception, match=next(iter(options))) if kind else nullcontext() as caught:
        assert read(path, "a decimal(5,2)", **options).collect()
    if kind:
        assert type(error_from_spark(caught.value)) is kind
