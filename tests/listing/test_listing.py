"""A container's listing as a table, on the live cluster."""

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
import swiftclient

import spark_storlets
from spark_storlets.errors import NotFoundError, error_from_spark

ODD_LAST = "dir/\U0010ffff\U0010ffff last"
ODD = [
    "line\nbreak",
    'a "quoted" name',
    "it's",
    "back\\slash",
    "percent%41",
    "plus+sign blank",
    "Ünïcödé/☃",
    "above the plane 😀",
    "\uffee below it",
    "a&b=c?d#e",
    "dir/",
    "dir/one",
    "dir/two/three",
    "dirt",
    ODD_LAST,
    "tab\there",
    " leading",
]


@pytest.fixture(scope="session")
def fill(client):
    """Make a container of empty objects and give its path: fill(container, names)."""

    def filler(container, names, headers=None):
        client.connection.put_container(container)

        def put(name):
            swiftclient.put_object(client.storage_url, client.token, container, name, b"x", headers=headers)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(put, names))
        return f"swift://{container}"

    return filler


@pytest.fixture(scope="session")
def odd(fill):
    return fill("odd", ODD)


@pytest.fixture(scope="session")
def listing(read):
    def lister(path, **options):
        return read(path, storlet="listing", **options)

    return lister


def names(frame):
    return [row["name"] for row in frame.collect()]


def test_rows_are_what_swift_lists(odd, listing, client):
    _, entries = client.connection.get_container("odd", full_listing=True)
    rows = listing(odd).drop("metadata").collect()
    assert sorted(row.name for row in rows) == sorted(ODD)
    found = {row.name: row for row in rows}
    for entry in entries:
        row = found[entry["name"]]
        modified = datetime.datetime.fromisoformat(entry["last_modified"]).replace(tzinfo=datetime.timezone.utc)
        assert (row.bytes, row.etag, row.content_type) == (entry["bytes"], entry["hash"], entry["content_type"])
        assert row.last_modified.astimezone(datetime.timezone.utc) == modified


@pytest.mark.parametrize("name", ODD)
def test_each_name_is_found_by_a_filter(name, odd, listing):
    from pyspark.sql.functions import col

    query = listing(odd).where(col("name") == name).select("name")
    found = spark_storlets.answer(query)
    assert [row.name for row in found.rows] == [name]
    assert found.scans[0].rows_returned == 1


@pytest.mark.parametrize(
    "condition",
    [
        "name LIKE 'dir%'", "name LIKE 'dir/%'", "name LIKE ''", "name > 'dir/one'", "name >= 'dir/one'", "name < 'a'",
        "name BETWEEN 'a' AND 'dir/two'", "name IN ('dirt', 'none', 'it''s', NULL)", "name = 'dirt' OR name LIKE 'a%'",
        "name > 'z'", "name < 'a' OR name > 'z'", "NOT (name = 'dirt')", "name IS NULL", "name <> 'dirt' AND name > 'd'",
        "name LIKE '%t%'", "bytes = 1 AND name < 'dir'", "name = 'dirt' AND name = 'it''s'", "upper(name) = 'DIRT'",
        "name >= '\uffee' OR bytes > 10", "name <=> 'dirt'", "last_modified > TIMESTAMP '2020-01-01 00:00:00'",
    ],
)  # fmt: skip
def test_filters_keep_what_spark_keeps(condition, odd, listing, spark):
    everything = listing(odd).drop("metadata")
    local = spark.createDataFrame(everything.collect(), everything.schema)
    assert sorted(names(everything.where(condition))) == sorted(names(local.where(condition)))


def test_filters_on_names_are_ranges(odd, listing):
    found = spark_storlets.answer(listing(odd).where("name LIKE 'dir/%' AND length(name) > 4").select("name"))
    assert sorted(row.name for row in found.rows) == ["dir/one", "dir/two/three", ODD_LAST]
    assert found.scans[0].rows_returned == 4
    assert r"names ('dir.\U0010ffff', 'dir0']" in found.scans[0].description


def test_prefix_in_the_path(odd, listing):
    assert sorted(names(listing(f"{odd}/dir"))) == ["dir/", "dir/one", "dir/two/three", ODD_LAST, "dirt"]
    assert names(listing(f"{odd}/none")) == []
    assert listing([f"{odd}/dir/", f"{odd}/it"]).count() == 5


def test_pseudo_folders(odd, listing):
    rows = listing(f"{odd}/d", delimiter="/").drop("metadata").collect()
    assert sorted(row.name for row in rows) == ["dir/", "dirt"]
    assert next(row for row in rows if row.name == "dir/").bytes is None
    found = listing(f"{odd}/dir/", delimiter="/").collect()
    assert sorted(row.name for row in found) == ["dir/", "dir/one", "dir/two/", ODD_LAST]
    assert {row.name: row.metadata for row in found}["dir/two/"] is None
    for condition in ("name = 'dir/'", "name LIKE 'dir/%'", "name > 'dir' AND name <= 'dir/'"):
        assert names(listing(odd, delimiter="/").where(condition)) == ["dir/"]


def test_a_pseudo_folder_is_one_row_though_filters_leave_two_parts_of_it(odd, listing):
    two = "name <= 'dir/one' OR name >= 'dir/two'"
    many = " OR ".join(f"name BETWEEN 'dir/{a}' AND 'dir/{a}z'" for a in "abcdefghijo")
    for condition in (two, f"name < 'dir/a' OR {many}"):
        rows = names(listing(odd, delimiter="/").where(condition))
        assert rows.count("dir/") == 1, (condition, rows)


def test_empty_container_and_one_that_is_not_there(fill, listing):
    assert names(listing(fill("empty", []))) == []
    assert listing("swift://empty").count() == 0
    with pytest.raises(Exception) as raised:
        names(listing("swift://not-there"))
    assert isinstance(error_from_spark(raised.value), NotFoundError)


def test_metadata_only_of_rows_that_pass(fill, listing, client):
    path = fill("described", [f"{n:03}" for n in range(40)], {"X-Object-Meta-Color": "blå", "X-Object-Meta-A-B": "1"})
    found = spark_storlets.answer(listing(path).where("name < '010' AND bytes = 1"))
    assert [row.metadata for row in found.rows] == [{"color": "blå", "a-b": "1"}] * 10
    assert found.scans[0].requests <= 10 + 2, "a HEAD for each row that passes, and two pages"
    found = spark_storlets.answer(listing(path).where("content_type = 'none'"))
    assert found.rows == [] and found.scans[0].requests <= 2
    assert listing(path).where("metadata['color'] = 'blå'").count() == 40
    assert listing(path).where("metadata IS NULL").count() == 0
    found = spark_storlets.answer(listing(path).select("name"))
    assert found.scans[0].requests == 2, "who does not ask for metadata gets none"


def test_aggregates_joins_and_order(odd, listing):
    frame = listing(odd)
    frame.createOrReplaceTempView("listed")
    query = "SELECT substring(name, 1, 1) AS first, count(*) AS n, sum(bytes) FROM listed GROUP BY 1 ORDER BY n DESC, 1"
    assert tuple(frame.sparkSession.sql(query).first())[1:] == (5, 5)
    assert frame.sparkSession.sql("SELECT name FROM listed ORDER BY name LIMIT 1").first().name == " leading"
