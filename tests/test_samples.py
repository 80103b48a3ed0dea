"""The samples do on the live cluster what their pages say."""

import io
import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from PIL import Image
from spark_storlets.devstack.configuration import KEY, USER

from samples import container_report, photo_report, s3_boto3, smart_meter, smart_meter_report, tpch, tpch_report

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


@pytest.fixture
def store(spark, cluster, client):
    """The store in the session's configuration: the test's Spark runs already, and sees no new variables."""
    given = {"authUrl": cluster.auth_url, "user": USER, "key": KEY}
    given |= {"endpointUrl": cluster.layout.url, "accessKey": USER, "secretKey": KEY}
    for name, value in given.items():
        spark.conf.set(f"spark.datasource.storlets.{name}", value)
    yield
    for name in given:
        spark.conf.unset(f"spark.datasource.storlets.{name}")


def photo(make, taken):
    exif = Image.Exif()
    exif[0x010F] = make
    exif.get_ifd(0x8769)[0x9003] = taken
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_smart_meters(store, spark, put, tmp_path, capsys):
    smart_meter.write(tmp_path / "meters.csv", 20_000)
    smart_meter_report.report(spark, put("samples/meters.csv", (tmp_path / "meters.csv").read_bytes()))
    said = capsys.readouterr().out
    assert "Washington, D.C." in said and said.count("bytes received of") == len(smart_meter_report.QUERIES)


def test_tpch(store, spark, put, tmp_path, capsys):
    for table, file in tpch.generate(tmp_path, 0.001, (*tpch.SCHEMAS, *tpch.OTHER_SCHEMAS)).items():
        put(f"samples/tpch/{table}.csv", file.read_bytes())
    tpch_report.report(spark, "swift://tests/samples/tpch/", (3, 6))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["query", "3", "6"]


def test_photos(store, spark, put, capsys):
    put("samples/photos/1.jpg", photo("Fabrikam", "2024:05:01 10:00:00"))
    put("samples/photos/2.jpg", b"no photo")
    photo_report.report(spark, "swift://tests/samples/photos/*")
    said = capsys.readouterr().out
    assert "2 photos" in said and "Fabrikam" in said and "2024" in said and "it is no image" in said


def test_container_report(store, spark, put, capsys):
    put("samples/report/a/1", b"12345")
    put("samples/report/b", b"1")
    container_report.report(spark, "swift://tests/samples/report/")
    said = capsys.readouterr().out
    assert "|      2|    6|" in said and "application/octet-stream" in said and "samples/report/a/1" in said


def test_s3(store, monkeypatch, spark, cluster, tmp_path, capsys):
    for name, value in {
        "AWS_ENDPOINT_URL": cluster.layout.url,
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "sales.csv").write_text("city;sold\r\nLyon;3\r\n\r\nPorto;5\r\n")
    s3_boto3.show(spark, "samples-s3", tmp_path / "sales.csv")
    said = capsys.readouterr().out
    assert "city,sold\nLyon,3\nPorto,5\n" in said and "|Porto|   5|" in said


def test_the_notebook_runs(cluster, monkeypatch, tmp_path):
    for name, value in {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(SAMPLES / "getting_started.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    said = str([output for cell in notebook.cells for output in cell.get("outputs", [])])
    for words in ("Lyon", "sumHP > 20", "bytes_received=", "photos/1.jpg", "Fabrikam"):
        assert words in said, f"{words}: {said}"
