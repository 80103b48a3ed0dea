"""What a client sees of each way in which a call can fail, and what becomes of the worker: a table of cases.

The table in docs/sandbox.md is this one; WRITE_DOCS=1 writes it anew. Every row holds in both sandboxes.
"""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port
from sandbox_harness import alive, until
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
BEFORE = "so one that breaks off looks complete.\n\n"
AFTER = "## Watching it\n"
HEAD = "| the storlet | the client sees | can it tell | the worker |\n| --- | --- | --- | --- |\n"
OPTIONS = {
    "pool_size": "2",
    "storlet_timeout": "2",
    "storlet_max_time": "5",
    "worker_memory_limit": str(48 << 20),
    "worker_start_timeout": "60",
}
# Says in its log which process runs which call, and does what its parameter says: "out" is the output, "source" the
# input. A process is named by its name space and its start, since its number inside is always the same.
SCRIPT = b"""
import os, sys, time
class Script:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        start = open("/proc/self/stat").read().rpartition(")")[2].split()[19]
        print("call", params["call"], os.readlink("/proc/self/ns/pid"), start, flush=True)
        exec(params["code"], dict(globals(), source=inputs[0], out=outputs[0]))
"""
CONTENT = b"0123456789" * 20_000
BODY = b"x" * 100_000

METADATA = "out.set_metadata({}); "
LITTLE = METADATA + "out.write(b'a little'); out.flush(); "
MUCH = METADATA + "out.write(bytes(500_000)); out.flush(); "
RAISE, EXIT, HANG = "1 / 0", "os._exit(0)", "time.sleep(1000)"
KILL = "os.kill(os.getpid(), 9)"
MEMORY_ERROR = "bytearray(1 << 40)"
OUT_OF_MEMORY = """
for n in range(2):
    with open(f"/tmp/{n}", "wb", buffering=0) as file:
        for _ in range(31): file.write(bytes(1 << 20))
"""
CHILD = "\nif os.fork() == 0:\n    os.close(2); time.sleep(1000)"

BREAKS_OFF = "200, and an answer that breaks off"
BROKEN = "500 `broken`, nothing stored"
KEPT, REPLACED = "kept", "replaced"


@dataclass(frozen=True)
class Case:
    """A storlet's way to fail, what the client sees of it and what becomes of its worker."""

    what: str
    code: str
    sees: str
    worker: str
    elsewhere: str = ""  # what is seen of a GET on the proxy, or of a COPY, where that is another


READS = [
    Case("raises before it has set metadata", RAISE, "422 `failed`", KEPT),
    Case("… after metadata, before output", METADATA + RAISE, "422 `failed`", KEPT),
    Case("… after a little output", LITTLE + RAISE, "422 `failed`", KEPT),
    Case("… in mid-output", MUCH + RAISE, BREAKS_OFF, KEPT),
    Case("sets no metadata", "pass", "422 `failed`", KEPT),
    Case("calls `_exit(0)` at once", EXIT, "500 `died`", REPLACED),
    Case("… after a little output", LITTLE + EXIT, "500 `died`", REPLACED),
    Case("… in mid-output", MUCH + EXIT, BREAKS_OFF, REPLACED),
    Case("is killed by signal 9", KILL, "500 `died`", REPLACED),
    Case("… in mid-output", MUCH + KILL, BREAKS_OFF, REPLACED),
    Case("raises MemoryError", MEMORY_ERROR, "422 `failed`", REPLACED),
    Case("… in mid-output", MUCH + MEMORY_ERROR, BREAKS_OFF, REPLACED),
    Case("is killed for its memory", OUT_OF_MEMORY, "500 `died`", REPLACED),
    Case("… in mid-output", MUCH + OUT_OF_MEMORY, BREAKS_OFF, REPLACED),
    Case("hangs before output", HANG, "504 `timeout`", REPLACED),
    Case("… after a little output", LITTLE + HANG, "500 `broken`", REPLACED, BREAKS_OFF),
    Case("… in mid-output", MUCH + HANG, BREAKS_OFF, REPLACED),
    Case("ends well, but its child holds the output", MUCH + CHILD, BREAKS_OFF, REPLACED),
]
WRITES = [
    Case("raises before output", RAISE, "422 `failed`, nothing stored", KEPT),
    Case("… in mid-output", MUCH + RAISE, "422 `failed`, nothing stored", KEPT, BROKEN),
    Case("calls `_exit(0)` in mid-output", MUCH + EXIT, "500 `died`, nothing stored", REPLACED, BROKEN),
    Case("is killed by signal 9 in mid-output", MUCH + KILL, "500 `died`, nothing stored", REPLACED, BROKEN),
    Case("raises MemoryError in mid-output", MUCH + MEMORY_ERROR, "422 `failed`, nothing stored", REPLACED, BROKEN),
    Case(
        "is killed for its memory in mid-output", MUCH + OUT_OF_MEMORY, "500 `died`, nothing stored", REPLACED, BROKEN
    ),
    Case("hangs before output", HANG, "504 `timeout`, nothing stored", REPLACED),
    Case("… in mid-output", MUCH + HANG, "504 `timeout`, nothing stored", REPLACED, BROKEN),
]


class Store:
    """The cluster with the storlet and objects, and what its workers' logs tell."""

    def __init__(self, stack: Devstack) -> None:
        self.stack = stack
        client = SwiftClient(stack.auth_url, USER, KEY)
        deploy(client)
        values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no", "Main": "script.Script"}
        headers = {f"X-Object-Meta-Storlet-{name}": value for name, value in values.items()}
        client.connection.put_object("storlet", "script.py", SCRIPT, headers=headers)
        client.connection.put_container("table")
        client.connection.put_object("table", "object", CONTENT)
        for part in ("a", "b"):
            client.connection.put_object("table", f"part-{part}", CONTENT)
        manifest = json.dumps([{"path": f"/table/part-{part}"} for part in ("a", "b")])
        client.connection.put_object("table", "large", manifest, query_string="multipart-manifest=put")
        self._address = urllib.parse.urlsplit(client.storage_url)
        self._token = client.token
        self.numbers = itertools.count()

    def ask(self, code, method="GET", name="object", body=None, call=None, **headers):
        """Make a request; return the number of the call and the answer, whose connection can be closed."""
        call = next(self.numbers) if call is None else call
        connection = self.connection()
        connection.request(method, self.path(name), body=body, headers={**self.headers(code, call), **headers})
        answer = connection.getresponse()
        answer.connection = connection
        return call, answer

    def connection(self):
        return http.client.HTTPConnection(self._address.netloc, timeout=60)

    def path(self, name):
        return f"{self._address.path}/table/{name}"

    def headers(self, code, call):
        """The headers of a request that runs this code, if any."""
        headers = {"X-Auth-Token": self._token}
        if code is not None:
            headers["X-Run-Storlet"] = "script.py"
            headers["X-Storlet-Parameter-1"] = f"call:{call}"
            headers["X-Storlet-Parameter-2"] = "code:" + urllib.parse.quote(code)
        return headers

    def ran(self, call):
        """The processes that have run a call, as (server, name space, start)."""
        found = []
        for log in sorted((self.stack.layout.directory / "storlets").glob("*/logs/scopes/*/script.Script/worker.log")):
            lines = re.findall(r"^call (\d+) (pid:\[\d+\]) (\d+)$", log.read_text(errors="replace"), re.MULTILINE)
            server = log.relative_to(self.stack.layout.directory / "storlets").parts[0]
            found += [(server, space, int(start)) for number, space, start in lines if int(number) == call]
        return found

    def worker_after(self, call):
        """Say whether the worker of a call serves another one, or has ended."""
        (ran,) = until(lambda: self.ran(call))  # once, on one replica

        def found():
            if not lives(ran):
                return REPLACED
            on_proxy = {"method": "PUT", "name": "put", "body": BODY} if ran[0] == "proxy" else {}
            number, answer = self.ask(LITTLE, **on_proxy)
            answer.read()
            return KEPT if ran in self.ran(number) else None

        return until(found)


def lives(process):
    """Say whether a process that has run a call is still there."""
    _, space, start = process
    for pid, began in alive():
        with contextlib.suppress(OSError):
            if began == start and str(Path(f"/proc/{pid}/ns/pid").readlink()) == space:
                return True
    return False


def kill_sandbox(process):
    """Kill all processes in a sandbox from outside."""
    for pid, _ in alive():
        with contextlib.suppress(OSError):
            if str(Path(f"/proc/{pid}/ns/pid").readlink()) == process[1]:
                os.kill(pid, signal.SIGKILL)


def seen(answer):
    """What a client sees of an answer; a whole one of a storlet that has failed would be "200"."""
    try:
        body = answer.read()
    except http.client.IncompleteRead:
        return f"{answer.status}, and an answer that breaks off"
    kind = f" `{json.loads(body)['kind']}`" if answer.status >= 400 and body else ""
    return f"{answer.status}{kind}"


def can_tell(sees):
    """Say whether the client knows that the call has failed."""
    return "yes" if not sees.startswith("2") or "breaks off" in sees else "no"


@pytest.fixture(scope="module")
def store(tmp_path_factory, sandbox):
    stack = Devstack(tmp_path_factory.mktemp("table"), free_port(), sandbox["gateway"], {**sandbox["conf"], **OPTIONS})
    stack.up()
    yield Store(stack)
    stack.down()


@pytest.mark.parametrize("name", ["object", "large"])  # on an object server, on the proxy
@pytest.mark.parametrize("case", READS, ids=lambda case: case.what)
def test_get(store, name, case):
    call, answer = store.ask(case.code, name=name)
    sees = (name == "large" and case.elsewhere) or case.sees
    assert (seen(answer), store.worker_after(call)) == (sees, case.worker)


@pytest.mark.parametrize("method", ["PUT", "COPY"])
@pytest.mark.parametrize("case", WRITES, ids=lambda case: case.what)
def test_write(store, method, case):
    if method == "PUT":
        call, answer = store.ask(case.code, "PUT", "never", BODY)
    else:
        call, answer = store.ask(case.code, "COPY", Destination="table/never")
    sees = seen(answer)
    stored = store.ask(None, name="never")[1].status
    expected = (method == "COPY" and case.elsewhere) or case.sees
    assert sees + (", nothing stored" if stored == 404 else "") == expected
    assert store.worker_after(call) == case.worker


def begun(store, code, name="object", reads=0):
    """Make a request in a thread of its own; return its answer to be and the process that runs it already."""
    call = next(store.numbers)

    def ask():
        _, answer = store.ask(code, name=name, call=call)
        answer.read(reads)
        return answer

    threads = ThreadPoolExecutor(1)
    answer = threads.submit(ask)
    threads.shutdown(wait=False)
    (process,) = until(lambda: store.ran(call))
    return answer, process


@pytest.mark.parametrize("name", ["object", "large"])
@pytest.mark.parametrize(("begin", "sees"), [("", "500 `died`"), (MUCH, BREAKS_OFF)], ids=["before", "mid-output"])
def test_sandbox_killed_from_outside(store, name, begin, sees):
    answer, process = begun(store, begin + HANG, name)
    if begin:
        answer.result()
    kill_sandbox(process)
    assert seen(answer.result()) == sees
    until(lambda: not lives(process))


def test_object_server_that_dies_in_mid_output(store):
    answer, process = begun(store, MUCH + HANG, reads=1)
    answer.result()
    try:
        os.kill(next(server.pid for server in store.stack.status() if server.name == process[0]), signal.SIGKILL)
        assert seen(answer.result()) == BREAKS_OFF
    finally:
        store.stack.up()
    # Docker's containers are removed when the server has need of another one.
    until(lambda: not lives(process) or not store.ask(LITTLE)[1].read())


@pytest.mark.parametrize("name", ["object", "large"])
def test_client_that_leaves_in_mid_output(store, name):
    answer, process = begun(store, METADATA + "\nwhile True: out.write(bytes(100_000))", name, reads=1)
    answer.result().connection.close()
    answer.result().close()
    until(lambda: not lives(process))


def test_clients_that_stop_reading(store):
    endless = METADATA + "\nwhile True: out.write(bytes(100_000))"
    stopped = [begun(store, endless, "large", reads=1)[0].result() for _ in range(int(OPTIONS["pool_size"]))]
    assert store.ask(LITTLE, name="large")[1].read() == b"a little"  # when the time of the others is over
    for answer in stopped:
        assert seen(answer) == BREAKS_OFF


@pytest.mark.parametrize("length", [{"Content-Length": str(len(BODY))}, {"Transfer-Encoding": "chunked"}], ids=repr)
def test_client_that_leaves_in_mid_upload(store, length):
    call = next(store.numbers)
    connection = store.connection()
    code = "out.set_metadata({}); print('reads', flush=True); out.write(source.read())"
    connection.putrequest("PUT", store.path("never"))
    for name, value in {**store.headers(code, call), **length}.items():
        connection.putheader(name, value)
    connection.endheaders(b"1000\r\n" * ("Transfer-Encoding" in length) + BODY[:1000])
    (process,) = until(lambda: store.ran(call))
    connection.close()
    until(lambda: not lives(process))
    assert store.ask(None, name="never")[1].status == 404


OTHERS = f"""
| is killed from outside before output | 500 `died` | yes | {REPLACED} |
| … in mid-output | {BREAKS_OFF} | yes | {REPLACED} |
| is running when its object server is killed | {BREAKS_OFF} | yes | ends |
| is writing when its client leaves | | yes | {REPLACED} |
| is writing to a client that does not read | {BREAKS_OFF}, after `storlet_max_time` | yes | {REPLACED} |
| is called 200 times at once | 200, or 503 with Retry-After | yes | |
""".lstrip()


def rows(cases, elsewhere):
    """The cases as rows; in the third column, whether all that is seen tells the client of the failure."""
    for case in cases:
        sees = case.sees + (f"; {elsewhere} {case.elsewhere}" if case.elsewhere else "")
        told = min(can_tell(case.sees), can_tell(case.elsewhere or case.sees))
        yield f"| {case.what} | {sees} | {told} | {case.worker} |\n"


def test_the_tables_in_the_docs():
    reads = "".join([HEAD, *rows(READS, "on the proxy"), OTHERS])
    left = f"| is reading when its client leaves | nothing stored | yes | {REPLACED} |\n"
    writes = "".join([HEAD, *rows(WRITES, "COPY"), left])
    tables = f"A GET, on an object server and on the proxy:\n\n{reads}\nA PUT and a COPY:\n\n{writes}\n"
    text = DOCUMENT.read_text(encoding="utf-8")
    begin = text.index(BEFORE) + len(BEFORE)
    whole = text[:begin] + tables + text[text.index(AFTER, begin) :]
    assert "| no |" not in tables
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(whole, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == whole, "WRITE_DOCS=1 writes docs/sandbox.md anew"
