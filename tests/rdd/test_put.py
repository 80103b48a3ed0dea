"""Storlets that work on an object while it is uploaded."""

import csv
import importlib
from datetime import timezone
from types import SimpleNamespace
from urllib.parse import quote, unquote

import pytest
from click.testing import CliRunner
from spark_storlets.datasource import csv_table
from spark_storlets.datasource.client import Listed
from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.deploy import deploy_program
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.cli import main
from spark_storlets.resources import storlets_path


@pytest.fixture
def upload(client, cluster, tmp_path):
    def put(content: bytes, name: str, storlet: str, *params: str):
        (tmp_path / name).write_bytes(content)
        options = [word for param in params for word in ("--param", param)]
        called = ["put", str(tmp_path / name), "swift://tests/uploaded/", "--storlet", storlet, *options]
        store = {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}
        return CliRunner().invoke(main, called, env=store)

    return put


def test_exif_data_become_metadata(upload, client, exif_photo):
    content = exif_photo + bytes(3 << 20)
    assert upload(content, "photo.jpg", "exif_metadata_storlet.py").output == "stored tests/uploaded/photo.jpg\n"
    headers, stored = client.connection.get_object("tests", "uploaded/photo.jpg")
    assert stored == content
    found = {name.removeprefix("x-object-meta-exif-"): unquote(v) for name, v in headers.items() if "-exif-" in name}
    assert found["make"] == "Fabrikam ü"
    assert found["datetime-original"] == "2024-07-01T12:34:56+00:00"
    assert (found["width"], found["format"]) == ("8", "JPEG")
    assert "error" not in found


def test_what_is_no_photo_is_stored_too(upload, client):
    assert upload(b"hello", "no.jpg", "exif_metadata_storlet.py").exit_code == 0
    headers, stored = client.connection.get_object("tests", "uploaded/no.jpg")
    assert stored == b"hello"
    assert headers["x-object-meta-exif-error"].startswith("it is no image")


@pytest.fixture
def exif_photo() -> bytes:
    import io
    from datetime import datetime

    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = ("ü" * 3000).encode()
    exif[0x010F] = "Fabrikam ü".encode()
    exif.get_ifd(0x8769)[0x9003] = f"{datetime(2024, 7, 1, 12, 34, 56):%Y:%m:%d %H:%M:%S}"
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_long_texts_are_cut_before_they_are_quoted(exif_photo, monkeypatch):
    monkeypatch.syspath_prepend(str(storlets_path()))
    storlet = importlib.import_module("exif_metadata_storlet")
    lengths = []
    monkeypatch.setattr(storlet, "quote", lambda text, **how: lengths.append(len(text)) or quote(text, **how))
    assert storlet.metadata_of(exif_photo, timezone.utc)["Exif-Description"] == "%C3%BC" * 42
    assert max(lengths) == storlet.MAX_VALUE


def test_csv_is_cleaned(upload, client):
    dirty = '\ufeffname;note\r\n\r\n Ann ;"a ""b"", c"\r\nÜ;\r\n'.encode("utf-16-le")
    done = upload(dirty, "dirty.csv", "csv_clean_storlet.py", "encoding=utf-16-le", "sep=;", "trim=true")
    assert done.exit_code == 0, done.output
    headers, stored = client.connection.get_object("tests", "uploaded/dirty.csv")
    assert stored.decode() == 'name,note\nAnn,"a ""b"", c"\nÜ,\n'
    assert headers["content-type"] == "text/csv; charset=utf-8"


def test_ends_of_lines_in_fields_are_kept(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(storlets_path()))
    storlet = importlib.import_module("csv_clean_storlet").CsvCleanStorlet(None)
    records = [["a", "b"], ["x\ry", "\r"], ["1\r\n2", "3\n4"], ["", "plain"]]
    dirty, clean = tmp_path / "dirty.csv", tmp_path / "clean.csv"
    with open(dirty, "w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(records)
    with open(dirty, "rb") as given, open(clean, "wb") as taken:
        storlet([given], [SimpleNamespace(fileno=taken.fileno, set_metadata=lambda metadata: None)], {})
    assert clean.read_bytes() == b'a,b\n"x\ry","\r"\n"1\r\n2","3\n4"\n,plain\n'
    with open(clean, newline="") as file:
        assert list(csv.reader(file, strict=True)) == records


@pytest.mark.parametrize(("ragged", "stored"), [("drop", b"a,b\n5,6\n"), ("fit", b"a,b\n1,2\n4,\n5,6\n")])
def test_ragged_records(upload, client, ragged, stored):
    assert upload(b"a,b\n1,2,3\n4\n5,6\n", "ragged.csv", "csv_clean_storlet.py", f"ragged={ragged}").exit_code == 0
    assert client.connection.get_object("tests", "uploaded/ragged.csv")[1] == stored


def test_nothing_is_stored_when_the_storlet_fails(upload, client):
    content = b"a,b\n" + b"1,2\n" * 100_000 + b"4\n"
    done = upload(content, "broken.csv", "csv_clean_storlet.py")
    assert done.exit_code == 1
    assert "uploaded/broken.csv" in done.output
    names = [entry["name"] for entry in client.connection.get_container("tests", prefix="uploaded/broken")[1]]
    assert names == []


def test_a_record_that_fails_early_is_said(upload):
    done = upload(b"a,b\n4\n", "early.csv", "csv_clean_storlet.py")
    assert "record 2 has 1 fields and the first one 2" in done.output


def test_a_program_works_on_uploads_too(upload, client, tmp_path):
    program = tmp_path / "shout"
    program.write_text("#!/bin/sh\ntr a-z A-Z\n")
    deploy_program(client, "shout", program)
    assert upload(b"hello", "shouted.txt", "shout.py").exit_code == 0
    assert client.connection.get_object("tests", "uploaded/shouted.txt")[1] == b"HELLO"


@pytest.fixture
def cut(client, cluster, monkeypatch):
    """How a multiLine object is split, and what the store is asked for that."""

    def splits(name: str, **options: str):
        asked = []
        facts = csv_table.facts_of
        monkeypatch.setattr(csv_table, "facts_of", lambda c, i, body: asked.append(body["op"]) or facts(c, i, body))
        store = {"path": "swift://tests", "authUrl": cluster.auth_url, "user": USER, "key": KEY}
        read = ReadOptions.parse({**store, "minSplitSize": "100000"})
        csv = CsvOptions.parse({"multiLine": "true", **options}, {"timeZone": "Europe/Paris"})
        table = csv_table.CsvTable(client, read, csv, [Listed("tests", name, 0, None)])
        found = [(one["start"], one["end"]) for one in table.splits(table.objects[0])]
        monkeypatch.undo()
        return found, asked

    return splits


def test_an_index_of_records_saves_the_scan_that_finds_them(upload, client, read, spark, cut, tmp_path):
    records = [f'{n},"line one of {n}\n{n},""no"" record{", x" * (n % 9)}\n"' for n in range(20_000)]
    content = "\r\n".join(["id,note", *records]).encode()
    done = upload(content, "indexed.csv", "csv_index_storlet.py", "header=true", 'escape="')
    assert done.exit_code == 0, done.output
    assert client.connection.get_object("tests", "uploaded/indexed.csv")[1] == content

    found, asked = cut("uploaded/indexed.csv", header="true", escape='"')
    assert asked == ["head"] and len(found) > 4
    assert (found[0][0], found[-1][1]) == (0, len(content))
    client.connection.put_object("tests", "uploaded/plain.csv", content)
    scanned, asked = cut("uploaded/plain.csv", header="true", escape='"')
    assert "cuts" in asked and len(scanned) >= len(found)
    # Other options find other records, and other content has no index.
    assert "cuts" in cut("uploaded/indexed.csv", escape='"')[1]
    assert "cuts" in cut("uploaded/indexed.csv", header="true")[1]

    options = {"header": True, "multiLine": True, "escape": '"'}
    there = read("swift://tests/uploaded/indexed.csv", "id int, note string", **options, minSplitSize=100_000)
    here = spark.read.options(**options).schema("id int, note string").csv(str(tmp_path / "indexed.csv"))
    assert there.rdd.getNumPartitions() == len(found)
    assert there.collect() == here.collect()


def test_an_index_of_other_content_is_not_used(upload, client, cut):
    content = b"".join(b'%d,"a\nb"\n' % n for n in range(30_000))
    assert upload(content, "old.csv", "csv_index_storlet.py").exit_code == 0
    headers = client.headers("tests", "uploaded/old.csv")
    index = {name: value for name, value in headers.items() if name.startswith("x-object-meta-csv")}
    assert index and cut("uploaded/old.csv")[1] == ["head"]
    client.connection.put_object("tests", "uploaded/new.csv", b'"\n",' + content, headers=index)
    assert "cuts" in cut("uploaded/new.csv")[1]


def test_what_is_too_large_for_memory_gets_no_index(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(storlets_path()))
    storlet = importlib.import_module("csv_index_storlet")
    monkeypatch.setattr(storlet, "MOST_BYTES", 2 << 20)
    (tmp_path / "large.csv").write_bytes(bytes((2 << 20) + 1))
    with open(tmp_path / "large.csv", "rb") as file, pytest.raises(ValueError, match="larger than 2 MiB: upload it w"):
        storlet.whole(file.fileno())
    with open(tmp_path / "large.csv", "rb") as file:
        file.seek(1)
        assert len(storlet.whole(file.fileno())) == 2 << 20
