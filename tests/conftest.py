"""A real cluster and a real Spark, one of each for the whole run, both stopped at its end."""

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from ports import free_port
from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Python tasks run on the first python3 there is


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devstack]:
    stack = Devstack(tmp_path_factory.mktemp("devstack"), free_port())
    stack.up()
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def client(cluster: Devstack) -> SwiftClient:
    made = SwiftClient(cluster.auth_url, USER, KEY)
    deploy(made)
    made.connection.put_container("tests")
    return made


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in {
        "spark.log.level": "OFF",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
    }.items():
        builder = builder.config(name, value)
    session = spark_storlets.configure(builder).getOrCreate()
    yield session
    session.stop()


Read = Callable[..., DataFrame]


@pytest.fixture(scope="session")
def read(spark: SparkSession, cluster: Devstack, client: SwiftClient) -> Read:
    """Read a path in the store: read(path, schema, **options)."""

    def reader(path: str | list[str], schema: str | None = None, **options: object) -> DataFrame:
        made = spark.read.format("storlets").option("authUrl", cluster.auth_url).option("user", USER).option("key", KEY)
        for name, value in options.items():
            made = made.option(name, str(value))
        return (made.schema(schema) if schema else made).load(path)

    return reader


@pytest.fixture(scope="session")
def put(client: SwiftClient) -> Callable[[str, bytes], str]:
    """Upload an object and give its path."""

    def upload(name: str, content: bytes) -> str:
        client.connection.put_object("tests", name, content)
        return f"swift://tests/{name}"

    return upload
