"""Every replica works: requests go where the plan sends them, and elsewhere if nobody is there."""

import json
import re
import urllib.request
from collections import Counter

import pytest
import requests
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.topology import topology_of
from spark_storlets.partitioner.plan import Bounds, Sized, plan
from spark_storlets.partitioner.topology import Topology

from benchmarks.simulate import Store, play

HINT = "X-Spark-Storlets-Replica"


def asked(cluster, name):
    """Count the GETs of an object in each object server's log."""
    lines = re.compile(rf'"GET /d1/\d+/AUTH_test/{re.escape(name)}" 20[06]')
    servers = [one for one in cluster.layout.addresses() if one.startswith("object-")]
    return Counter({one: len(lines.findall(cluster.log_file(one).read_text())) for one in servers})


def test_store_tells_its_shape(cluster, client):
    with urllib.request.urlopen(f"http://127.0.0.1:{cluster.layout.port}/info") as answer:
        told = json.load(answer)["spark_storlets"]
    policy = client.connection.head_container("tests")["x-storage-policy"]
    assert told["policies"] == {policy: {"type": "replication", "replicas": 3}}
    assert told["workers"] == 4 and told["affinity"] is True and told["running"] >= 0
    read = ReadOptions.parse({"path": "x", "authUrl": "x", "user": "x", "key": "x"})
    found = topology_of(client, "tests", read)
    assert (found.replicas, found.workers, found.erasure_coded, found.affinity) == (3, 4, False, True)


def test_splits_of_an_object_are_read_from_all_replicas_alike(cluster, read, put):
    path = put("planned/even.csv", b"a,b\n" + b"1,2\n" * 30_000)
    frame = read(path, "a int, b int", header=True, workersPerNode=2, minSplitSize=1000)
    assert frame.where("a = 1").count() == 30_000
    before = asked(cluster, "tests/planned/even.csv")
    assert frame.where("a = 1").count() == 30_000
    now = asked(cluster, "tests/planned/even.csv")
    answered = {server: now[server] - before[server] for server in now}
    assert answered == {"object-1": 2, "object-2": 2, "object-3": 2}
    # What `make simulate` plays is what happens here.
    topology = Topology(3, 2)
    tasks = plan([Sized("tests/planned/even.csv", 4 + 4 * 30_000)], topology, Bounds(least=1000))
    played = play(Store(3, topology), tasks, 4, least=1000)
    assert sorted(played.requests.values()) == sorted(answered.values())


@pytest.fixture
def get(cluster, client):
    def getter(name, replica):
        headers = {"X-Auth-Token": client.token, HINT: str(replica)}
        return requests.get(client.url("tests", name), headers=headers, timeout=30)

    return getter


def test_hint_chooses_the_replica_and_the_others_stand_in(cluster, put, get):
    name = "planned/hinted"
    put(name, b"x" * 100)
    chosen = {}
    for replica in range(3):
        before = asked(cluster, f"tests/{name}")
        for _ in range(6):
            assert get(name, replica).content == b"x" * 100
        now = asked(cluster, f"tests/{name}")
        (chosen[replica],) = [server for server in now if now[server] > before[server]]
    assert len(set(chosen.values())) == 3, "each server has one replica"
    for hint in ("3", "99999", "-1", "x", ""):
        assert get(name, hint).content == b"x" * 100
    node = int(chosen[1][-1])
    files = [f for f in cluster.layout.data(node).rglob("*.data") if b"planned/hinted" in metadata(f)]
    for file in files:
        file.unlink()
    assert files and get(name, 1).content == b"x" * 100


def metadata(file):
    import os

    return os.getxattr(file, "user.swift.metadata")
