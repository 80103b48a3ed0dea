"""One table of every type, once as CSV in the store and once as a file, and a way to ask both the same question."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pushdown_tables import SCHEMA, content
from pyspark.sql import SparkSession
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER


@dataclass
class Answers:
    """What a question finds in the store with pushdown, without, and in the file through spark.read.csv."""

    spark: SparkSession
    options: dict[str, str]
    table: tuple[str, Path, str] = ("", Path(), "")

    def view(self, name: str, path: str, file: Path, schema: str, **options: str) -> None:
        """Make the views NAME_on, NAME_off and NAME_csv."""
        off = dict.fromkeys(("pushPredicates", "pushAggregates", "pushLimit"), "false")
        for suffix, more in (("on", {}), ("off", off)):
            read = self.spark.read.format("storlets").schema(schema).options(**self.options, **options, **more)
            read.load(path).createOrReplaceTempView(f"{name}_{suffix}")
        known = {k: v for k, v in options.items() if k not in ("minSplitSize", "maxSplitSize")}
        self.spark.read.schema(schema).options(**known).csv(str(file)).createOrReplaceTempView(f"{name}_csv")

    def read(self, path: str, schema: str, **options: object) -> None:
        """Make the view `read` of a path in the store."""
        read = self.spark.read.format("storlets").schema(schema).options(**self.options)
        read.options(**{k: str(v) for k, v in options.items()}).load(path).createOrReplaceTempView("read")

    def rows(self, question: str, suffix: str) -> list[str]:
        """Answer a question about the views {NAME}."""
        table = self.spark.sql(question.replace("}", "_" + suffix).replace("{", "")).toArrow()
        columns = [[rounded(value) for value in plain(column).to_pylist()] for column in table.columns]
        shown = [repr(row) for row in zip(*columns, strict=True)]
        return shown if "ORDER BY" in question else sorted(shown)

    def failure(self, question: str, suffix: str) -> str | None:
        """Name the error that a question ends in."""
        try:
            self.rows(question, suffix)
        except Exception as error:
            return type(error).__name__
        return None

    def description(self, question: str) -> str:
        """Describe how Spark would answer."""
        frame = self.spark.sql(question.replace("}", "_on").replace("{", ""))
        return str(frame._jdf.queryExecution().executedPlan().toString())


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give dates and times as numbers: Python knows the years 1 to 9999 only."""
    if pa.types.is_date(column.type):
        return column.cast(pa.int32())
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def rounded(value: object) -> object:
    """Sums of floating point depend on the order of adding, in Spark's own reader as well."""
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.fixture(scope="session")
def ask(
    spark: SparkSession, cluster: Devstack, put: Callable[[str, bytes], str], tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    answers = Answers(spark, {"authUrl": cluster.auth_url, "user": USER, "key": KEY})
    file = tmp_path_factory.mktemp("pushdown") / "t.csv"
    file.write_bytes(content(600))
    path = put("pushdown.csv", file.read_bytes())
    size = str(file.stat().st_size // 3 + 1)
    answers.table = (path, file, SCHEMA)
    answers.view("t", *answers.table, minSplitSize=size, maxSplitSize=size)
    return answers
