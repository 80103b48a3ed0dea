"""Names are listed page by page as they are taken; what comes and goes meanwhile changes no other row."""

import datetime
import threading

import pytest
from spark_storlets.devstack.configuration import KEY, USER
from stand_in import Names, serving

import spark_storlets
from spark_storlets.errors import ConfigurationError


@pytest.fixture
def numbers():
    with serving(Names(lambda i: f"{i:08}", 120_000)) as server:
        yield server


def options_of(server):
    return {"authUrl": f"http://127.0.0.1:{server.server_port}/auth/v1.0", "user": "a:b", "key": "k"}


def test_each_name_once_in_many_tasks(spark, numbers):
    frame = spark.read.format("storlets").options(storlet="listing", **options_of(numbers)).load("swift://big")
    assert 6 <= frame.rdd.getNumPartitions() <= 12, "of about 10,000 names each, as far as a few requests tell"
    assert tuple(frame.selectExpr("count(*)", "count(DISTINCT name)", "min(name)", "max(name)").first()) == (
        120_000,
        120_000,
        "00000000",
        "00119999",
    )


def test_short_pages_of_shards_are_not_the_end(spark):
    with serving(Names(lambda i: f"{i:08}", 30_000), shard=170) as server:
        frame = spark.read.format("storlets").options(storlet="listing", **options_of(server)).load("swift://big")
        assert frame.rdd.getNumPartitions() == 3
        assert frame.select("name").distinct().count() == 30_000
        rdd = spark_storlets.listing_rdd(spark.sparkContext, "swift://big", **options_of(server))
        assert rdd.map(lambda one: one.name).collect() == [f"{i:08}" for i in range(30_000)]


def test_limit_stops_early(spark, numbers):
    frame = spark.read.format("storlets").options(storlet="listing", **options_of(numbers)).load("swift://big")
    assert len(frame.select("name").limit(10).collect()) == 10
    assert numbers.pages <= 2
    numbers.pages = 0
    rdd = spark_storlets.listing_rdd(spark.sparkContext, "swift://big", listingTasks="2", **options_of(numbers))
    assert [row.name for row in rdd.take(3)] == ["00000000", "00000001", "00000002"]
    assert numbers.pages == 1, "a page is listed when its names are taken"
    numbers.pages = 0
    assert rdd.map(lambda one: one.name).distinct().count() == rdd.count() == 120_000


def test_rdd_has_what_the_table_has(spark, cluster, client, read):
    client.connection.put_container("rdd")
    for name in ("a b", "c/d", "é\n'\""):
        client.connection.put_object("rdd", name, name.encode())
    options = {"authUrl": cluster.auth_url, "user": USER, "key": KEY}
    found = spark_storlets.listing_rdd(spark.sparkContext, "swift://rdd", **options).collect()
    rows = read("swift://rdd", storlet="listing").drop("metadata").collect()
    assert sorted(map(tuple, found)) == sorted(
        (r.name, r.bytes, r.last_modified.astimezone(datetime.timezone.utc), r.content_type, r.etag) for r in rows
    )
    assert spark_storlets.listing_rdd(spark.sparkContext, "swift://rdd/c", **options).first().name == "c/d"


def test_objects_that_come_and_go_change_no_other_row(spark, cluster, client):

    kept = [f"{n:05}" for n in range(0, 600, 3)]
    client.connection.put_container("busy")
    for name in kept:
        client.connection.put_object("busy", name, b"")

    done = threading.Event()

    def churn():
        from spark_storlets.datasource.client import SwiftClient

        own = SwiftClient(cluster.auth_url, USER, KEY).connection
        number = 0
        while not done.is_set():
            name = f"{(number * 7) % 600:05}x"
            own.put_object("busy", name, b"")
            if number % 2:
                own.delete_object("busy", name)
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        reader = spark.read.format("storlets").options(storlet="listing", authUrl=cluster.auth_url, user=USER, key=KEY)
        for _ in range(5):
            names = [row.name for row in reader.load("swift://busy").select("name").collect()]
            assert len(names) == len(set(names))
            assert [name for name in sorted(names) if not name.endswith("x")] == kept
    finally:
        done.set()
        thread.join()


def test_listing_feeds_a_storlet(read, put, cluster):
    put("fed/{odd} [name].csv", b"1\n2\n")
    put("fed/b*.csv", b"3\n")
    put("fed/large.csv", b"4\n" * 100)
    small = read("swift://tests/fed/", storlet="listing").drop("metadata").where("bytes < 100")
    client = {"authUrl": cluster.auth_url, "user": USER, "key": KEY}
    for names in (small, small.select("name"), small.union(small)):
        table = spark_storlets.read_names(names, "tests", "a int", **client)
        assert sorted(row.a for row in table.where("a > 1").collect()) == [2, 3]
    with pytest.raises(ConfigurationError, match="at least one"):
        spark_storlets.read_names(small.where("name = 'none'"), "tests", "a int", **client)
