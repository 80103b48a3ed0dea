"""Putting the connector into a Spark session, and seeing afterwards what the store did for a query."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_storlets.resources import jar_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

_PYTHON = "spark.datasource.storlets.python"
#: Spark 4.3 would hand the reader's batches to pandas and Arrow UDFs and keep them, while the reader fills them anew.
_KEEPS_BATCHES = "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"


def configure(builder: SparkSession.Builder) -> SparkSession.Builder:
    """Add the connector to a session that is still to be built; jars that were set before stay.

    Raises:
        ConfigurationError: the jar is missing from this installation.
    """
    jars = [*filter(None, [builder._options.get("spark.jars")]), str(jar_path())]
    return builder.config("spark.jars", ",".join(jars)).config(_PYTHON, sys.executable).config(_KEEPS_BATCHES, "false")


def install(spark: SparkSession) -> None:
    """Add the connector to a session that runs already.

    Raises:
        ConfigurationError: the jar is missing from this installation.
    """
    spark.sql(f"ADD JAR '{jar_path()}'")
    spark.conf.set(_PYTHON, sys.executable)
    spark.conf.set(_KEEPS_BATCHES, "false")


@dataclass(frozen=True)
class ScanReport:
    """What the store did for one scan of a query, and in `description` what was pushed to it.

    Bytes scanned are those of the objects that the storlets went through; `storlet_cpu_ms` is what they computed.
    """

    description: str
    bytes_scanned: int
    bytes_received: int
    rows_scanned: int
    rows_returned: int
    requests: int
    retries: int
    storlet_cpu_ms: int


#: The metrics of the connector in the order of ScanReport's fields.
_METRICS = (
    "bytesScanned",
    "bytesReceived",
    "rowsScanned",
    "rowsReturned",
    "storeRequests",
    "storeRetries",
    "storletCpuTime",
)


@dataclass(frozen=True)
class Answer:
    """A query's rows and what each of its scans did."""

    rows: list[Row]
    scans: list[ScanReport]


def answer(query: DataFrame) -> Answer:
    """Run a query and report on its scans, from the metrics that Spark's SQL tab shows."""
    rows = query.collect()
    plan = query._jdf.queryExecution().executedPlan()
    return Answer(rows, list(_scans(plan)))


def _scans(node: Any) -> Iterator[ScanReport]:
    name = node.getClass().getSimpleName()
    if name == "AdaptiveSparkPlanExec":
        yield from _scans(node.executedPlan())
    elif name.endswith("QueryStageExec"):
        yield from _scans(node.plan())
    elif name == "BatchScanExec" and node.scan().description().startswith("storlets "):
        metrics = node.metrics()
        yield ScanReport(node.scan().description(), *(metrics.apply(name).value() for name in _METRICS))
    else:
        children = node.children()
        for i in range(children.size()):
            yield from _scans(children.apply(i))
