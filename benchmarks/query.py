"""What a query costs from CSV in Swift, beside Spark's own reader on the same file on the local disk.

    python -m benchmarks.query [--scale 1] [--rounds 5]

Writes build/bench/query.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
q6_vs_spark_csv    TPC-H's query 6: spark.read.csv's time divided by ours
q1_vs_spark_csv    TPC-H's query 1, over doubles
q1_decimal_…       The same over decimals, whose averages Spark does not let a source take part in
point_vs_spark_csv Three columns of the rows of one day
scan_vs_spark_csv  All columns of all rows, to nowhere
…_vs_off           Each as above, with the time of ours with every pushdown off instead
…_bytes            Bytes received from the store; …_off_bytes with every pushdown off
================== ====================================================================================================

All of it, the three-node cluster and Spark, runs on this machine; the peer has no network at all. The file is in the
page cache. Runs alternate; a value is the median of the rounds' ratios. Money and quantities
are decimal(15,2), but for q1.
"""

from __future__ import annotations

import argparse
import decimal
import tempfile
import time
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.report import BUILD, report
from samples.tpch import SCHEMAS, generate

DOUBLES = SCHEMAS["lineitem"]
DECIMALS = DOUBLES.replace("double", "decimal(15,2)")
CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.driver.memory": "4g",
}
OFF = {"pushPredicates": "false", "pushAggregates": "false", "pushLimit": "false"}
Q1 = """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
  sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
  avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
FROM {table} WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL 90 DAY
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus"""
QUERIES = {
    "q6": """SELECT sum(l_extendedprice * l_discount) AS revenue FROM {table}
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
    "q1": Q1.replace("{table}", "{table}_doubles"),
    "q1_decimal": Q1,
    "point": "SELECT l_orderkey, l_extendedprice, l_shipdate FROM {table} WHERE l_shipdate = DATE '1995-03-15'",
    "scan": "SELECT * FROM {table}",
}


def main(scale: float, rounds: int) -> None:
    """Measure, print and write."""
    file = generate(BUILD / "data" / f"tpch-{scale:g}", scale)["lineitem"]
    spark = spark_storlets.configure(SparkSession.builder.master("local[2]").config(map=CONF)).getOrCreate()
    with tempfile.TemporaryDirectory(prefix="storlets-bench-") as directory:
        stack = Devstack(Path(directory) / "devstack", 28080)
        stack.up()
        try:
            tables = register(spark, stack, file)
            found: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                for name, query in QUERIES.items():
                    times = {table: run(spark, query.format(table=table)) for table in tables}
                    if number == 0:
                        check(spark, name, query)  # and the first round only warms up
                        found[f"{name}_bytes"], found[f"{name}_off_bytes"] = [
                            [received(spark, query.format(table=table))] for table in ("ours", "off")
                        ]
                        continue
                    found.setdefault(f"{name}_vs_spark_csv", []).append(times["csv"] / times["ours"])
                    found.setdefault(f"{name}_vs_off", []).append(times["off"] / times["ours"])
                    found.setdefault(f"{name}_seconds", []).append(times["ours"])
        finally:
            spark.stop()
            stack.down()
    of = {"rounds": rounds, "scale": scale, "bytes": file.stat().st_size}
    report("query", found, of, ["pyspark", "swift", "storlets"])


def register(spark: SparkSession, stack: Devstack, file: Path) -> list[str]:
    """Upload the file and make it three tables: ours, ours with all pushdown off, and Spark's own."""
    client = SwiftClient(stack.auth_url, USER, KEY)
    deploy(client)
    client.connection.put_container("bench")
    with file.open("rb") as content:
        client.connection.put_object("bench", file.name, content)
    login = {"header": "true", "authUrl": stack.auth_url, "user": USER, "key": KEY}
    for name, schema in (("", DECIMALS), ("_doubles", DOUBLES)):
        ours = spark.read.format("storlets").schema(schema).options(**login)
        ours.load(f"swift://bench/{file.name}").createOrReplaceTempView(f"ours{name}")
        ours.options(**OFF).load(f"swift://bench/{file.name}").createOrReplaceTempView(f"off{name}")
        spark.read.schema(schema).csv(str(file), header=True).createOrReplaceTempView(f"csv{name}")
    return ["ours", "off", "csv"]


def run(spark: SparkSession, query: str) -> float:
    """Return the seconds that a query takes, its rows thrown away."""
    start = time.perf_counter()
    spark.sql(query).write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def check(spark: SparkSession, name: str, query: str) -> None:
    """Fail unless the three tables give the same rows."""
    answers = [rows(spark.sql(query.format(table=table)), name) for table in ("ours", "off", "csv")]
    if answers[0] != answers[2] or answers[1] != answers[2]:
        raise RuntimeError(f"{name}: not the rows of spark.read.csv")


def rows(frame: DataFrame, name: str) -> list[Any]:
    """Give the rows in an order; of a whole table the sum of a hash."""
    if name == "scan":
        total = frame.selectExpr("sum(cast(xxhash64(*) as decimal(38,0)))").collect()[0][0]
        assert isinstance(total, decimal.Decimal)
        return [total]
    # Sums of doubles depend on the order of adding.
    return sorted(tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row) for row in frame.collect())


def received(spark: SparkSession, query: str) -> float:
    """Return the bytes that a query receives from the store."""
    return float(sum(scan.bytes_received for scan in spark_storlets.answer(spark.sql(query)).scans))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
