"""Folders named key=value are columns, and paths name what they name in a file system: as for spark.read.csv.

The same trees stand in the store and in a folder of this machine; every question is asked of both.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient

import spark_storlets
from spark_storlets.errors import ConfigurationError, NotFoundError, UnsupportedError, error_from_spark

Tree = dict[str, str]
CONTAINER = "trees"


class Trees:
    """Trees of files, in the store and on the disk."""

    def __init__(
        self, spark: SparkSession, client: SwiftClient, read: Callable[..., DataFrame], directory: Path
    ) -> None:
        self.spark, self._client, self._read, self._directory = spark, client, read, directory
        self._numbers = itertools.count()
        client.connection.put_container(CONTAINER)

    def make(self, tree: Tree) -> str:
        """Write a tree to both; give the name of its root."""
        root = f"t{next(self._numbers)}"
        for name, text in tree.items():
            file = self._directory / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            self._client.connection.put_object(CONTAINER, f"{root}/{name}", text.encode())
        return root

    def both(self, paths: str | list[str], schema: str | None = None, **options: Any) -> tuple[DataFrame, DataFrame]:
        """Read paths with our format and with Spark's."""
        given = [paths] if isinstance(paths, str) else paths
        base = options.pop("basePath", None)
        local = {**options, **({"basePath": str(self._directory / base)} if base else {})}
        stored = {**options, **({"basePath": f"swift://{CONTAINER}/{base}"} if base else {})}
        reader = self.spark.read.options(**{k: str(v) for k, v in local.items()})
        theirs = (reader.schema(schema) if schema else reader).csv([str(self._directory / one) for one in given])
        return self._read([f"swift://{CONTAINER}/{one}" for one in given], schema, **stored), theirs

    def same(self, paths: str | list[str], schema: str | None = None, *questions: str, **options: Any) -> DataFrame:
        """Ask both the same; give ours."""
        ours, theirs = self.both(paths, schema, **options)
        assert ours.schema == theirs.schema
        ours.createOrReplaceTempView("ours")
        theirs.createOrReplaceTempView("theirs")
        for question in ("SELECT * FROM {t}", "SELECT count(*) FROM {t}", *questions):
            found = [
                sorted(map(repr, self.spark.sql(question.replace("{t}", view)).collect()))
                for view in ("ours", "theirs")
            ]
            assert found[0] == found[1], question
        return ours


@pytest.fixture(scope="module")
def trees(
    spark: SparkSession, client: SwiftClient, read: Callable[..., DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Trees:
    return Trees(spark, client, read, tmp_path_factory.mktemp("trees"))


@pytest.fixture
def conf(spark: SparkSession) -> Iterator[Callable[[str, str], None]]:
    before = {}

    def setter(name: str, value: str) -> None:
        before[name] = spark.conf.get(name, None)
        spark.conf.set(name, value)

    yield setter
    for name, value in before.items():
        spark.conf.unset(name) if value is None else spark.conf.set(name, value)


SALES = {
    f"year={year}/city={city}/{number}.csv": "".join(f"{i},item {i}\n" for i in range(year % 7 + number))
    for year in (2020, 2021, 2022)
    for city in ("Bath", "Lyon%3A 1", "__HIVE_DEFAULT_PARTITION__")
    for number in range(2)
}
QUESTIONS = (
    "SELECT item FROM {t} WHERE year = 2021",
    "SELECT year, city, k FROM {t} WHERE city IS NULL AND k > 1",
    "SELECT k FROM {t} WHERE year = 2020 AND k < 2 OR year = 2022 AND k > 3",
    "SELECT k FROM {t} WHERE city = 'Lyon: 1' OR k = 4",
    "SELECT k FROM {t} WHERE NOT (year = 2020 OR k < 3)",
    "SELECT year + k, upper(city) FROM {t} WHERE year + k > 2023",
    "SELECT count(*), sum(k), min(year), max(city) FROM {t}",
    "SELECT count(*), sum(k), max(year) FROM {t} WHERE year = 1999",
    "SELECT year, count(*), sum(k) FROM {t} WHERE year > 2020 GROUP BY year",
    "SELECT city, year % 2, avg(k) FROM {t} GROUP BY city, year % 2",
    "SELECT city, count(*) FROM {t} WHERE year = 1999 GROUP BY city",
    "SELECT DISTINCT city FROM {t}",
    "SELECT year FROM {t}",
    "SELECT year, k FROM {t} ORDER BY year DESC, k LIMIT 3",
    "SELECT count(*) FROM {t} WHERE year IN (2020, 2022, 7) AND city LIKE 'L%'",
)


def test_partition_columns_are_those_of_spark(trees: Trees) -> None:
    root = trees.make(SALES)
    frame = trees.same(root, "k int, item string", *QUESTIONS)
    assert frame.columns == ["k", "item", "year", "city"]
    trees.same(f"{root}/", "year string, k int, item string", *QUESTIONS[:6])
    trees.same(root, None, "SELECT _c1, year FROM {t} WHERE year = 2022", inferSchema=True)


def test_objects_of_other_partitions_are_not_asked(trees: Trees) -> None:
    root = trees.make(SALES)
    frame, _ = trees.both(root, "k int, item string")
    for condition, requests in (
        ("year = 2021", 6),
        ("year = 2021 AND city = 'Bath'", 2),
        ("year = 2021 AND k > 1 OR year = 2022 AND k < 1", 12),
        ("city IS NULL", 6),
        ("upper(city) = 'BATH'", 6),
        ("year = 1999", 0),
        ("k > 1", 18),
    ):
        (scan,) = spark_storlets.answer(frame.where(condition)).scans
        assert scan.requests == requests, condition
    (scan,) = spark_storlets.answer(frame.where("year = 1999").selectExpr("count(*)")).scans
    assert scan.requests == 1 and scan.bytes_scanned == 0


def test_join_prunes_partitions(trees: Trees, spark: SparkSession) -> None:
    root = trees.make(SALES)
    frame, _ = trees.both(root, "k int, item string")
    frame.createOrReplaceTempView("sales")
    years = spark.createDataFrame([(2021, "x"), (2020, "y")], "y int, s string").where("s = 'x'")
    years.createOrReplaceTempView("years")
    found = spark_storlets.answer(spark.sql("SELECT /*+ BROADCAST(years) */ k FROM sales JOIN years ON year = y"))
    assert [scan.requests for scan in found.scans] == [6]
    assert len(found.rows) == sum(text.count("\n") for name, text in SALES.items() if "year=2021" in name)


VALUES = {
    "int": ["1", "02", "-3"], "long": ["1", "99999999999"], "decimal": ["1", "99999999999999999999"],
    "double": ["1.5", "1e3", "2"], "date": ["2020-01-02", "1999-12-31"], "timestamp": ["2020-01-02 03%3A04%3A05", "2021-01-01"],
    "mixed": ["1", "x", "2020-01-01"], "nulls": ["5", "__HIVE_DEFAULT_PARTITION__"],
    "escaped": ["a%2Fb", "a b", "é"], "empties": ["nan", "Infinity", "0x1p3"], "words": ["true", "false"],
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("infers", ["true", "false"])
def test_types_of_values_are_those_of_spark(
    kind: str, infers: str, trees: Trees, conf: Callable[[str, str], None]
) -> None:
    conf("spark.sql.sources.partitionColumnTypeInference.enabled", infers)
    root = trees.make({f"p={value}/a.csv": f"{i}\n" for i, value in enumerate(VALUES[kind])})
    trees.same(root, "k int", "SELECT * FROM {t} WHERE p IS NOT NULL", "SELECT p, sum(k) FROM {t} GROUP BY p",
               "SELECT min(p), max(p) FROM {t}", "SELECT k, p FROM {t} ORDER BY p LIMIT 2")  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["tinyint", "smallint", "bigint", "float", "double", "decimal(7,2)", "string", "boolean"]
)
def test_schema_gives_types(kind: str, trees: Trees) -> None:
    values = ["true", "false"] if kind == "boolean" else ["1", "02"]
    root = trees.make({f"p={value}/a.csv": f"{i}\n" for i, value in enumerate(values)})
    trees.same(root, f"P {kind}, k int", "SELECT p, k FROM {t} WHERE p IS NOT NULL", "SELECT p FROM {t} GROUP BY p")


def test_malformed_records_beside_partition_columns(trees: Trees) -> None:
    root = trees.make({"p=1/a.csv": "1,x\n2\nz,y\n", "p=2/a.csv": "5,c\n"})
    questions = ("SELECT p, a FROM {t}", "SELECT p, b, _corrupt_record FROM {t} WHERE p = 1")
    trees.same(root, "a int, b string, _corrupt_record string", *questions)
    trees.same(root, "a int, b string", "SELECT p FROM {t} WHERE p > 0", "SELECT b, p FROM {t}", mode="DROPMALFORMED")
    for condition in ("p = 2", "p = 2 AND a > 0", "p = 2 AND a > 3 OR a < 2", "p = 1"):
        outcomes = []
        for frame in trees.both(root, "a int, b string", mode="FAILFAST"):
            try:
                outcomes.append(frame.where(condition).collect())
            except Exception:
                outcomes.append("failed")
        assert outcomes[0] == outcomes[1], condition


TREE = {
    "a.csv": "1\n", "b.csv": "2\n", "_hidden.csv": "3\n", ".dot.csv": "4\n", "c/a.csv": "5\n", "c/_x/a.csv": "6\n", "c/d/e.csv": "7\n",
    "x/1/a.csv": "8\n", "x/2/b.csv": "9\n", "x/2/c.txt": "10\n", "[1].csv": "11\n", "_x=1.csv": "12\n", "c1/a.csv": "13\n",
}  # fmt: skip
PATTERNS = (
    "", "a.csv", "c", "c/", "*.csv", "*", "c*", "?.csv", "[ab].csv", "[^a].csv", "[!a].csv", "[a-b].csv", "{a,b}.csv", "{a.csv,c/a.csv}",
    "x/{1/a,2/b}.csv", "x/*", "*/*", "*/*.csv", "x/*/*", r"\[1\].csv", "c/{d,_x}", "{c,c1}/a.csv", "_*", "x/[1-2]/?.*", "{a,{b,z}}.csv", "*.{csv,t*}",
)  # fmt: skip


def outcome(frame: Callable[[], DataFrame]) -> Any:
    try:
        return sorted(row.k for row in frame().collect())
    except Exception as error:
        ours = error_from_spark(error)
        return type(ours) if ours else "failed"


@pytest.fixture(scope="module")
def tree(trees: Trees) -> str:
    return trees.make(TREE)


@pytest.mark.parametrize(
    ("pattern", "recursive"), [*((one, "false") for one in PATTERNS), ("", "true"), ("c*", "true"), ("x/*", "true")]
)
def test_paths_name_what_they_name_in_a_file_system(pattern: str, recursive: str, tree: str, trees: Trees) -> None:
    def ask(which: int) -> Any:
        return outcome(lambda: trees.both(f"{tree}/{pattern}", "k int", recursiveFileLookup=recursive)[which])

    ours, theirs = ask(0), ask(1)
    # Where Spark reads nothing it says so, or not; we always do.
    assert ours == theirs or (ours is NotFoundError and theirs in ("failed", []))


def test_several_paths(trees: Trees, tree: str) -> None:
    trees.same([f"{tree}/a.csv", f"{tree}/c", f"{tree}/a.csv"], "k int")
    trees.same([f"{tree}/c", f"{tree}/c/a.csv"], "k int")
    root = trees.make(SALES)
    trees.same([f"{root}/year=2020", f"{root}/year=2021"], "k int, s string", QUESTIONS[11], basePath=root)
    trees.same(f"{root}/year=202[01]/*", "k int, s string")
    trees.same(f"{root}/year=202[01]/*", "k int, s string", QUESTIONS[11], basePath=root)
    trees.same(f"{root}/year=2020", "k int, s string", QUESTIONS[11])
    trees.same(f"{root}/*/*/1.csv", "k int, s string", QUESTIONS[11], basePath=root)
    trees.same(root, "k int, s string", recursiveFileLookup=True)


def test_whole_container(trees: Trees, read: Callable[..., DataFrame], client: SwiftClient) -> None:
    client.connection.put_container("whole")
    for name in ("a.csv", "b.csv", "deep/c.csv", "deep/er/d.csv"):
        client.connection.put_object("whole", name, f"{name}\n".encode())
    assert outcome(lambda: read("swift://whole", "k string")) == ["a.csv", "b.csv"]
    assert outcome(lambda: read("swift://whole/", "k string", recursiveFileLookup=True)) == [
        "a.csv", "b.csv", "deep/c.csv", "deep/er/d.csv",
    ]  # fmt: skip


def test_object_that_stands_for_a_folder(trees: Trees, client: SwiftClient) -> None:
    root = trees.make({"d/a.csv": "1\n", "p/q=1/a.csv": "2\n"})
    for name in ("d", "p", "p/q=1"):
        client.connection.put_object(CONTAINER, f"{root}/{name}", b"", content_type="application/directory")
    trees.same(f"{root}/d", "k int")
    trees.same(f"{root}/d*", "k int")
    trees.same(f"{root}/p", "k int")


@pytest.mark.parametrize(
    ("make", "options", "kind", "words"),
    [
        ({"p=1/a.csv": "1\n", "q=1/a.csv": "1\n"}, {}, ConfigurationError, "p"),
        ({"p=1/q=2/a.csv": "1\n", "p=1/a.csv": "1\n"}, {}, ConfigurationError, "p"),
        ({"p=1/a.csv": "p\n1\n"}, {"schema": None, "header": True}, ConfigurationError, "column p"),
        ({"p=1/a.csv": "1\n"}, {"schema": "k int, p binary"}, UnsupportedError, "p is of type binary"),
        ({"p=__HIVE_DEFAULT_PARTITION__/a.csv": "1\n"}, {}, UnsupportedError, "p is of type void"),
        ({"p=1/a.csv": "1\n"}, {"basePath": "elsewhere"}, ConfigurationError, "basePath"),
        ({"x/y/a.csv": "1\n"}, {}, NotFoundError, "recursiveFileLookup"),
        ({"[a.csv": "1\n"}, {"below": "/[a.csv"}, ConfigurationError, "[a.csv"),
        ({"[a].csv": "1\n"}, {"below": "/[a].csv"}, NotFoundError, "backslash"),
    ],
)
def test_what_does_not_go_together_is_refused(
    make: Tree, options: dict[str, Any], kind: type, words: str, trees: Trees, read: Callable[..., DataFrame]
) -> None:
    given = {"schema": "k int", "below": "", **options}
    path = f"swift://{CONTAINER}/{trees.make(make)}{given.pop('below')}"
    if "basePath" in given:
        given["basePath"] = f"swift://{CONTAINER}/{given['basePath']}"
    with pytest.raises(Exception) as caught:
        read(path, given.pop("schema"), **given).collect()
    found = error_from_spark(caught.value)
    assert type(found) is kind, caught.value
    assert words in str(found)


def test_table_of_a_catalog_has_partitions(trees: Trees, spark: SparkSession, cluster: Any) -> None:
    root = trees.make(SALES)
    login = f"authUrl '{cluster.auth_url}', user 'test:tester', key 'testing'"
    spark.sql(
        f"CREATE TABLE parted USING storlets OPTIONS (path 'swift://{CONTAINER}/{root}', inferSchema 'true', {login})"
    )
    try:
        assert spark.table("parted").columns == ["_c0", "_c1", "year", "city"]
        assert spark.sql("SELECT DISTINCT year FROM parted WHERE year > 2020").count() == 2
    finally:
        spark.sql("DROP TABLE parted")
