"""Photos in the store as a table in Spark."""

import io
import json

import pytest
from exif_tools import jpeg_of
from PIL import Image
from spark_storlets.datasource.exif_source import COLUMNS, PHOTOS_PER_TASK

from spark_storlets.errors import ChangedError, ConfigurationError, error_from_spark
from spark_storlets.session import answer

PLAIN = 140


@pytest.fixture(scope="session")
def album(photos, put, read):
    for file in photos.values():
        put(f"album/2024/{file.name}", file.read_bytes())
    put("album/2024/notes.txt", b"no image")
    put("album/2024/empty.jpg", b"")
    put("album/2024/a, b % ü.jpg", photos["jpg"].read_bytes())
    put("album/2023/old.jpg", photos["jpg"].read_bytes())
    return read("swift://tests/album/2024/*", storlet="exif")


def test_each_object_is_a_row(album, photos):
    rows = {row.name.rpartition("/")[2]: row for row in album.collect()}
    assert set(rows) == {*(file.name for file in photos.values()), "notes.txt", "empty.jpg", "a, b % ü.jpg"}
    assert album.columns == list(COLUMNS)
    for file in photos.values():
        row = rows[file.name]
        assert (row.bytes, row.width, row.height, row.make, row.iso) == (file.stat().st_size, 320, 200, "Fabrikam", 400)
        assert row.tags["GPSTimeStamp"] == "01:02:03.25"
        assert row.error is None
    assert rows["notes.txt"].error == "it is no image of a kind that is known"
    assert rows["notes.txt"].tags == {}
    assert rows["empty.jpg"].error == "it is empty"


def test_the_store_says_what_the_storlet_says_here(album, photos, look):
    rows = {row.name: row.asDict(recursive=True) for row in album.drop("datetime_original").collect()}
    for file in photos.values():
        here = look(file.read_bytes())
        there = rows[f"album/2024/{file.name}"]
        assert {name: here[name] for name in there if name != "name"} == {k: there[k] for k in there if k != "name"}


def test_times_are_instants(album, spark):
    times = album.where("error is null").selectExpr("cast(datetime_original as string)").distinct().collect()
    assert [row[0] for row in times] == ["2024-07-01 03:34:56.123"]


def test_filters_and_columns_are_pushed(album):
    found = answer(album.where("iso > 100 AND make LIKE 'Fab%' AND year(datetime_original) = 2024").select("width"))
    assert len(found.rows) == 8
    (scan,) = found.scans
    assert "columns=[width]" in scan.description
    assert "iso > 100" in scan.description
    assert "left=" not in scan.description
    assert (scan.rows_scanned, scan.rows_returned) == (10, 8)
    assert scan.bytes_scanned < 400_000

    none = answer(album.where("iso > 1000"))
    assert (none.rows, none.scans[0].rows_returned) == ([], 0)


def test_tags_can_be_asked_for_by_name(album):
    assert album.where("tags['LensInfo'] = '24 70 2.8 2.8'").count() == 8
    assert album.selectExpr("size(tags) > 60 AS many").where("many").count() == 8


def test_aggregates(album):
    assert album.groupBy("format").count().where("format = 'JPEG'").collect()[0][1] == 3
    assert album.count() == 10
    assert album.selectExpr("max(iso)").collect()[0][0] == 400


@pytest.fixture(scope="session")
def crowd(client, read, put, photos):
    """A folder of more photos than a driver lists for two tasks; some of the objects are special."""
    client.connection.put_container("segments")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    for number in range(PLAIN):
        put(f"crowd/a/{number:03}.jpg", file.getvalue())
    for name in ("b & c+d %41.jpg", "b\nü\U0001f600.jpg", "_hidden.jpg", ".hidden.jpg", "_a=b.jpg", "deep/er/one.jpg"):
        put(f"crowd/a/{name}", photos["jpg"].read_bytes())
    for name in ("empty.jpg", "deep"):  # the latter says that there is a folder
        put(f"crowd/a/{name}", b"")
    large_object(client, "crowd/a/large.jpg", photos["jpg"].read_bytes())

    def reader(tasks, path="swift://tests/crowd/a", **options):
        return read(path, storlet="exif", listingTasks=tasks, **options)

    return reader


def large_object(client, name, content):
    segments = []
    for number, at in enumerate(range(0, len(content), 20_000)):
        client.connection.put_object("segments", f"{name}/{number}", content[at : at + 20_000])
        segments.append({"path": f"/segments/{name}/{number}"})
    client.connection.put_object("tests", name, json.dumps(segments), query_string="multipart-manifest=put")


def test_few_photos_are_listed_by_the_driver_and_share_tasks(crowd):
    table = crowd(32)
    assert table.rdd.getNumPartitions() == round((PLAIN + 5) / PHOTOS_PER_TASK)
    found = [row.name for row in table.select("name").collect()]
    assert found == sorted(found) and len(found) == PLAIN + 5
    assert len(table.limit(3).collect()) == 3


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("swift://tests/crowd/a", {}),
        ("swift://tests/crowd/a/", {"recursiveFileLookup": "true"}),
        ("swift://tests/crowd/{a,z}/[!_]*", {}),
        ("swift://tests/c*/?/*.jpg", {}),
    ],
)
def test_many_photos_are_listed_by_tasks(path, options, crowd):
    few, many = crowd(32, path, **options), crowd(2, path, **options)
    assert many.rdd.getNumPartitions() == 2
    expected = few.collect()
    assert many.collect() == expected
    rows = {row.name.removeprefix("crowd/a/"): row for row in expected}
    assert ("deep/er/one.jpg" in rows) == bool(options)
    assert rows["large.jpg"].make == rows["b & c+d %41.jpg"].make == "Fabrikam"
    assert rows["empty.jpg"].error == "it is empty"


def test_filters_on_names_are_ranges_of_listings(crowd):
    for tasks in (2, 32):
        found = answer(crowd(tasks).where("name >= 'crowd/a/098' AND name < 'crowd/a/100'").select("name"))
        assert [row.name for row in found.rows] == ["crowd/a/098.jpg", "crowd/a/099.jpg"]
        assert found.scans[0].rows_scanned == 2
    named = crowd(2).where("name IN ('crowd/a/007.jpg', 'crowd/a/large.jpg', 'crowd/a/none.jpg')")
    assert answer(named.select("name")).scans[0].rows_scanned == 2
    assert crowd(2).where("name = 'crowd/a/1' AND name = 'crowd/a/2'").collect() == []


def test_a_join_on_names_reads_the_photos_that_it_needs(crowd, spark, tmp_path):
    (tmp_path / "chosen.csv").write_text("crowd/a/003.jpg,x\ncrowd/a/004.jpg,y\ncrowd/a/large.jpg,x\n")
    chosen = spark.read.schema("name string, what string").csv(str(tmp_path)).where("what IN ('x', 'z')")
    found = answer(crowd(2).join(chosen, "name").select("name"))
    assert sorted(row.name for row in found.rows) == ["crowd/a/003.jpg", "crowd/a/large.jpg"]
    assert found.scans[0].rows_scanned == 2


def test_a_limit_ends_the_listing(crowd):
    assert len(crowd(2).limit(3).collect()) == 3


def test_large_object_is_read_on_the_proxy(client, read, photos):
    content = photos["jpg"].read_bytes()
    large_object(client, "slo/large.jpg", content)
    (row,) = read("swift://tests/slo/*", storlet="exif").collect()
    assert (row.bytes, row.make, row.error) == (len(content), "Fabrikam", None)


def test_a_hostile_photo_is_a_row(put, read):
    loop = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    put("hostile/loop.jpg", jpeg_of(loop))
    put("hostile/lie.jpg", b"\xff\xd8\xff\xe1\xff\xff")
    rows = read("swift://tests/hostile/*", storlet="exif").select("name", "error").collect()
    assert [row.name for row in rows] == ["hostile/lie.jpg", "hostile/loop.jpg"]
    assert rows[0].error.startswith("its head is broken")


def test_a_column_that_photos_do_not_have_is_refused(read):
    with pytest.raises(Exception) as caught:
        read("swift://tests/album/2024/*", "name string, colour string", storlet="exif").collect()
    found = error_from_spark(caught.value)
    assert isinstance(found, ConfigurationError)
    assert "photos have no column colour" in str(found)


def test_an_unknown_zone_is_refused_by_name(album, spark, read):
    spark.conf.set("spark.sql.session.timeZone", "GMT+3")
    try:
        with pytest.raises(Exception) as caught:
            read("swift://tests/album/2024/*", storlet="exif").select("datetime_original").collect()
        assert "'GMT+3'" in str(error_from_spark(caught.value))
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_a_photo_replaced_after_planning_is_an_error(put, read, photos):
    path = put("changing/one.jpg", photos["jpg"].read_bytes())
    planned = read(path, storlet="exif").rdd
    assert planned.getNumPartitions() == 1
    put("changing/one.jpg", photos["png"].read_bytes())
    with pytest.raises(Exception) as caught:
        planned.collect()
    assert isinstance(error_from_spark(caught.value), ChangedError)
