"""Storlets that work on an object while it is uploaded."""

from urllib.parse import unquote

import pytest
from click.testing import CliRunner
from spark_storlets.datasource.deploy import deploy_program
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.cli import main


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
    exif[0x010F] = "Fabrikam ü".encode()
    exif.get_ifd(0x8769)[0x9003] = f"{datetime(2024, 7, 1, 12, 34, 56):%Y:%m:%d %H:%M:%S}"
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_csv_is_cleaned(upload, client):
    dirty = '\ufeffname;note\r\n\r\n Ann ;"a ""b"", c"\r\nÜ;\r\n'.encode("utf-16-le")
    done = upload(dirty, "dirty.csv", "csv_clean_storlet.py", "encoding=utf-16-le", "sep=;", "trim=true")
    assert done.exit_code == 0, done.output
    headers, stored = client.connection.get_object("tests", "uploaded/dirty.csv")
    assert stored.decode() == 'name,note\nAnn,"a ""b"", c"\nÜ,\n'
    assert headers["content-type"] == "text/csv; charset=utf-8"


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
