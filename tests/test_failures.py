"""What goes wrong ends in one clear error, in Spark and on the command line, and never in a short answer."""

import http.server
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pyspark.errors import AnalysisException
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy, upload_storlet
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.errors import (
    AuthenticationError,
    ChangedError,
    ConfigurationError,
    IncompleteAnswerError,
    NotFoundError,
    StoreUnavailableError,
    StorletError,
    StorletFailedError,
    UnsupportedError,
    error_from_spark,
)


@contextmanager
def raises(kind: type[StorletError], *words: str) -> Iterator[None]:
    """The block raises Spark's exception with our error inside, and the message holds the words and no secret."""
    with pytest.raises(Exception) as caught:
        yield
    found = error_from_spark(caught.value)
    assert type(found) is kind, caught.value
    for word in words:
        assert word in str(found), f"{word!r} is not in: {found}"
    assert KEY not in str(caught.value).replace("testing/", ""), "the key must not be seen"


def test_wrong_path(read):
    with raises(ConfigurationError, "swift://container/object"):
        read("swift:/tests/a.csv")


def test_url_that_is_no_authentication(read, cluster):
    with raises(ConfigurationError, "authUrl"):
        read("swift://tests/a.csv", "a int", authUrl=cluster.auth_url.replace("auth/v1.0", "nothing")).collect()
    with raises(ConfigurationError, "http"):
        read("swift://tests/a.csv", "a int", authUrl="nowhere").collect()


def test_store_that_is_not_there(read):
    with raises(StoreUnavailableError, "cannot reach Swift"):
        read("swift://tests/a.csv", "a int", authUrl="http://127.0.0.1:1/auth/v1.0").collect()


def test_wrong_key(read):
    with raises(AuthenticationError, "check user and key"):
        read("swift://tests/a.csv", "a int", key="wrong").collect()


def test_missing_container_and_object(read, put):
    with raises(NotFoundError, "nowhere/a.csv", "does not exist"):
        read("swift://nowhere/a.csv")
    with raises(NotFoundError, "tests/nothing.csv"):
        read("swift://tests/nothing.csv", "a int").collect()
    with raises(NotFoundError, "nothing/*.csv"):
        read("swift://tests/nothing/*.csv", "a int").collect()


def test_column_that_is_not_in_the_file(read, put):
    with pytest.raises(AnalysisException, match="nope"):
        read(put("columns.csv", b"a,b\n1,2\n"), header=True).select("nope")


def test_type_and_option_that_the_storlet_does_not_know(read, put):
    path = put("types.csv", b"1\n")
    with raises(UnsupportedError, "array", "column a"):
        read(path, "a array<int>").collect()
    with raises(UnsupportedError, "inputBufferSize"):
        read(path, "a int", inputBufferSize="2").collect()
    with raises(ConfigurationError, "unescapedQuoteHandling", "SKIP_VALUE", "'skip'"):
        read(path, "a int", unescapedQuoteHandling="skip").collect()
    for storlet in ("csv", "exif", "listing"):
        for option in ("pathGlobFilter", "modifiedBefore", "modifiedAfter"):
            with raises(UnsupportedError, option):
                read(path, storlet=storlet, **{option: "2024*"}).collect()
    with raises(UnsupportedError, "column a"):
        read(path, "a string collate UTF8_LCASE").where("a = 'X'").collect()
    with raises(ConfigurationError, "minSplitSize"):
        read(path, "a int", minSplitSize="many").collect()


def test_storlet_that_is_not_deployed(read, put, client):
    path = put("undeployed.csv", b"1\n")
    client.connection.delete_object("storlet", "csv_storlet.py")
    try:
        with raises(NotFoundError, "spark-storlets deploy"):
            read(path, "a int").collect()
    finally:
        deploy(client)


def test_storlet_of_another_release(read, put, client):
    path = put("old.csv", b"1\n")
    headers = client.connection.head_object("storlet", "csv_storlet.py")
    kept = {k: v for k, v in headers.items() if k.startswith("x-object-meta-storlet")}
    client.connection.post_object("storlet", "csv_storlet.py", {**kept, "X-Object-Meta-Spark-Storlets-Digest": "other"})
    try:
        with raises(ConfigurationError, "spark-storlets deploy"):
            read(path, "a int").collect()
    finally:
        deploy(client)


def test_object_overwritten_between_planning_and_reading(read, put):
    path = put("changed.csv", b"1\n2\n")
    frame = read(path, "a int")
    planned = frame.rdd  # plans the partitions
    assert planned.getNumPartitions() == 1
    put("changed.csv", b"3\n4\n5\n")
    with raises(ChangedError, "tests/changed.csv", "overwritten", "Run the query again"):
        planned.collect()


def test_object_deleted_between_planning_and_reading(read, put, client):
    planned = read(put("deleted.csv", b"1\n2\n"), "a int").rdd
    assert planned.getNumPartitions() == 1
    client.connection.delete_object("tests", "deleted.csv")
    with raises(NotFoundError, "tests/deleted.csv"):
        planned.collect()


def test_record_that_spark_refuses_is_refused(read, put):
    path = put("wide.csv", b"1" + b"," * 20480 + b"\n")
    with raises(StorletFailedError, "maxColumns", "tests/wide.csv"):
        read(path, "a int, b int").collect()


class _Busy(http.server.BaseHTTPRequestHandler):
    """A way to a store that is busy for the first `busy` calls of storlets."""

    busy = 0

    def do_GET(self):
        if "X-Run-Storlet" in self.headers and self.busy:
            type(self).busy -= 1
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        store = self.server.store
        request = urllib.request.Request(store + self.path, headers=dict(self.headers.items()))
        request.remove_header("Host")
        with urllib.request.urlopen(request) as answer:
            body, headers = answer.read(), answer.headers
        self.send_response(200)
        for name in ("X-Storage-Url", "X-Auth-Token", "Etag"):
            if name in headers:
                self.send_header(name, headers[name].replace(store, f"http://{self.headers['Host']}"))
        if "X-Run-Storlet" not in self.headers:
            self.send_header("Content-Length", str(headers["Content-Length"]))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        request = urllib.request.Request(
            self.server.store + self.path, headers=dict(self.headers.items()), method="HEAD"
        )
        with urllib.request.urlopen(request) as answer:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def busy_store(cluster):
    """The URL of a server between Spark and the store, and its handler class, to be told how busy to be."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Busy)
    server.store = cluster.auth_url.removesuffix("/auth/v1.0")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/auth/v1.0", _Busy
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_planner_asks_a_busy_store_again(read, put, busy_store):
    url, handler = busy_store
    path = put("busy.csv", b"1\n2\n")
    handler.busy = 5
    assert read(path, authUrl=url).count() == 2
    assert handler.busy == 0


def test_storlet_that_fails_at_once_is_named(read, put, client):
    path = put("failing.csv", b"1\n2\n")
    source = (b"class CsvStorlet:\n    def __init__(self, logger): pass\n"
              b"    def __call__(self, i, o, p):\n        raise ValueError('no luck')\n")  # fmt: skip
    headers = client.connection.head_object("storlet", "csv_storlet.py")
    kept = {k: v for k, v in headers.items() if k.startswith("x-object-meta-")}
    frame = read(path, "a int")
    client.connection.put_object("storlet", "csv_storlet.py", source, headers=kept)
    try:
        with raises(StorletFailedError, "tests/failing.csv", "ValueError: no luck"):
            frame.collect()
    finally:
        deploy(client)


def test_storlet_that_dies_gives_an_error(read, put, client):
    path = put("dying.csv", b"1\n2\n")
    source = (b"import os\nclass CsvStorlet:\n    def __init__(self, logger): pass\n"
              b"    def __call__(self, i, o, p):\n        o[0].set_metadata({})\n        o[0].write(b'half')\n"
              b"        o[0].flush()\n        os._exit(1)\n")  # fmt: skip
    headers = client.connection.head_object("storlet", "csv_storlet.py")
    kept = {k: v for k, v in headers.items() if k.startswith("x-object-meta-")}
    client.connection.put_object("storlet", "csv_storlet.py", source, headers=kept)
    try:
        with pytest.raises(Exception) as caught:
            read(path, "a int").collect()
        assert isinstance(error_from_spark(caught.value), (IncompleteAnswerError, StoreUnavailableError))
    finally:
        deploy(client)


def test_client_errors_need_no_spark(cluster):
    with pytest.raises(AuthenticationError):
        SwiftClient(cluster.auth_url, USER, "wrong")


def test_a_storlet_that_the_engine_would_not_run_is_refused_with_its_reason(client):
    with pytest.raises(ConfigurationError, match=r"refuses storlet/other\.py: Main class should be included"):
        upload_storlet(client, "other.py", b"class A: pass", "mine.A", [])
