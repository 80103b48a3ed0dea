"""What a function of a WebAssembly module costs in the store, beside the same function as a UDF of Spark's.

    python -m benchmarks.wasm [--rows 2000000] [--rounds 5]

Writes build/bench/wasm.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
rows_per_s         Rows of a CSV object that the store reads, filters by the function, and answers
vs_pandas_udf      Time with the function as a pandas UDF, over the same object read by the same reader, divided by ours
vs_python_udf      The same with a Python UDF
================== ====================================================================================================

The query keeps the places near Lyon: SELECT count(*), sum(lat) WHERE near(lat, lon), about one row of fifty. All three
parse the CSV in the store. The cluster and Spark share this machine. Runs alternate; a value is the median of the
rounds' ratios.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.functions import pandas_udf
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy, deploy_module
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.exif import timed
from benchmarks.report import report

MODULE = Path(__file__).resolve().parent.parent / "samples" / "wasm" / "geo.wat"
HALF_DEGREE = 0.00872664625997165
KM = 111.195
LYON = (45.76, 4.84)


def main(rows: int, rounds: int) -> None:
    """Measure, print and write."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.log.level", "OFF")
    )
    spark = spark_storlets.configure(builder.config("spark.ui.showConsoleProgress", "false")).getOrCreate()
    with tempfile.TemporaryDirectory(prefix="storlets-bench-") as directory:
        stack = Devstack(Path(directory) / "devstack", 28080)
        stack.up()
        try:
            client = SwiftClient(stack.auth_url, USER, KEY)
            deploy(client)
            deploy_module(client, "geo", MODULE)
            client.connection.put_container("bench")
            client.connection.put_object("bench", "places.csv", places(rows))
            queries = {"ours": in_store, "pandas": in_pandas, "python": in_python}
            found: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                # Made anew each time: of a table that was collected before, Spark keeps what its tasks have exchanged.
                runs = {
                    name: timed(lambda query=query: query(spark, stack).collect()) for name, query in queries.items()
                }
                answers = {(rows[0][0], round(rows[0][1], 3)) for _, rows in runs.values()}
                assert len(answers) == 1, f"they do not answer the same: {answers}"
                if number == 0:
                    continue  # it warms up
                times = {name: time for name, (time, _) in runs.items()}
                for key, value in {
                    "rows_per_s": rows / times["ours"],
                    "vs_pandas_udf": times["pandas"] / times["ours"],
                    "vs_python_udf": times["python"] / times["ours"],
                }.items():
                    found.setdefault(key, []).append(value)
            report("wasm", found, {"rows": rows, "rounds": rounds}, ["wasmtime", "pyspark", "pandas", "pyarrow"])
        finally:
            stack.down()
            spark.stop()


def places(rows: int) -> bytes:
    """Make places in and around France."""
    dice = random.Random(0)
    return "".join(f"{dice.uniform(42, 51):.6f},{dice.uniform(-4, 8):.6f},{n}\n" for n in range(rows)).encode()


def table(spark: SparkSession, stack: Devstack, schema: str, **options: str) -> DataFrame:
    """Read the places."""
    login = {"authUrl": stack.auth_url, "user": USER, "key": KEY}
    return spark.read.format("storlets").options(**login, **options).schema(schema).load("swift://bench/places.csv")


def counted(near: DataFrame) -> DataFrame:
    """Ask the same of all."""
    return near.agg(sf.count("*"), sf.sum("lat"))


def in_store(spark: SparkSession, stack: Devstack) -> DataFrame:
    """The function in the store."""
    columns = {"wasm": "geo", "wasmColumns": "near boolean = near_lyon(lat, lon)"}
    return counted(table(spark, stack, "lat double, lon double, id bigint, near boolean", **columns).where("near"))


def in_pandas(spark: SparkSession, stack: Devstack) -> DataFrame:
    """The function as a pandas UDF."""

    def near(lat: pd.Series, lon: pd.Series) -> pd.Series:
        angle = HALF_DEGREE * (lat + LYON[0])
        square = angle * angle
        x = ((1 - square / 2) + square * square / 24) * (KM * (LYON[1] - lon))
        y = KM * (LYON[0] - lat)
        return (x * x + y * y) ** 0.5 < 100

    places = table(spark, stack, "lat double, lon double, id bigint")
    return counted(places.where(pandas_udf(near, "boolean")("lat", "lon")))


def in_python(spark: SparkSession, stack: Devstack) -> DataFrame:
    """The function as a Python UDF."""

    def near(lat: float, lon: float) -> bool:
        angle = HALF_DEGREE * (lat + LYON[0])
        square = angle * angle
        x = ((1 - square / 2) + square * square / 24) * (KM * (LYON[1] - lon))
        y = KM * (LYON[0] - lat)
        return (x * x + y * y) ** 0.5 < 100

    places = table(spark, stack, "lat double, lon double, id bigint")
    return counted(places.where(sf.udf(near, "boolean", useArrow=False)("lat", "lon")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    main(given.rows, given.rounds)
