"""Runs tests as a Swift server would run the gateway: under a monkey-patched eventlet, forked after the import.

Patching would change pytest itself and all other tests, so a test decorated with ``in_server`` runs in a process of its
own, forked from one that has imported the gateway. There ``Server`` is the engine's side of the gateway: requests out of
thin air, storlets out of strings. A test decorated with ``in_each_sandbox`` does so once for each sandbox.
"""

import atexit
import collections
import contextlib
import functools
import importlib.util
import inspect
import json
import logging
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

DEADLINE = 20
SANDBOX = {}  # in a server process: the gateway's name and options of its own


def in_server(test):
    """Run the test function in a server process. Its arguments are pytest's, as far as JSON can carry them."""

    @functools.wraps(test)
    def run(**arguments):
        arguments = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
        report = _in_fork(json.dumps([inspect.getsourcefile(test), test.__name__, arguments]))
        if report:
            raise AssertionError(report)

    run.__wrapped_test__ = test
    del run.__wrapped__  # or the forked process would find this wrapper's target through it
    run.__signature__ = inspect.signature(test)
    return run


def in_each_sandbox(test):
    """Run the test function in a server process with each of our gateways."""
    wrapped = in_server(test)
    parameters = [*inspect.signature(test).parameters.values()]
    parameters.append(inspect.Parameter("sandbox", inspect.Parameter.KEYWORD_ONLY))
    wrapped.__signature__ = inspect.Signature(parameters)
    return wrapped


@functools.cache
def _zygote():
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    atexit.register(process.stdin.close)
    return process


def _in_fork(job):
    process = _zygote()
    process.stdin.write(job + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _serve():
    from swift.common.utils import monkey_patch

    monkey_patch()
    import spark_storlets.sandbox.bubblewrap  # noqa: F401

    answers = os.dup(1)
    os.dup2(2, 1)
    for line in os.fdopen(os.dup(0), buffering=1):
        file, name, arguments = json.loads(line)
        with tempfile.TemporaryFile("w+") as report:
            child = os.fork()
            if child == 0:
                os._exit(_run(file, name, arguments, report))
            os.waitpid(child, 0)
            report.seek(0)
            text = report.read()
        os.write(answers, (json.dumps(text) + "\n").encode())


def _run(file, name, arguments, report):
    report.write("the test's process died")
    report.flush()
    try:
        spec = importlib.util.spec_from_file_location("cases", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules["sandbox_harness"].SANDBOX.update(arguments.pop("sandbox", {}))  # the test's, not __main__'s
        getattr(module, name).__wrapped_test__(**arguments)
        failure = ""
    except BaseException:
        failure = traceback.format_exc()
    report.seek(0)
    report.truncate()
    report.write(failure)
    report.flush()
    return 0


class Server:
    """A server process with one account's storlets and a gateway for each call."""

    def __init__(self, root, account="AUTH_test", **conf):
        self.root = Path(root)
        self.account = account
        self.conf = {"host_root": str(self.root / "host"), **{name: str(value) for name, value in conf.items()}}
        self.files = {}
        self.permissions = {}
        self.timestamps = collections.defaultdict(lambda: "1.0")
        self.headers = {}
        self.fetched = []
        self.logged = []
        handler = logging.Handler()
        handler.emit = lambda record: self.logged.append(record.getMessage())
        logger = logging.Logger("server")
        logger.addHandler(handler)
        self.logger = logging.LoggerAdapter(logger, {})

    storlet_container = "storlet"
    dependency_container = "dependency"

    @property
    def client(self):  # Swift's internal client
        return self

    def get_object(self, account, container, name, headers, params):
        assert account == self.account
        assert (container == "storlet") == (name in self.headers)
        self.fetched.append(name)
        content = self.files[name]
        headers = {"Content-Length": str(len(content)), "X-Timestamp": self.timestamps[name]}
        headers["X-Object-Meta-Storlet-Dependency-Permissions"] = self.permissions.get(name)
        return 200, headers, iter([content])

    def upload(self, name, source, timestamp="1700000000.00000", dependencies=()):
        """Store a storlet whose class is called S."""
        self.files[name] = textwrap.dedent(source).encode()
        self.headers[name] = {
            "storlet_main": name.removesuffix(".py") + ".S",
            "storlet_language": "Python",
            "storlet_x_timestamp": timestamp,
            "storlet_content_length": str(len(self.files[name])),
            "storlet_dependency": ",".join(dependencies),
            "storlet_dependency_timestamps": ",".join(self.timestamps[name] for name in dependencies),
        }
        self.timestamps[name] = timestamp

    def gateway(self):
        if SANDBOX.get("gateway") == "docker":
            from spark_storlets.sandbox.docker import DockerGateway as Gateway
        else:
            from spark_storlets.sandbox.bubblewrap import BubblewrapGateway as Gateway
        conf = {**SANDBOX.get("conf", {}), **self.conf}
        return Gateway(conf, self.logger, self.account.removeprefix("AUTH_")[:13])

    def call(self, name, data=b"", params=None, metadata=None, byte_range=None, extra=(), **options):
        """Run a storlet on bytes (in a file, as on the object server) or on an iterator (as on the proxy)."""
        from storlets.gateway.common.stob import StorletData

        options = {**self.headers[name], "file_manager": self, **options}
        if byte_range:
            options["range_start"], options["range_end"] = byte_range
        gateway = self.gateway()
        with contextlib.ExitStack() as stack:
            if isinstance(data, bytes):
                path = self.root / "object.data"
                path.write_bytes(data)
                source = {"data_fd": stack.enter_context(path.open("rb")).fileno()}
            else:
                source = {"data_iter": data}
            request = gateway.request_class(
                name,
                params or {},
                StorletData(metadata or {}, **source),
                options,
                [StorletData({}, data_iter=iter([part])) for part in extra],
            )
            return gateway.invocation_flow(request).data

    def answer(self, *arguments, **options):
        return b"".join(self.call(*arguments, **options).data_iter)

    def failure(self, *arguments, **options):
        """Return what a call that must fail before its first output says."""
        from storlets.gateway.common.exceptions import StorletRuntimeException

        try:
            self.call(*arguments, **options)
        except StorletRuntimeException as error:
            assert self.logged[-1].startswith(f"storlet {self.account}/{arguments[0]}: {error.kind}: {error} (")
            self.failed_as = error.kind
            return str(error)
        raise AssertionError("the call did not fail")


def broken(body):
    """Return what came of an answer that must break, and the error."""
    from storlets.gateway.common.exceptions import StorletRuntimeException

    got = b""
    try:
        for chunk in body:
            got += chunk
    except StorletRuntimeException as error:
        return got, str(error)
    raise AssertionError(f"the answer ended as if it were complete: {got!r}")


def until(condition, what=""):
    """Return the condition's value as soon as it is true."""
    import eventlet

    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what or inspect.getsource(condition)}"
        eventlet.sleep(0.005)
    return value


def processes(ancestor):
    """Return the processes below one, as (pid, start time)."""
    found = {process for process, parent in alive().items() if parent == ancestor}
    return found.union(*(processes(pid) for pid, _ in found))


def alive():
    """Return all processes of the machine, as (pid, start time), with their parents."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *fields = entry.read_text().rpartition(")")[2].split()
            if state != "Z":
                found[int(entry.parent.name), int(fields[17])] = int(parent)
    return found


if __name__ == "__main__":
    _serve()
