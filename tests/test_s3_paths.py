"""Paths s3:// through Swift's s3api: the same rows as by swift://, and no secret in anything that is said."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from debug_log import said
from faults.fault_proxy import Exchange, FaultProxy, passed
from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    StoreUnavailableError,
    error_from_spark,
)

ROWS = "".join(f"{i},name {i}\n" for i in range(1000)).encode()


@pytest.fixture(scope="module")
def keys(cluster: Devstack, client: SwiftClient) -> dict[str, str]:
    for name in ("s3/p=1/a b.csv", "s3/p=2/ö%.csv"):
        client.connection.put_object("tests", name, ROWS)
    return {"endpointUrl": cluster.layout.url, "accessKey": USER, "secretKey": KEY}


def frame(spark: SparkSession, path: str, **options: str) -> DataFrame:
    return spark.read.format("storlets").schema("k int, s string").options(**options).load(path)


def test_rows_are_those_of_swift(spark: SparkSession, cluster: Devstack, keys: dict[str, str]) -> None:
    small = {"minSplitSize": "4000", "maxSplitSize": "4000"}
    ours = frame(spark, "s3://tests/s3", **keys, **small)
    swift = {"authUrl": cluster.auth_url, "user": USER, "key": KEY}
    theirs = frame(spark, "swift://tests/s3", **swift, **small)
    for query in (
        lambda t: t,
        lambda t: t.where("p = 2 AND k > 900"),
        lambda t: t.groupBy("p").sum("k"),
        lambda t: t.orderBy("k", "p").limit(3),
    ):
        assert sorted(map(repr, query(ours).collect())) == sorted(map(repr, query(theirs).collect()))
    inferred = spark.read.format("storlets").options(**keys).option("inferSchema", "true").load("s3://tests/s3/*/*.csv")
    assert inferred.count() == 2000 and dict(inferred.dtypes)["_c0"] == "int"


def test_signature_that_expired_is_renewed(spark: SparkSession, cluster: Devstack, keys: dict[str, str]) -> None:
    proxy, seen = FaultProxy(cluster.auth_url), []

    def late(exchange: Exchange) -> None:
        """The request as it would be read hours after it was signed."""
        exchange.path = exchange.path.replace("X-Amz-Expires=3600", "X-Amz-Expires=0")
        seen.append(exchange.path)
        passed(exchange)

    def note(exchange: Exchange) -> None:
        seen.append(exchange.path)
        passed(exchange)

    try:
        url = proxy.auth_url.removesuffix("/auth/v1.0")
        read = frame(spark, "s3://tests/s3/p=1/*", **{**keys, "endpointUrl": url}, pushAggregates="false")
        proxy.faults[:] = [late, note]
        assert read.where("k >= 0").count() == 1000
        assert len(seen) == 2 and urlsplit(seen[0]).path == urlsplit(seen[1]).path
        proxy.faults[:] = [late, late, late]
        with pytest.raises(Exception) as caught:
            read.where("k >= 0").count()
        assert isinstance(error_from_spark(caught.value), AuthenticationError)
    finally:
        proxy.close()


@pytest.mark.parametrize(
    ("path", "change", "kind", "words"),
    [
        ("s3://tests/s3", {"secretKey": "wrong"}, AuthenticationError, "secretKey"),
        ("s3://tests/s3", {"accessKey": "test:nobody"}, AuthenticationError, "accessKey"),
        ("s3://nowhere/a.csv", {}, NotFoundError, "nowhere"),
        ("s3://tests/nothing.csv", {}, NotFoundError, "nothing.csv"),
        ("s3://tests/s3", {"endpointUrl": "http://127.0.0.1:1"}, StoreUnavailableError, "endpointUrl"),
        ("s3://tests/s3", {"endpointUrl": ""}, ConfigurationError, "endpointUrl"),
        ("s3://tests/s3", {"storlet": "listing"}, ConfigurationError, "swift://"),
    ],
)
def test_what_is_wrong_is_said(
    path: str, change: dict[str, str], kind: type, words: str, spark: SparkSession, keys: dict[str, str]
) -> None:
    with pytest.raises(Exception) as caught:
        frame(spark, path, **{**keys, **change}).collect()
    found = error_from_spark(caught.value)
    assert type(found) is kind, caught.value
    assert words in str(found) and KEY not in str(found)


def test_one_read_has_one_kind_of_paths() -> None:
    with pytest.raises(ConfigurationError, match="one way"):
        ReadOptions.parse({"paths": '["s3://a/b", "swift://a/b"]'})


def test_no_log_and_no_plan_shows_a_secret(
    cluster: Devstack, client: SwiftClient, keys: dict[str, str], tmp_path: Path
) -> None:
    client.connection.put_container("tests")
    logins = {"swift": {"authUrl": cluster.auth_url, "user": USER, "key": KEY}, "s3": keys}
    reads = [
        (f"{kind}://tests/s3/*/*.csv", f"{kind}://tests/none.csv", "k > 10", 1978, login)
        for kind, login in logins.items()
    ]
    # The key of a cluster that is for testing is a word that others are made of.
    words = (rf"\b{KEY}\b(?!/)", "X-Amz-Signature", "X-Auth-Token:", "AUTH_f?tk")
    lines = said(reads, tmp_path).splitlines()
    assert not [line[:300] for line in lines if any(re.search(word, line) for word in words)]


def test_large_objects_of_swift_are_read_whole(spark: SparkSession, client: SwiftClient, keys: dict[str, str]) -> None:
    for part in range(2):
        client.connection.put_object("tests", f"large-parts/{part}", ROWS)
    manifest = json.dumps([{"path": f"/tests/large-parts/{part}"} for part in range(2)])
    client.connection.put_object("tests", "slo.csv", manifest, query_string="multipart-manifest=put")
    assert frame(spark, "s3://tests/slo.csv", **keys).count() == 2000
    # Nothing in s3api's answers tells a dynamic one from a plain object: the proxy finds out, in splits as well.
    client.connection.put_object("tests", "dlo.csv", b"", headers={"X-Object-Manifest": "tests/large-parts/"})
    expected = sorted(map(repr, frame(spark, "s3://tests/slo.csv", **keys).collect()))
    for least in ("1000", "1000000"):
        found = frame(spark, "s3://tests/dlo.csv", **keys, minSplitSize=least)
        assert sorted(map(repr, found.collect())) == expected
