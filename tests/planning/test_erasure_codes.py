"""Containers with erasure codes: object servers have fragments only, and storlets run on the proxy, with whole objects."""

import pyarrow as pa
import pytest
import requests
from click.testing import CliRunner
from ports import free_port
from spark_storlets.datasource import planner
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy, deploy_program
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.storlet_call import trailer_of
from spark_storlets.datasource.topology import topology_of
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from spark_storlets.cli import main

TYPES = {"k": "integer", "s": "string"}
SCHEMA = "k int, s string"


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    stack = Devstack(tmp_path_factory.mktemp("coded"), free_port(), coded=True)
    stack.up()
    yield stack
    stack.down()


@pytest.fixture(scope="module")
def login(coded):
    return {"authUrl": coded.auth_url, "user": USER, "key": KEY}


@pytest.fixture(scope="module")
def store(coded, login):
    client = SwiftClient(*login.values())
    deploy(client)
    client.connection.put_container("coded", headers={"X-Storage-Policy": "coded"})
    client.connection.put_container("plain")
    return client


def test_objects_are_read_exactly_in_splits_on_the_proxy(store, login, spark, tmp_path):
    # More than one of the megabytes that Swift codes at once.
    content = b"k,s\n" + b"".join(b'%d,"a, %s"\n' % (n, b"x" * (n * 7 % 90)) for n in range(40_000))
    (tmp_path / "same.csv").write_bytes(content)
    store.connection.put_object("coded", "table.csv", content)
    assert topology_of(store, "coded", ReadOptions.parse({"path": "x", **login})).erasure_coded
    theirs = spark.read.schema(SCHEMA).csv(str(tmp_path / "same.csv"), header=True)
    for options in ({}, {"multiLine": True}, {"inferSchema": True}):
        given = {"header": True, "minSplitSize": 100_000, **options, **login}
        reader = spark.read.format("storlets").options(**{k: str(v) for k, v in given.items()})
        ours = (reader if "inferSchema" in options else reader.schema(SCHEMA)).load("swift://coded/table.csv")
        query = "k % 1000 = 7 AND length(s) > 10"
        assert sorted(ours.where(query).collect()) == sorted(theirs.where(query).collect())
        found = spark_storlets.answer(ours.where("k >= 20000").groupBy().sum("k"))
        assert [row[0] for row in found.rows] == [sum(range(20_000, 40_000))]
    assert sorted(ours.collect()) == sorted(theirs.collect())
    given = [word for name, value in login.items() for word in ("--option", f"{name}={value}")]
    run = CliRunner().invoke(main, ["plan", "swift://coded/table.csv", "-O", "minSplitSize=100000", *given])
    assert "proxies" in run.output and "replica 0" not in run.output, run.output


def test_an_object_of_no_bytes_has_no_rows(store, login, spark):
    store.connection.put_object("coded", "parts/0.csv", b"1,a\n2,b\n")
    store.connection.put_object("coded", "parts/1.csv", b"")
    reader = spark.read.format("storlets").options(**login)
    assert sorted(map(tuple, reader.schema(SCHEMA).load("swift://coded/parts").collect())) == [(1, "a"), (2, "b")]
    assert len(reader.option("inferSchema", "true").load("swift://coded/parts").collect()) == 2


def test_splits_are_exact_where_the_store_does_not_tell_of_its_codes(store, login, monkeypatch):
    """Operators hide /info, and a request for it can fail: then splits are made as for whole replicas."""
    store.connection.put_object("coded", "untold.csv", b"k,s\n" + b"".join(b"%d,x\n" % n for n in range(100_000)))
    monkeypatch.setattr(SwiftClient, "info", lambda client: {})
    options = {"path": "swift://coded/untold.csv", "header": "true", "minSplitSize": "100000", **login}
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in TYPES.items()]
    schema = {"type": "struct", "fields": fields}
    asked = {"v": 1, "op": "plan", "options": options, "conf": {}, "schema": schema, "columns": ["k"], "predicates": []}
    plan = planner.answer(asked)
    requests_made = [request for part in plan["partitions"] for request in part["requests"]]
    assert len(requests_made) > 3, "there must be splits, or it shows nothing"
    found = []
    for request in requests_made:
        answer = requests.get(request["url"], headers=request["headers"], timeout=60)
        trailer_of(request, answer.content)
        found += pa.ipc.open_stream(answer.content).read_all()["k"].to_pylist()
    assert sorted(found) == list(range(100_000))


def test_who_asks_for_a_storlet_gets_its_output(store, login, spark, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ntr a-z A-Z\n")
    loud = deploy_program(store, "loud", program)
    store.connection.put_object("coded", "words", b"one\ntwo\n" * 100_000)
    store.connection.put_object("plain", "words", b"one\ntwo\n" * 100_000)
    for container in ("coded", "plain"):
        path = f"swift://{container}/words"
        for ranges in (False, True):
            found = spark_storlets.storlet_rdd(
                spark.sparkContext, path, loud, ranges=ranges, minSplitSize="100000", **login
            )
            assert found.countByValue() == {"ONE": 100_000, "TWO": 100_000}
        for target in ("coded", "plain"):
            headers = {"X-Auth-Token": store.token, "X-Run-Storlet": loud, "Destination": f"{target}/copied"}
            answer = requests.request("COPY", store.url(container, "words"), headers=headers, timeout=60)
            assert answer.status_code == 201
            assert store.connection.get_object(target, "copied")[1] == b"ONE\nTWO\n" * 100_000
