"""One table, read in several ways: lineitem in a Swift cluster on this machine, and on its disk.

==========  ==========================================================================================================
Name        Read by
==========  ==========================================================================================================
ours        the store, with all that it can do
compressed  as ours, its answers compressed
off         the same connector with every pushdown off
csv         spark.read.csv from the local disk: a peer without any network
s3a         spark.read.csv through Hadoop's S3A, from the same Swift's s3api
==========  ==========================================================================================================

Each also as NAME_doubles: as NAME, with double in the place of decimal(15,2).
"""

from __future__ import annotations

import decimal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.machine import machine
from benchmarks.report import BUILD
from samples.tpch import SCHEMAS, generate

WARM_UPS = 3  # rounds
DOUBLES = SCHEMAS["lineitem"]
DECIMALS = DOUBLES.replace("double", "decimal(15,2)")
MORE = {
    "ours": {},
    "compressed": {"compressAnswers": "true"},
    "off": {"pushPredicates": "false", "pushAggregates": "false", "pushLimit": "false"},
}


def lineitem(scale: float) -> Path:
    """Make TPC-H's lineitem as CSV, once."""
    return generate(BUILD / "data" / f"tpch-{scale:g}", scale)["lineitem"]


@contextmanager
def session(file: Path, names: Sequence[str]) -> Iterator[SparkSession]:
    """Run a cluster and a Spark that has the file as these tables."""
    with machine("s3a" in names) as (spark, stack):
        with file.open("rb") as content:
            SwiftClient(stack.auth_url, USER, KEY).connection.put_object("bench", file.name, content)
        for suffix, schema in (("", DECIMALS), ("_doubles", DOUBLES)):
            for name in names:
                read(spark, stack, file, name, schema).createOrReplaceTempView(name + suffix)
        yield spark


def read(spark: SparkSession, stack: Devstack, file: Path, name: str, schema: str) -> DataFrame:
    """Make one of the tables."""
    if name in ("csv", "s3a"):
        return spark.read.schema(schema).csv(str(file) if name == "csv" else f"s3a://bench/{file.name}", header=True)
    options = {"header": "true", "authUrl": stack.auth_url, "user": USER, "key": KEY, **MORE[name]}
    return spark.read.format("storlets").schema(schema).options(**options).load(f"swift://bench/{file.name}")


def alternate(
    spark: SparkSession, queries: Mapping[str, str], names: Sequence[str], rounds: int, again: bool = False
) -> dict[tuple[str, str], list[float]]:
    """Run each query over each table in turn, after rounds that only warm up, as the compiler of Java has to.

    Args:
        spark: a session that has the tables.
        queries: by name, with {table} in the place of the table.
        names: of the tables.
        rounds: that are measured.
        again: these ran before, and need neither to be warmed up nor compared.

    Returns:
        Seconds by query and table, a value for each round; the queries' rows are thrown away.

    Raises:
        RuntimeError: two tables give other rows (looked at in the first round).
    """
    found: dict[tuple[str, str], list[float]] = {}
    warm_ups = 0 if again else WARM_UPS
    for number in range(warm_ups + rounds):
        for query, text in queries.items():
            if number == 0 and not again:
                answers = {name: rows(spark.sql(text.format(table=name))) for name in names}
                if any(answer != answers[names[0]] for answer in answers.values()):
                    raise RuntimeError(f"{query}: the tables {', '.join(names)} do not give the same rows")
            for name in names:
                seconds = run(spark, text.format(table=name))
                if number >= warm_ups:
                    found.setdefault((query, name), []).append(seconds)
    return found


def ratios(found: Mapping[tuple[str, str], Sequence[float]], query: str, peer: str, name: str = "ours") -> list[float]:
    """Give the peer's seconds divided by ours, or by those of another table, round by round."""
    return [a / b for a, b in zip(found[query, peer], found[query, name], strict=True)]


def run(spark: SparkSession, query: str) -> float:
    """Return the seconds that a query takes, its rows thrown away."""
    start = time.perf_counter()
    spark.sql(query).write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def rows(frame: DataFrame) -> list[Any]:
    """Give what tells one answer from another: the sum of the rows' hashes; of few rows they themselves."""
    if len(frame.columns) > 10:
        hashed = frame.selectExpr("sum(cast(xxhash64(*) as decimal(38,0)))", "count(*)").collect()[0]
        assert hashed[0] is None or isinstance(hashed[0], decimal.Decimal)
        return list(hashed)
    # Sums of doubles depend on the order of adding.
    return sorted(tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row) for row in frame.collect())


def received(spark: SparkSession, query: str) -> int:
    """Return the bytes that a query receives from the store."""
    # All of its columns, and no rows to be collected.
    frame = spark.sql(query).selectExpr("max(xxhash64(*))")
    return sum(scan.bytes_received for scan in spark_storlets.answer(frame).scans)
