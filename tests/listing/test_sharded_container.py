"""A container that Swift's own sharder has cut is listed as any other, in the midst of that too."""

import socket
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import swiftclient
from spark_storlets.datasource.listing import Listing
from spark_storlets.devstack.configuration import KEY, USER
from spark_storlets.partitioner.key_ranges import Probe

import spark_storlets

NAMES = [
    *(f"{n:04}/é" for n in range(290)),
    "0100",
    "0100/",
    "0100/\n",
    "0199/\U0010ffff",
    *(f"z{n}" for n in range(6)),
]


class Shards:
    """A container, and what its operator does to shard it."""

    def __init__(self, cluster, directory, container):
        self._cluster, etc = cluster, cluster.layout.etc
        client, self._conf = directory / "internal-client.conf", directory / "container.conf"
        pipeline = (etc / "internal-client.conf").read_text()
        client.write_text(pipeline.replace("egg:swift#proxy\n", "egg:swift#proxy\naccount_autocreate = true\n"))
        sharder = {"internal_client_conf_path": client, "cleave_batch_size": 2, "recon_cache_path": directory}
        section = "[container-sharder]\n" + "".join(f"{key} = {value}\n" for key, value in sharder.items())
        self._conf.write_text((etc / "container.conf").read_text() + section)
        found = [file for file in cluster.layout.data(1).glob("d1/containers/*/*/*/*.db") if of(file) == container]
        (self._database,) = found

    def cut(self, names):
        self._run("manage-shard-ranges", self._database, "find_and_replace", str(names), "--enable", "--force")

    def clean(self):
        """Let the sharder make one round; tell whether the container is whole, half sharded, or sharded."""
        self._run("container-sharder", self._conf, "once")
        files = [file.stem for file in self._database.parent.glob("*.db")]
        return "sharding" if len(files) > 1 else "sharded" if "_" in files[0] else "whole"

    def _run(self, program, *arguments):
        call = self._cluster.swift_program(program, *map(str, arguments))
        done = subprocess.run(call, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def of(database):
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT container FROM container_stat").fetchone()[0]


@pytest.fixture
def many(client):
    client.connection.put_container("sharded")

    def put(name):
        swiftclient.put_object(client.storage_url, client.token, "sharded", name, b"x")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, NAMES))


def test_each_name_once_while_a_container_is_sharded_and_after(
    many, client, cluster, spark, read, tmp_path, monkeypatch
):
    monkeypatch.setattr("spark_storlets.datasource.listing.PAGE", 47)
    options = {"authUrl": cluster.auth_url, "user": USER, "key": KEY}

    def check(names):
        names = sorted(names)
        rdd = spark_storlets.listing_rdd(spark.sparkContext, "swift://sharded", **options)
        assert rdd.map(lambda one: one.name).collect() == names
        table = read("swift://sharded", storlet="listing").select("name")
        assert sorted(row.name for row in table.collect()) == names
        middle = table.where("name > '0050' AND name <= '0200/é' OR name LIKE 'z%'").collect()
        wanted = [name for name in names if "0050" < name <= "0200/é" or name.startswith("z")]
        assert sorted(row.name for row in middle) == wanted
        listing = Listing(client, "sharded", "")
        for limit in (10, 100, 1000):
            ends = listing.ask([Probe("0040/é", "z3", reverse, limit) for reverse in (False, True)])
            within = [name for name in names if "0040/é" < name <= "z3"]
            assert [names[:limit] for names in ends] == [within[:limit], within[::-1][:limit]]

    shards = Shards(cluster, tmp_path, "sharded")
    shards.cut(60)
    states = [shards.clean()]
    assert states == ["sharding"]
    check(NAMES)
    while states[-1] != "sharded" and len(states) < 10:
        states.append(shards.clean())
    assert states[-1] == "sharded"
    check(NAMES)
    with socket.create_connection(cluster.layout.addresses()["memcached"]) as connection:
        connection.sendall(b"flush_all\r\n")  # else the proxy knows for a minute only what the container was
        assert connection.recv(16) == b"OK\r\n"
    for name in ("0000", "0150/new", "zz"):
        client.connection.put_object("sharded", name, b"x")
    for name in ("0100/", "0240/é"):
        client.connection.delete_object("sharded", name)
    check({*NAMES, "0000", "0150/new", "zz"} - {"0100/", "0240/é"})
