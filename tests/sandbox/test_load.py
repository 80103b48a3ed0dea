"""Two hundred calls at once: the servers stay awake, calls wait in order, and too many are told to come back."""

import http.client
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

CALLS = 200
SLOW = b"""
import time
class Slow:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        outputs[0].set_metadata({})
        time.sleep(0.05)
        outputs[0].write(inputs[0].read())
"""
BODY = bytes(range(256)) * 400


@pytest.fixture
def stack(tmp_path, sandbox):
    """A cluster whose queues are shorter than the load."""
    options = {**sandbox["conf"], "queue_size": "20"}
    made = Devstack(tmp_path / "stack", free_port(), sandbox["gateway"], options)
    made.up()
    yield made
    made.down()


def test_two_hundred_calls_at_once(stack):
    client = SwiftClient(stack.auth_url, USER, KEY)
    deploy(client)
    values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no", "Main": "slow.Slow"}
    headers = {f"X-Object-Meta-Storlet-{name}": value for name, value in values.items()}
    client.connection.put_object("storlet", "slow.py", SLOW, headers=headers)
    client.connection.put_container("load")
    client.connection.put_object("load", "object", BODY)
    address = urllib.parse.urlsplit(client.storage_url)
    together = threading.Barrier(CALLS)

    def call(_):
        """Ask until it is answered; say what was answered before."""
        refusals = []
        together.wait()
        while True:
            connection = http.client.HTTPConnection(address.netloc, timeout=120)
            headers = {"X-Auth-Token": client.token, "X-Run-Storlet": "slow.py"}
            connection.request("GET", f"{address.path}/load/object", headers=headers)
            response = connection.getresponse()
            body = response.read()
            connection.close()
            if response.status == 200:
                assert body == BODY
                return refusals
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
