"""The demo: TPC-H and smart-meter CSV in an embedded Swift cluster, queried with Spark SQL, filtered inside the store.

    python -m samples.demo [--keep]

Run by `make demo`. What is there already (data, cluster, uploads) is used again.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import CSV, check_deployed, deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import samples.smart_meter as smart_meter
import samples.tpch as tpch
import spark_storlets
from samples.queries import QUERIES, SCHEMAS
from spark_storlets.errors import ConfigurationError, NotFoundError, StorletError

BUILD = Path("build")
CONTAINER = "demo"


def main(keep: bool) -> None:
    """Run the demo.

    Args:
        keep: leave the cluster running at the end.
    """
    files = data()
    cluster = Devstack(BUILD / "devstack")
    cluster.up(lambda text: print(f"devstack: {text}"))
    try:
        client = SwiftClient(cluster.auth_url, USER, KEY)
        upload(client, files)
        spark = session()
        try:
            for table in SCHEMAS:
                store_table(spark, cluster.auth_url, table).createOrReplaceTempView(table)
            for title, query in QUERIES.items():
                show(spark, title, query)
        finally:
            spark.stop()
    finally:
        if keep:
            print(f"\nThe cluster stays up: export ST_AUTH={cluster.auth_url} ST_USER={USER} ST_KEY={KEY}")
            command = Path(sys.executable).with_name("spark-storlets")
            print(f"Stop it with: {command} devstack down --directory {cluster.directory}")
        else:
            cluster.down()
            print("\ndevstack: stopped (KEEP=1 leaves it running)")


def data() -> dict[str, Path]:
    """Make the tables' files, once."""
    files = tpch.generate(BUILD / "data" / "tpch-0.1", 0.1)
    meters = BUILD / "data" / "meters.csv"
    if not meters.exists():
        smart_meter.write(meters, 200_000)
    return {**files, "meters": meters}


def upload(client: SwiftClient, files: dict[str, Path]) -> None:
    """Deploy the storlet and upload the files, each unless the store has it."""
    try:
        check_deployed(client, CSV)
    except (NotFoundError, ConfigurationError):
        deploy(client)
        print("uploaded the CSV storlet")
    client.connection.put_container(CONTAINER)
    for table, file in files.items():
        content = file.read_bytes()
        try:
            if client.object(CONTAINER, f"{table}.csv").etag == hashlib.md5(content, usedforsecurity=False).hexdigest():
                continue
        except NotFoundError:
            pass
        client.connection.put_object(CONTAINER, f"{table}.csv", content)
        print(f"uploaded {table}.csv, {len(content):,} bytes")


def session() -> SparkSession:
    """Start a local Spark with the connector."""
    builder = SparkSession.builder.master("local[*]").appName("spark-storlets demo")
    builder = builder.config("spark.ui.enabled", "false").config("spark.log.level", "ERROR")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    return spark_storlets.configure(builder.config("spark.sql.shuffle.partitions", "4")).getOrCreate()


def store_table(spark: SparkSession, auth_url: str, table: str) -> DataFrame:
    """Give a table that lies in the store."""
    reader = spark.read.format("storlets").schema(SCHEMAS[table]).option("header", "true")
    reader = reader.option("authUrl", auth_url).option("user", USER).option("key", KEY)
    return reader.load(f"swift://{CONTAINER}/{table}.csv")


def show(spark: SparkSession, title: str, query: str) -> None:
    """Run a query; print its rows and what the store did."""
    print(f"\n== {title}\n{query}\n")
    frame = spark.sql(query)
    found = spark_storlets.answer(frame)
    rows = [frame.columns, *(["NULL" if v is None else str(v) for v in row] for row in found.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(frame.columns))]
    for row in rows:
        print("  " + "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))
    for scan in found.scans:
        share = scan.bytes_received / max(1, scan.bytes_scanned)
        print(f"  store scanned {scan.bytes_scanned:,} bytes, {scan.rows_scanned:,} rows")
        print(f"  crossed the wire {scan.bytes_received:,} bytes ({share:.2%}), {scan.rows_returned:,} rows")
        print(f"  {scan.description}")


if __name__ == "__main__":
    try:
        main(keep="--keep" in sys.argv[1:])
    except StorletError as error:
        sys.exit(f"demo: {error}")
