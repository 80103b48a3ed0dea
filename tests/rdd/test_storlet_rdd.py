"""Any storlet's output as an RDD, on the live cluster."""

import io
import traceback

import pytest
import requests
from spark_storlets.datasource.deploy import upload_storlet
from spark_storlets.datasource.storlet_call import call_of, take
from spark_storlets.datasource.storlet_rdd import _Call
from spark_storlets.devstack.configuration import KEY, USER
from spark_storlets.partitioner.splits import Split

import spark_storlets
from spark_storlets.errors import ConfigurationError, NotFoundError, StoreUnavailableError

GREP = b'''
import io


class Grep:
    """Answers the lines that hold a text."""

    def __init__(self, logger):
        pass

    def __call__(self, in_files, out_files, params):
        out_files[0].set_metadata({})
        wanted = params["text"].encode()
        for line in io.BytesIO(in_files[0].read()):
            if wanted in line:
                out_files[0].write(line)
        out_files[0].close()
'''
FAIL = b'''
class Fail:
    """Fails after some output, if it is told to."""

    def __init__(self, logger):
        pass

    def __call__(self, in_files, out_files, params):
        out_files[0].set_metadata({})
        data = in_files[0].read()
        if b"early" in data:
            raise ValueError("this object is not to my taste")
        out_files[0].write(data * 100000)
        if b"late" in data:
            out_files[0].flush()
            raise ValueError("too late")
'''
TABLE = b'''
import pyarrow as pa
from storlet_sdk import TableStorlet


class Sizes(TableStorlet):
    """Answers the name and the size of its object, and a number of the request's."""

    name = "sizes.py"
    version = "1"

    def answer(self, request, source, table):
        table.open(pa.schema([("name", pa.string()), ("size", pa.int64()), ("marks", pa.map_(pa.string(), pa.int32()))]))
        if request["name"].endswith("bad"):
            raise ValueError("no size")
        table.batch(pa.record_batch({"name": [request["name"]], "size": [request["size"]],
                                     "marks": pa.array([[("n", request["number"])]], pa.map_(pa.string(), pa.int32()))}))
'''


@pytest.fixture(scope="module")
def rdd(spark, client, cluster):
    upload_storlet(client, "grep.py", GREP, "grep.Grep", [])
    upload_storlet(client, "fail.py", FAIL, "fail.Fail", [])
    upload_storlet(client, "sizes.py", TABLE, "sizes.Sizes", ["storlet_sdk.py"])

    def made(paths, storlet, params=None, **options):
        given = {"authUrl": cluster.auth_url, "user": USER, "key": KEY, **options}
        return spark_storlets.storlet_rdd(spark.sparkContext, paths, storlet, params, **given)

    return made


@pytest.fixture(scope="module")
def logs(put):
    for number in range(5):
        put(f"logs/{number}", f"ERROR {number}, ü\nok\r\nERROR again".encode())
    return "swift://tests/logs/*"


def test_no_signature_stands_in_an_error():
    request = {"url": "http://127.0.0.1:1/b/k?X-Amz-Signature=secret", "headers": {}, "object": "b/k", "range": "0-1"}
    with pytest.raises(StoreUnavailableError) as caught:
        take({**request, "storlet": "x"}, io.BytesIO(), requests.Session())
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_lines(rdd, logs):
    wanted = [line for n in range(5) for line in (f"ERROR {n}, ü", "ERROR again")]
    assert rdd(logs, "grep.py", {"text": "ERROR"}).collect() == wanted
    assert rdd(logs, "grep.py", {"text": "none"}).collect() == []
    assert rdd(logs, "grep.py", {"text": ", ü"}, window=1).count() == 5


def test_the_sessions_options_count(rdd, logs, spark, cluster, monkeypatch):
    conf = spark.sparkContext.getConf()
    for name, value in {"authUrl": cluster.auth_url, "user": USER, "key": KEY}.items():
        conf.set(f"spark.datasource.storlets.{name}", value)
    monkeypatch.setattr(spark.sparkContext, "getConf", lambda: conf)
    assert spark_storlets.storlet_rdd(spark.sparkContext, logs, "grep.py", {"text": ", ü"}).count() == 5


def test_lines_are_those_of_sparks_text_files(rdd, put, spark, tmp_path):
    content = "a\r\nb\rc\n\n d\u2028e\x0bf ü".encode() + b"\xff\n"
    (tmp_path / "text").write_bytes(content)
    ours = rdd(put("text", content), "grep.py", {"text": ""}).collect()
    assert ours == spark.sparkContext.textFile(str(tmp_path / "text")).collect()


def test_bytes_come_with_the_path_of_their_object(rdd, logs):
    found = rdd([logs, "swift://tests/logs/3"], "grep.py", {"text": "ERROR 3"}, output="bytes").collect()
    wanted = "ERROR 3, ü\n".encode()
    assert found == [
        *((f"swift://tests/logs/{n}", wanted if n == 3 else b"") for n in range(5)),
        ("swift://tests/logs/3", wanted),
    ]


def test_rows_of_a_table_storlet(rdd, logs):
    rows = rdd(logs, "sizes.py", {"number": 7}, output="rows").collect()
    assert [row.name for row in rows] == [f"logs/{n}" for n in range(5)]
    assert rows[0].asDict() == {"name": "logs/0", "size": 27, "marks": {"n": 7}}


def test_a_storlet_of_ours_answers_rows_too(rdd, put):
    put("rows/no-image", b"hello")
    request = {"zone": "UTC", "columns": ["name", "error"], "predicate": None}
    (row,) = rdd("swift://tests/rows/*", "exif_storlet.py", request, output="rows").collect()
    assert (row.name, row.error) == ("rows/no-image", "it is no image of a kind that is known")


def test_ranges(rdd, put):
    lines = b"".join(b"%07d\n" % n for n in range(400_000))
    path = put("ranges/numbers", lines)
    found = rdd(path, "grep.py", {"text": ""}, output="bytes", ranges=True, replicas=3, workersPerNode=1)
    assert [len(part) for _, part in found.collect()] == [1_066_667, 1_066_667, 1_066_666]
    assert b"".join(part for _, part in found.collect()) == lines


def test_stopping_early_leaves_nothing_behind(rdd, put, logs):
    assert rdd(logs, "grep.py", {"text": "ERROR"}).take(1) == ["ERROR 0, ü"]


@pytest.mark.parametrize(("content", "message"), [(b"early", "not to my taste"), (b"late", "broke off")])
def test_a_failing_storlet_fails_the_job_and_says_why(rdd, put, content, message):
    path = put(f"failing/{content.decode()}", content)
    with pytest.raises(Exception, match=message) as caught:
        rdd(path, "fail.py", output="bytes", retries=1).collect()
    assert "tests/failing" in str(caught.value)
    assert "X-Auth-Token" not in str(caught.value)
    assert "AUTH_tk" not in str(caught.value)


def test_a_failing_table_storlet_says_why(rdd, put):
    with pytest.raises(Exception, match="ValueError: no size"):
        rdd(put("failing/bad", b"x"), "sizes.py", {"number": 1}, output="rows").collect()


def test_an_object_replaced_after_planning_is_an_error(rdd, put):
    planned = rdd(put("replaced", b"one"), "grep.py", {"text": ""})
    put("replaced", b"two")
    with pytest.raises(Exception, match="overwritten"):
        planned.collect()


def test_what_cannot_be_is_refused_at_once(rdd, logs):
    with pytest.raises(NotFoundError, match=r"storlet/nothing\.py"):
        rdd(logs, "nothing.py")
    with pytest.raises(NotFoundError, match="nothing"):
        rdd("swift://tests/nothing/*", "grep.py")
    with pytest.raises(ConfigurationError, match="lines, bytes, rows"):
        rdd(logs, "grep.py", output="words")


def test_neither_key_nor_token_is_shown(rdd, logs, client):
    made = rdd(logs, "grep.py", {"text": ""})
    request = call_of(client, client.object("tests", "logs/0"), "grep.py", {"text": ""}, Split(0, 27))
    texts = [repr(made), str(made.toDebugString()), repr(_Call(request, "swift://tests/logs/0"))]
    assert "tests/logs/0" in texts[-1]
    assert client.token in str(request)
    assert not any(client.token in text or KEY in text.replace("testing/", "") for text in texts)
