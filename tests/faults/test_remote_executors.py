"""Executors in processes of their own read as those in the driver's do, new tokens included."""

import os
import re
import subprocess
import sys
from pathlib import Path

from fault_proxy import FaultProxy, status
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.devstack import Devstack

SCRIPT = """
import sys
from pyspark.sql import SparkSession
import spark_storlets
builder = SparkSession.builder.master("local-cluster[1,2,1024]").config("spark.ui.enabled", "false")
spark = spark_storlets.configure(builder.config("spark.log.level", "OFF")).getOrCreate()
rows = spark.read.format("storlets").schema("a bigint, s string").option("authUrl", sys.argv[1])
rows = rows.option("maxSplitSize", "4000").option("minSplitSize", "1").load("swift://tests/remote.csv")
assert rows.rdd.getNumPartitions() > 2
print(*rows.where("a % 2 = 0").selectExpr("count(s)", "sum(a)").first())
spark.stop()
"""


def test_token_is_renewed_by_the_driver_for_executors_elsewhere(
    cluster: Devstack, client: SwiftClient, tmp_path: Path
) -> None:
    content = b"".join(b"%d,row\n" % i for i in range(2000))
    client.connection.put_object("tests", "remote.csv", content)
    proxy = FaultProxy(cluster.auth_url)
    proxy.faults[:] = [status(401), status(401)]
    try:
        found = subprocess.run(
            [sys.executable, "-c", SCRIPT, proxy.auth_url],
            env={**os.environ, "ST_USER": "test:tester", "ST_KEY": "testing"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        proxy.close()
    assert found.returncode == 0, found.stderr[-3000:]
    assert found.stdout.split() == ["1000", str(sum(range(0, 2000, 2)))]
    assert not proxy.faults, "no request was refused"
    # Modules of Python are named like the key.
    said = found.stdout + found.stderr
    assert not [line for line in said.splitlines() if re.search(r"\btesting\b(?!/)", line)]
