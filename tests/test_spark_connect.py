"""A client of Spark Connect reads as any other; its server has the connector's jar."""

import subprocess
import sys

import pytest
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

SCRIPT = f"""
import sys
from pyspark.sql import SparkSession
import spark_storlets
spark = spark_storlets.configure(SparkSession.builder.remote("local[2]")).getOrCreate()
login = dict(authUrl=sys.argv[1], user={USER!r}, key={KEY!r})
rows = spark.read.format("storlets").schema("a bigint, s string").options(**login).load("swift://tests/connect.csv")
print(rows.where("a > 1").selectExpr("count(s)", "max(s)").collect())
rows.where("a > 1").explain()
"""


def test_client_of_a_local_connect_server(cluster: Devstack, client: SwiftClient) -> None:
    pytest.importorskip("grpc", reason="pyspark[connect] is not installed; make compat runs this")
    client.connection.put_object("tests", "connect.csv", b"1,a\n2,b\n3,c\n")
    command = [sys.executable, "-c", SCRIPT, cluster.auth_url]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr[-3000:]
    assert "[Row(count(s)=2, max(s)='c')]" in found.stdout
    assert "storlets swift://tests/connect.csv" in found.stdout
    assert KEY not in found.stdout.replace("storlets", "")
