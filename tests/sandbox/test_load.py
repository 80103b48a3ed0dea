"""A cluster with short queues and little patience: two hundred calls at once, and calls that hang."""

import http.client
import json
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from ports import free_port
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets

CALLS = 200
SLOW = b"""
import time
class Slow:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        outputs[0].set_metadata({})
        time.sleep(0.2)
        outputs[0].write(inputs[0].read())
"""
STUCK = b"""
import time
class Stuck:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        if params["size"]:
            outputs[0].set_metadata({})
            outputs[0].write(bytes(int(params["size"])))
            outputs[0].flush()
        time.sleep(1000)
"""
BODY = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def stack(tmp_path_factory, sandbox):
    """The cluster."""
    options = {**sandbox["conf"], "pool_size": "2", "queue_size": "3", "storlet_timeout": "3"}
    made = Devstack(tmp_path_factory.mktemp("load"), free_port(), sandbox["gateway"], options)
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="module")
def get(stack):
    """Storlets and an object; answers with a function that runs one on the other."""
    client = SwiftClient(stack.auth_url, USER, KEY)
    deploy(client)
    values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no"}
    for name, source in (("slow", SLOW), ("stuck", STUCK)):
        main = {"Main": f"{name}.{name.capitalize()}"}
        headers = {f"X-Object-Meta-Storlet-{key}": value for key, value in {**values, **main}.items()}
        client.connection.put_object("storlet", f"{name}.py", source, headers=headers)
    client.connection.put_container("load")
    client.connection.put_object("load", "object", BODY)
    address = urllib.parse.urlsplit(client.storage_url)

    def request(storlet, parameter="", method="GET", name="object", body=None):
        connection = http.client.HTTPConnection(address.netloc, timeout=120)
        headers = {"X-Auth-Token": client.token, "X-Run-Storlet": storlet, "X-Storlet-Parameter-1": f"size:{parameter}"}
        connection.request(method, f"{address.path}/load/{name}", body=body, headers=headers)
        return connection.getresponse()

    return request


def test_a_call_that_hangs_is_ended_and_not_run_again(get):
    begin = time.monotonic()
    answer = get("stuck.py")
    assert answer.status == 504
    assert json.loads(answer.read())["message"] == "it gave no output for 3 s (storlet_timeout)"
    assert time.monotonic() - begin < 2 * 3


@pytest.mark.parametrize("size", ["", 100_000])
def test_a_put_that_hangs_stores_nothing(stack, get, size):
    answer = get("stuck.py", size, "PUT", "never", BODY)
    assert answer.status == 504
    assert json.loads(answer.read())["kind"] == "timeout"
    client = SwiftClient(stack.auth_url, USER, KEY)
    _, listing = client.connection.get_container("load")
    assert [found["name"] for found in listing] == ["object"]


def test_calls_that_hang_in_mid_output_free_their_places(get):
    # More than all three servers have places.
    hanging = [get("stuck.py", 100_000) for _ in range(8)]
    for answer in hanging:
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    assert get("slow.py").read() == BODY


def test_two_hundred_calls_at_once(stack, get):
    together = threading.Barrier(CALLS)

    def call(_):
        """Ask until it is answered; say what was answered before."""
        refusals = []
        together.wait()
        while True:
            response = get("slow.py")
            body = response.read()
            if response.status == 200:
                assert body == BODY
                return refusals
            assert response.status == 503, (response.status, body)
            refusals.append((response.status, response.headers["Retry-After"]))
            time.sleep(int(response.headers["Retry-After"]))

    done = threading.Event()
    with ThreadPoolExecutor(CALLS + 4) as threads:
        servers = [address for name, address in stack.layout.addresses().items() if name.startswith("object")]
        watches = [threads.submit(watch, server, done) for server in servers]
        try:
            refusals = [refusal for found in threads.map(call, range(CALLS)) for refusal in found]
        finally:
            done.set()
        waits = [wait for watched in watches for wait in watched.result()]
    assert len(waits) > len(servers)
    assert set(refusals) == {(503, "1")}


def test_the_connector_comes_again_when_all_are_busy(stack, get, spark):
    login = {"authUrl": stack.auth_url, "user": USER, "key": KEY}
    SwiftClient(stack.auth_url, USER, KEY).connection.put_object("load", "table.csv", b"1\n2\n3\n")
    reader = spark.read.format("storlets").schema("a bigint").options(**login, retries="60", pushAggregates="false")
    done = threading.Event()

    def crowd():
        while not done.is_set():
            answer = get("slow.py")
            answer.read()
            if answer.status == 503:
                done.wait(0.1)  # less than others wait

    with ThreadPoolExecutor(24) as threads:  # there is room for 15
        crowded = [threads.submit(crowd) for _ in range(24)]
        try:
            for _ in range(50):  # until it has been refused at least once
                (scan,) = spark_storlets.answer(reader.load("swift://load/table.csv")).scans
                assert scan.rows_returned == 3
                if scan.retries > 0:
                    break
        finally:
            done.set()
        for each in crowded:
            each.result()
    assert scan.retries > 0


def watch(server, done):
    """Ask a server for its health all the while; it has a second for each answer."""
    waits = []
    while not done.is_set():
        begin = time.monotonic()
        connection = http.client.HTTPConnection(*server, timeout=1)
        connection.request("GET", "/healthcheck")
        assert connection.getresponse().read() == b"OK"
        connection.close()
        waits.append(time.monotonic() - begin)
        done.wait(0.02)
    return waits
