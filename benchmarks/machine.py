"""What benchmarks run on: a Spark and a Swift cluster on this machine, which have nothing between them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.report import BUILD

PORT = 28080
S3A = {
    "endpoint": f"http://127.0.0.1:{PORT}",
    "endpoint.region": "us-east-1",
    "path.style.access": "true",
    "connection.ssl.enabled": "false",
    "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    "access.key": USER,
    "secret.key": KEY,
    # What is fastest for whole files: Hadoop 3.5's own choice, analytics, reads up to twice as many bytes here.
    "input.stream.type": "classic",
    "experimental.input.fadvise": "sequential",
}


@contextmanager
def machine(s3a: bool) -> Iterator[tuple[SparkSession, Devstack]]:
    """Run a Spark, and a cluster that has our storlets and an empty container `bench`.

    Args:
        s3a: is that Spark to read s3a://bench/ too?
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.driver.memory": "4g",
    }
    if s3a:
        jars = sorted(map(str, (BUILD / "s3a").glob("*.jar")))
        if not jars:
            raise SystemExit("the jars of S3A are missing: make build/s3a")
        conf["spark.driver.extraClassPath"] = ":".join(jars)
        conf |= {f"spark.hadoop.fs.s3a.{name}": value for name, value in S3A.items()}
    spark = spark_storlets.configure(SparkSession.builder.master("local[2]").config(map=conf)).getOrCreate()
    with tempfile.TemporaryDirectory(prefix="storlets-bench-") as directory:
        stack = Devstack(Path(directory) / "devstack", PORT)
        stack.up()
        try:
            client = SwiftClient(stack.auth_url, USER, KEY)
            deploy(client)
            client.connection.put_container("bench")
            yield spark, stack
        finally:
            spark.stop()
            stack.down()
