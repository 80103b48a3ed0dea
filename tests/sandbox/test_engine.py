"""The gateway in real Swift servers: what a client sees of each way a call can go."""

import contextlib
import http.client
import json
import os
import re
import signal
import urllib.parse
from pathlib import Path

import pytest
from ports import free_port
from sandbox_harness import alive, until
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER
from swiftclient.exceptions import ClientException

# Runs what its parameter says: "out" is the output file, "source" the input.
SCRIPT = b"""
import os, time
class Script:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        exec(params["code"], dict(globals(), source=inputs[0], out=outputs[0]))
"""
COPY = "out.set_metadata(source.get_metadata())\nfor chunk in iter(lambda: source.read(65536), b''): out.write(chunk)\n"
BEGIN = "out.set_metadata({}); out.write(bytes(1000000)); out.flush(); "


def registration(main, dependencies=""):
    """The headers of a storlet's upload."""
    values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no", "Main": main}
    values["Dependency"] = dependencies
    return {f"X-Object-Meta-Storlet-{name}": value for name, value in values.items() if value}


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def stack(request, tmp_path_factory):
    """The suite's own cluster, and one with the other sandbox."""
    if request.param == "bubblewrap":
        yield request.getfixturevalue("cluster")
        return
    options = {"docker_url": request.getfixturevalue("docker")}
    made = Devstack(tmp_path_factory.mktemp("docker"), free_port(), "docker", options)
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="module")
def client(stack):
    made = SwiftClient(stack.auth_url, USER, KEY)
    deploy(made)
    return made


@pytest.fixture(scope="module")
def account(client):
    """The storlet and an object in a container; answers with a function that makes requests."""
    connection = client.connection
    connection.put_object("storlet", "script.py", SCRIPT, headers=registration("script.Script"))
    connection.put_container("sandbox")
    connection.put_object("sandbox", "object", b"0123456789" * 20_000, headers={"X-Object-Meta-Color": "blue"})
    address, token = urllib.parse.urlsplit(client.storage_url), client.token

    def request(method, name, code=None, body=None, query="", **headers):
        http_connection = http.client.HTTPConnection(address.netloc, timeout=60)
        headers = {"X-Auth-Token": token, **{key.replace("_", "-"): value for key, value in headers.items()}}
        if code is not None:
            headers.setdefault("X-Run-Storlet", "script.py")
            headers["X-Storlet-Parameter-1"] = "code:" + urllib.parse.quote(code)
        http_connection.request(method, f"{address.path}/sandbox/{name}{query}", body=body, headers=headers)
        response = http_connection.getresponse()
        response.connection = http_connection
        return response

    return request


def test_get(account):
    response = account("GET", "object", COPY)
    assert response.status == 200
    assert response.headers["X-Object-Meta-Color"] == "blue"
    assert response.read() == b"0123456789" * 20_000


def test_storlet_range(account):
    assert account("GET", "object", COPY, X_Storlet_Range="bytes=5-24").read() == b"01234567890123456789"[5:] + b"01234"


def test_large_object_runs_on_the_proxy(account):
    for part in ("a", "b"):
        account("PUT", f"part-{part}", body=part.encode() * 100_000).read()
    manifest = json.dumps([{"path": f"/sandbox/part-{part}"} for part in ("a", "b")])
    assert account("PUT", "large", body=manifest, query="?multipart-manifest=put").status == 201
    assert account("GET", "large", COPY).read() == b"a" * 100_000 + b"b" * 100_000
    assert account("GET", "large", "out.set_metadata({}); out.write(source.read(1)); source.close()").read() == b"a"


def test_dynamic_large_object_runs_on_the_proxy(account):
    for part in ("a", "b"):
        account("PUT", f"piece-{part}", body=part.encode() * 100_000).read()
    assert account("PUT", "dynamic", body=b"", X_Object_Manifest="sandbox/piece-").status == 201
    code = "out.set_metadata({}); out.write(b'ran: '); out.write(source.read())"
    assert account("GET", "dynamic", code).read() == b"ran: " + b"a" * 100_000 + b"b" * 100_000
    assert account("GET", "dynamic", code, X_Storlet_Range="bytes=5-24").status == 400
    answer = account("GET", "dynamic", code, X_Storlet_Range="bytes=99998-100001", X_Storlet_Run_On_Proxy="")
    assert answer.read() == b"ran: aabb"


@pytest.mark.parametrize("name", ["object", "large"])
def test_nothing_runs_on_a_manifest(account, name):
    assert account("GET", name, COPY, query="?multipart-manifest=get").status == 400
    assert account("GET", name, COPY, X_Storlet_Parameter_2="multipart-manifest:get").status == 400


def test_put_and_copy(account):
    assert account("PUT", "put", COPY, body=b"x" * 100_000, X_Object_Meta_Color="red").status == 201
    stored = account("GET", "put")
    assert (stored.headers["X-Object-Meta-Color"], stored.read()) == ("red", b"x" * 100_000)
    assert account("COPY", "put", COPY, Destination="sandbox/copy").status == 201
    assert account("GET", "copy").read() == b"x" * 100_000


@pytest.mark.parametrize("name", ["object", "large"])
@pytest.mark.parametrize(
    ("code", "status", "kind", "message"),
    [
        ("1 / 0", 422, "failed", "ZeroDivisionError: division by zero"),
        ("out.set_metadata({}); 1 / 0", 422, "failed", "ZeroDivisionError: division by zero"),
        ("out.set_metadata({}); out.write(b'a little'); 1 / 0", 422, "failed", "ZeroDivisionError: division by zero"),
        ("pass", 422, "failed", "it set no metadata"),
        ("os._exit(0)", 500, "died", "its process ended; its worker.log may say why"),
        ("out.set_metadata({}); os.kill(os.getpid(), 9)", 500, "died", "its process ended; its worker.log may say why"),
    ],
)
def test_failure_before_output(account, name, code, status, kind, message):
    response = account("GET", name, code)
    assert response.status == status
    assert json.loads(response.read()) == {"kind": kind, "message": message}


@pytest.mark.parametrize("code", ["1 / 0", "os._exit(0)"])
@pytest.mark.parametrize("name", ["object", "large"])
def test_failure_in_mid_output(account, name, code):
    response = account("GET", name, BEGIN + code)
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead):
        response.read()


@pytest.mark.parametrize("code", ["1 / 0", BEGIN + "1 / 0", BEGIN + "os._exit(0)"])
def test_failed_put_stores_nothing(account, code):
    with contextlib.suppress(http.client.HTTPException):
        assert account("PUT", "never", code, body=b"x" * 100_000).status in (422, 500)
    assert account("GET", "never").status == 404
    with contextlib.suppress(http.client.HTTPException):
        assert account("COPY", "object", code, Destination="sandbox/never").status in (422, 500)
    assert account("GET", "never").status == 404


def test_copy_of_what_is_not_there_stores_nothing(account):
    assert account("COPY", "nothing", COPY, Destination="sandbox/never").status == 404
    assert account("GET", "never").status == 404


@pytest.mark.parametrize("byte_range", ["bytes=10-", "bytes=-10", "bytes=5-2", "lines=1-2"])
def test_ranges_that_the_engine_would_misread(account, byte_range):
    assert account("GET", "object", COPY, X_Storlet_Range=byte_range).status == 400


def test_range_of_a_large_object(account):
    assert account("GET", "large", COPY, X_Storlet_Range="bytes=5-24").status == 400
    answer = account("GET", "large", COPY, X_Storlet_Range="bytes=99998-100001", X_Storlet_Run_On_Proxy="")
    assert answer.read() == b"aabb"


def test_range_of_what_is_stored(account):
    copy = {"Destination": "sandbox/never", "X_Storlet_Range": "bytes=5-24"}
    assert account("COPY", "object", COPY, **copy, X_Storlet_Run_On_Proxy="").status == 400
    assert account("COPY", "object", COPY, **{**copy, "X_Storlet_Range": "bytes=5-6,8-9"}).status == 400
    assert account("COPY", "large", COPY, **copy).status == 400
    assert account("PUT", "never", COPY, body=b"0123456789", X_Storlet_Range="bytes=5-6").status == 400
    assert account("GET", "never").status == 404
    assert account("COPY", "object", COPY, **{**copy, "Destination": "sandbox/part"}).status == 201
    assert account("GET", "part").read() == b"56789012345678901234"


def test_extra_resources(account):
    resources = {"X_Storlet_Extra_Resources": "/sandbox/object"}
    assert account("GET", "object", COPY, **resources).read() == b"0123456789" * 20_000
    resources["X_Storlet_Extra_Resources"] += ",/sandbox/nothing"
    assert account("GET", "object", COPY, **resources).status == 404
    assert account("PUT", "never", COPY, body=b"x", **resources).status == 404
    assert account("GET", "never").status == 404


def test_a_client_cannot_choose_what_runs(account):
    chosen = account("GET", "object", COPY, X_Storlet_Main="other.Other", X_Storlet_Dependency="../x")
    assert chosen.read() == b"0123456789" * 20_000


def test_storlet_and_dependency_replaced_while_running(account, client):
    store = client.connection
    headers = registration("versioned.Versioned", "words.txt")
    source = """
class Versioned:
    def __init__(self, logger): pass
    def __call__(self, inputs, outputs, params):
        outputs[0].set_metadata({{}})
        outputs[0].write(bytes(1_000_000))
        outputs[0].flush()
        inputs[0].read()
        outputs[0].write(b"{0} " + open(params["storlet_execution_path"] + "/words.txt", "rb").read())
"""

    def upload(code, words):
        if words:
            dependency = {
                "X-Object-Meta-Storlet-Dependency-Version": "1",
                "X-Object-Meta-Storlet-Dependency-Permissions": "0644",
            }
            store.put_object("dependency", "words.txt", words, headers=dependency)
        if code:
            store.put_object("storlet", "versioned.py", source.format(code).encode(), headers=headers)

    def run():
        return account("GET", "object", "", X_Run_Storlet="versioned.py")

    upload("one", b"old")
    running = run()
    upload(None, b"new")
    assert run().read()[1_000_000:] == b"one new"
    upload("two", None)
    assert run().read()[1_000_000:] == b"two new"
    upload("three", b"newest")
    assert run().read()[1_000_000:] == b"three newest"
    assert running.read()[1_000_000:] == b"one old"


@pytest.mark.parametrize("bad", ["../words.txt", "a/b", "..", "."])
def test_a_dependency_that_is_a_path(account, client, bad):
    headers = registration("paths.Paths", bad)
    with pytest.raises(ClientException) as refused:
        client.connection.put_object("storlet", "paths.py", SCRIPT, headers=headers)
    assert refused.value.http_status == 400
    # The engine does not look at a storlet that comes by COPY; then the call is refused.
    client.connection.put_object("sandbox", "paths.py", SCRIPT, headers=headers)
    client.connection.copy_object("sandbox", "paths.py", "/storlet/paths.py")
    answer = account("GET", "object", "pass", X_Run_Storlet="paths.py")
    assert (answer.status, json.loads(answer.read())["kind"]) == (422, "refused")


def test_a_dependency_that_is_a_symlink(account, client):
    """A symlink may point into any account, and the storlet's files are fetched with everybody's rights."""
    store = client.connection
    store.put_object("sandbox", "secret", b"secret")
    headers = registration("linked.Linked", "link.txt")
    store.put_object("storlet", "linked.py", SCRIPT.replace(b"Script", b"Linked"), headers=headers)
    link = {"X-Symlink-Target": "sandbox/secret", "X-Object-Meta-Storlet-Dependency-Version": "1"}
    store.put_object("dependency", "link.txt", b"", headers=link)
    answer = account("GET", "object", COPY, X_Run_Storlet="linked.py")
    assert answer.status == 422
    assert json.loads(answer.read())["message"] == "dependency/link.txt is a symlink: upload the file itself"


def test_a_dependency_that_is_missing(account, client):
    headers = registration("lonely.Lonely", "nothing.txt")
    client.connection.put_object("storlet", "lonely.py", SCRIPT, headers=headers)
    answer = account("GET", "object", COPY, X_Run_Storlet="lonely.py")
    assert json.loads(answer.read()) == {"kind": "refused", "message": "its dependencies nothing.txt do not exist"}


@pytest.mark.parametrize(
    "code",
    [
        BEGIN + "1 / 0",
        BEGIN + "os._exit(0)",
        "1 / 0",
        "os._exit(0)",
        "out.set_metadata({'é' * 10_000: ''})",
        "out.set_metadata({f'a{n}': n for n in range(300)})",
    ],
)
def test_failing_storlets_do_not_turn_the_proxy_against_the_disks(account, code):
    for _ in range(40):  # it sends nobody to a disk that has had 10 errors
        with contextlib.suppress(http.client.IncompleteRead):
            account("GET", "object", code).read()
    assert account("GET", "object").status == 200
    assert account("GET", "object", COPY).read() == b"0123456789" * 20_000


def test_output_that_breaks_off_is_not_completed_from_another_replica(account):
    """The proxy would ask another one for the rest by its number of bytes."""
    code = BEGIN + "os.kill(os.getpid(), 9)"
    for byte_range in ({}, {"X_Storlet_Range": "bytes=0-199999"}):
        with pytest.raises(http.client.IncompleteRead) as cut:
            account("GET", "object", code, **byte_range).read()
        assert cut.value.partial == bytes(len(cut.value.partial))
        assert len(cut.value.partial) <= 1_000_000


def test_object_server_that_dies_in_mid_output(account, stack):
    try:
        for byte_range in ({}, {"X_Storlet_Range": "bytes=0-199999"}):
            where = "out.set_metadata({'Where': os.readlink(f'/proc/self/fd/{source.fileno()}')}); "
            answer = account("GET", "object", where + "out.write(bytes(1000000)); time.sleep(1000)", **byte_range)
            assert len(answer.read(10)) == 10
            node = re.search(r"/node(\d)/", answer.headers["X-Object-Meta-Where"])[1]
            os.kill(next(s.pid for s in stack.status() if s.name == f"object-{node}"), signal.SIGKILL)
            with pytest.raises(http.client.IncompleteRead) as cut:
                answer.read()
            assert len(cut.value.partial) < 1_000_000
    finally:
        stack.up()


def test_client_leaves(account):
    code = "out.set_metadata({'Space': os.readlink('/proc/self/ns/pid')})\nwhile True: out.write(bytes(100000))"
    response = account("GET", "object", code)
    space = response.headers["X-Object-Meta-Space"]
    assert len(response.read(1000)) == 1000
    assert processes_in(space)
    response.connection.close()
    response.close()
    until(lambda: not processes_in(space))


def processes_in(space):
    found = set()
    for pid, _ in alive():
        with contextlib.suppress(OSError):
            found |= {pid} if str(Path(f"/proc/{pid}/ns/pid").readlink()) == space else set()
    return found
