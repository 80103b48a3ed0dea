"""TPC-H's queries over CSV in the store, with what each one took and moved.

    tpchgen-cli csv -s 0.1 --output-dir=tpch        # or any other TPC-H CSV with header lines
    swift upload bench tpch
    python -m samples.tpch_report swift://bench/tpch [NUMBER…]

The store: ST_AUTH, ST_USER and ST_KEY.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from pyspark.sql import SparkSession

import spark_storlets
from samples.tpch import OTHER_SCHEMAS, QUERIES, SCHEMAS


def report(spark: SparkSession, folder: str, numbers: Iterable[int]) -> None:
    """Run queries and print a line for each.

    Args:
        spark: with the connector.
        folder: that has TABLE.csv for each table.
        numbers: of the queries.
    """
    for table, schema in {**SCHEMAS, **OTHER_SCHEMAS}.items():
        reader = spark.read.format("storlets").option("header", "true")
        # Money is decimal in TPC-H.
        reader = reader.schema(schema.replace("double", "decimal(15,2)"))
        reader.load(f"{folder.rstrip('/')}/{table}.csv").createOrReplaceTempView(table)
    print(f"{'query':>5} {'rows':>6} {'seconds':>8} {'MB in store':>12} {'MB received':>12}")
    for number in numbers:
        start = time.monotonic()
        found = spark_storlets.answer(spark.sql(QUERIES[number]))
        seconds = time.monotonic() - start
        scanned = sum(scan.bytes_scanned for scan in found.scans) / 1e6
        received = sum(scan.bytes_received for scan in found.scans) / 1e6
        print(f"{number:>5} {len(found.rows):>6} {seconds:>8.1f} {scanned:>12,.1f} {received:>12,.1f}")


if __name__ == "__main__":
    wanted = [int(number) for number in sys.argv[2:]] or list(QUERIES)
    report(spark_storlets.configure(SparkSession.builder).getOrCreate(), sys.argv[1], wanted)
