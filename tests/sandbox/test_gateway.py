"""One call and its failures, the pool, the installation: what every gateway of ours does."""

import collections
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from sandbox_harness import Server, alive, broken, in_each_sandbox, in_server, processes, until

ECHO = """
    import os
    class S:
        def __init__(self, logger):
            self.logger = logger
        def __call__(self, inputs, outputs, params):
            worker = os.readlink("/proc/self/ns/pid")  # the process ids inside are all alike
            outputs[0].set_metadata({**inputs[0].get_metadata(), **params, "worker": worker})
            for source in inputs:
                while chunk := source.read(65536):
                    outputs[0].write(chunk)
"""

# Runs what its parameter says: "out" is the output file, "source" the input.
SCRIPT = """
    import os, sys, time
    class S:
        def __init__(self, logger):
            self.logger = logger
        def __call__(self, inputs, outputs, params):
            exec(params["code"], dict(globals(), source=inputs[0], out=outputs[0], logger=self.logger))
"""
BEGIN = "out.set_metadata({}); out.write(b'begun'); out.flush(); "
MUCH = "out.set_metadata({}); out.write(bytes(100_000)); out.flush(); "
ENDED = "its process ended; its worker.log may say why"
HANG = "time.sleep(1000)"


def speak(message):
    """A storlet's code that says to the server what only its worker should say."""
    return f"""
for fd in os.listdir("/proc/self/fd"):
    name = "/proc/self/fd/" + fd
    if os.path.islink(name) and os.readlink(name).startswith("socket:"):
        os.write(int(fd), {message})
"""


def scripted(tmp_path, **conf):
    server = Server(tmp_path, **conf)
    server.upload("script.py", SCRIPT)
    server.run = lambda code, *data: server.call("script.py", *data, params={"code": code})
    server.fails = lambda code, *data: server.failure("script.py", *data, params={"code": code})
    return server


def works(server):
    """Say that a call is answered: with a pool of one, that what came before has left nothing behind."""
    assert b"".join(server.run(BEGIN).data_iter) == b"begun"


@in_each_sandbox
def test_object_file(tmp_path):
    server = Server(tmp_path)
    server.upload("echo.py", ECHO)
    body = os.urandom(5_000_000)
    assert server.answer("echo.py", body) == body
    assert server.answer("echo.py", b"") == b""


@in_each_sandbox
def test_piped_input(tmp_path):
    server = Server(tmp_path)
    server.upload("echo.py", ECHO)
    chunks = [os.urandom(100_000) for _ in range(50)]
    assert server.answer("echo.py", iter(chunks)) == b"".join(chunks)


@in_each_sandbox
def test_extra_inputs(tmp_path):
    server = Server(tmp_path)
    server.upload("echo.py", ECHO)
    assert server.answer("echo.py", iter([b"one "]), extra=[b"two ", b"three"]) == b"one two three"


@in_each_sandbox
def test_byte_range(tmp_path):
    server = Server(tmp_path)
    server.upload("echo.py", ECHO)
    assert server.answer("echo.py", b"0123456789", byte_range=(3, 7)) == b"3456"


@in_each_sandbox
def test_parameters_and_metadata(tmp_path):
    server = Server(tmp_path)
    server.upload("echo.py", ECHO)
    metadata = server.call("echo.py", params={"Odd": "\xfc '\""}, metadata={"Color": "blue"}).user_metadata
    assert metadata.pop("worker")
    assert metadata == {"Color": "blue", "Odd": "\xfc '\"", "storlet_execution_path": "/var/lib/storlets/echo.S"}


@in_each_sandbox
def test_parameters_as_long_as_headers_may_be(tmp_path):
    server = scripted(tmp_path)
    code = "out.set_metadata({}); out.write(b'all'); " + "#" * 64 * 1024
    assert b"".join(server.run(code).data_iter) == b"all"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("out.set_metadata({}); raise ValueError('no')", "ValueError: no"),
        (BEGIN + "raise ValueError('no')", "ValueError: no"),
        (BEGIN + "os._exit(0)", ENDED),
        ("sys.exit(0)", "SystemExit: 0"),
        ("os._exit(0)", ENDED),
        ("pass", "it set no metadata"),
        ("out.write(b'x')", "OSError: Body should be sent after metadata is sent"),
        ("out.set_metadata({'a': 'b\\r\\nc: d'})", "the metadata it set cannot be sent as headers: ['a']"),
        ("out.set_metadata({'a: b': 'c'})", "the metadata it set cannot be sent as headers: ['a: b']"),
        ("out.set_metadata([1])", "the metadata it set is not a JSON object"),
        ("out.set_metadata({'a': 'x' * 100_000})", "it set more than 65536 bytes of metadata"),
        ("out.set_metadata({'a': 'x' * 62_000})", "the metadata it set cannot be sent as headers: ['a']"),
        ("out.set_metadata([[1, 2]])", "the metadata it set cannot be sent as headers: [1]"),
        ("out.set_metadata({f'a{n}': n for n in range(91)})", "it set 91 metadata, of which there may be 90"),
        ("os.write(out.md_file.fileno(), b'[' * 60_000)", "the metadata it set is not a JSON object"),
        (speak("b'[' * 60_000"), "its process sent no proper status"),
    ],
)
@in_each_sandbox
def test_failure_before_output(tmp_path, code, reason):
    server = scripted(tmp_path, pool_size=1)
    assert server.fails(code) == reason
    works(server)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("os._exit(0)", ENDED),
        ("os.kill(os.getpid(), 9)", ENDED),
        ("sys.exit(0)", "SystemExit: 0"),
    ],
)
@in_each_sandbox
def test_failure_in_mid_output(tmp_path, code, reason):
    server = scripted(tmp_path, pool_size=1)
    body = server.run(MUCH + code).data_iter
    assert broken(body) == (bytes(100_000), reason)
    assert broken(body) == (b"", reason)  # and it stays broken
    assert any(reason in line for line in server.logged)
    works(server)


@in_server
def test_a_failed_call_keeps_its_worker(tmp_path):
    server = scripted(tmp_path)
    works(server)
    before = processes(os.getpid())
    server.fails("raise ValueError('no')")
    works(server)
    assert processes(os.getpid()) == before


@in_each_sandbox
def test_hang_before_output(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_timeout=0.3)
    assert server.fails(HANG) == "it gave no output for 0.3 s (storlet_timeout)"
    works(server)


@in_each_sandbox
def test_metadata_is_no_output(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_timeout=0.5)
    slow = "time.sleep(0.3); out.set_metadata({}); time.sleep(0.3); out.write(b'late')"
    assert server.fails(slow) == "it gave no output for 0.5 s (storlet_timeout)"
    works(server)


@in_each_sandbox
def test_hang_in_mid_output(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_timeout=0.3)
    assert broken(server.run(BEGIN + HANG).data_iter) == (b"begun", "it gave no output for 0.3 s (storlet_timeout)")
    works(server)


@in_server
def test_a_child_that_keeps_the_output_open(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_timeout=0.3)
    body = server.run(BEGIN + "\nif os.fork() == 0:\n    os.close(2); time.sleep(1000)").data_iter
    assert broken(body)[1] == "it gave no output for 0.3 s (storlet_timeout)"
    until(lambda: not processes(os.getpid()))


@in_each_sandbox
def test_slow_input_is_not_a_hang(tmp_path):
    import eventlet

    def slow():
        for _ in range(8):
            eventlet.sleep(0.1)
            yield b"x"

    server = scripted(tmp_path, storlet_timeout=0.4)
    code = "out.set_metadata({}); out.write(source.read())"
    assert b"".join(server.run(code, slow()).data_iter) == b"x" * 8


@in_each_sandbox
def test_slow_reader_is_not_a_hang(tmp_path):
    import eventlet

    server = scripted(tmp_path, storlet_timeout=0.2)
    body = server.run(BEGIN + "out.write(bytes(3_000_000))").data_iter
    received = 0
    for chunk in body:
        received += len(chunk)
        if received < 200_000:
            eventlet.sleep(0.25)
    assert received == 3_000_005


@in_each_sandbox
def test_whole_call_is_bounded(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_max_time=0.5)
    body = server.run(BEGIN + "\nwhile True:\n    out.write(b'x'); out.flush(); time.sleep(0.01)").data_iter
    assert broken(body)[1] == "it ran for more than 0.5 s (storlet_max_time)"
    works(server)


@in_each_sandbox
def test_client_that_does_not_read_keeps_no_worker(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_max_time=0.5)
    body = server.run(BEGIN + HANG).data_iter
    works(server)  # waits in the queue until the first call's time is over
    assert broken(body)[1] == "it ran for more than 0.5 s (storlet_max_time)"


@pytest.mark.parametrize("how", ["close", "forget"])
@in_server
def test_client_leaves(tmp_path, how):
    server = scripted(tmp_path, pool_size=1)
    body = server.run(BEGIN + HANG).data_iter
    assert next(body) == b"begun"
    assert processes(os.getpid())
    if how == "close":
        body.close()
    del body
    until(lambda: not processes(os.getpid()))
    works(server)


@in_server
def test_a_closed_answer_does_not_end_as_if_it_were_complete(tmp_path):
    server = scripted(tmp_path, pool_size=1)
    body = server.run(BEGIN + HANG).data_iter
    assert next(body) == b"begun"
    body.close()
    assert broken(body) == (b"", "it was closed before its end")


@in_each_sandbox
def test_early_closed_input_is_a_success_and_stops_the_source(tmp_path):
    given = []
    closed = []

    def endless():
        try:
            while True:
                given.append(1)
                yield bytes(65536)
        finally:
            closed.append(True)

    server = scripted(tmp_path, pool_size=1)
    for close in ("source.close()", "os.close(source.fileno())"):
        given.clear()
        closed.clear()
        body = server.run(f"source.read(10); {close}; {BEGIN}", endless()).data_iter
        assert b"".join(body) == b"begun"
        until(lambda: closed)
        assert len(given) < 50
    works(server)


@in_each_sandbox
def test_input_not_read_at_all(tmp_path):
    begun, closed = [], []  # a call may end so soon that its input has not been touched at all

    def stuck():
        import eventlet

        begun.append(True)
        try:
            yield b"x"
            eventlet.sleep(1000)
        finally:
            eventlet.sleep(0.01)  # closing connections takes time
            closed.append(True)

    server = scripted(tmp_path, pool_size=1)
    assert b"".join(server.run(BEGIN, stuck()).data_iter) == b"begun"
    until(lambda: closed == begun)
    works(server)


@in_server
def test_an_input_that_is_being_closed_is_closed_to_its_end(tmp_path):
    from eventlet import sleep
    from eventlet.event import Event
    from spark_storlets.sandbox.invocation import _Feed

    reader, writer = os.pipe()
    os.close(reader)  # the storlet has gone, and the feed notices it before the call's end stops it
    closing, closed = Event(), []

    def source():
        try:
            yield b"x"
        finally:
            closing.send()
            sleep(0.01)
            closed.append(True)

    feed = _Feed(writer, source(), mock.Mock())
    closing.wait()
    feed.stop()
    until(lambda: closed)


@pytest.mark.parametrize("kind", ["error", "timeout"])
@in_each_sandbox
def test_input_that_breaks_off_is_not_the_end_of_the_input(tmp_path, kind):
    import eventlet

    def breaking():
        yield b"x"
        raise ValueError("gone") if kind == "error" else eventlet.Timeout(None)

    server = scripted(tmp_path, pool_size=1)
    assert "its input broke off" in server.fails("out.set_metadata({}); out.write(source.read())", breaking())
    works(server)


@in_each_sandbox
def test_calls_run_side_by_side_and_wait_in_order(tmp_path):
    import eventlet

    server = scripted(tmp_path, pool_size=2)
    first = [server.run(BEGIN + "source.read()", gate()) for _ in range(2)]
    order = []

    def queue(number):
        works(server)
        order.append(number)

    queued = [eventlet.spawn(queue, number) for number in range(6)]
    eventlet.sleep(0)
    assert not order
    for call in first:
        GATES.pop(0).send()
        assert b"".join(call.data_iter) == b"begun"
    for greenlet in queued:
        greenlet.wait()
    assert sorted(order) == list(range(6))
    assert order[0] in (0, 1)


GATES = []


def gate():
    """Yield an input that ends when the test says so."""
    from eventlet.event import Event

    opened = Event()
    GATES.append(opened)

    def source():
        yield b"x"
        opened.wait()

    return source()


@in_server
def test_full_queue_refuses_at_once(tmp_path):
    import eventlet

    server = scripted(tmp_path, pool_size=1, queue_size=1)
    body = server.run(BEGIN + "source.read()", gate()).data_iter
    waiting = eventlet.spawn(works, server)
    eventlet.sleep(0)
    assert server.fails(BEGIN) == "busy: 1 calls are waiting already (queue_size)"
    GATES.pop().send()
    assert b"".join(body) == b"begun"
    waiting.wait()


@in_server
def test_queue_has_a_timeout(tmp_path):
    server = scripted(tmp_path, pool_size=1, queue_timeout=0.2)
    body = server.run(BEGIN + "source.read()", gate()).data_iter
    assert server.fails(BEGIN) == "busy: no worker became free within 0.2 s (queue_timeout)"
    GATES.pop().send()
    assert b"".join(body) == b"begun"
    works(server)


@in_server
def test_caller_that_gives_up_leaves_the_queue(tmp_path):
    import eventlet

    server = scripted(tmp_path, pool_size=1)
    body = server.run(BEGIN + "source.read()", gate()).data_iter
    with contextlib.suppress(eventlet.Timeout), eventlet.Timeout(0.1):
        works(server)
    # Now one whose turn comes in the very moment in which it gives up.
    late = eventlet.spawn(works, server)
    eventlet.sleep(0)
    GATES.pop().send()
    assert b"".join(body) == b"begun"
    late.kill()
    works(server)


@in_server
def test_warm_worker_is_reused_until_it_idles_too_long(tmp_path):
    server = Server(tmp_path, worker_idle_ttl=0.3)
    server.upload("echo.py", ECHO)

    def worker():
        return server.call("echo.py").user_metadata["worker"]

    assert len({worker() for _ in range(5)}) == 1
    until(lambda: not processes(os.getpid()))
    assert server.answer("echo.py", b"x") == b"x"


@in_server
def test_worker_that_dies_idle_is_replaced(tmp_path):
    server = scripted(tmp_path, pool_size=1)
    works(server)
    workers = processes(os.getpid())
    for pid, _ in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not workers & alive().keys())
    works(server)


@in_each_sandbox
def test_worker_that_talks_out_of_turn_is_replaced(tmp_path):
    server = scripted(tmp_path, pool_size=1)
    with contextlib.suppress(Exception):
        b"".join(server.run(speak("b'{\"ok\": true}'") * 2 + BEGIN).data_iter)
    works(server)


@in_each_sandbox
def test_new_version_runs_while_the_old_one_finishes(tmp_path):
    server = Server(tmp_path, pool_size=2)
    source = """
        import late_{0}
        class S:
            def __init__(self, logger): pass
            def __call__(self, inputs, outputs, params):
                outputs[0].set_metadata({{}})
                outputs[0].write(b"{0}")
                outputs[0].flush()
                inputs[0].read()
                import later_{0}
                outputs[0].write(later_{0}.TEXT)
    """
    for version in ("old", "new"):
        server.files[f"late_{version}.py"] = b""
        server.files[f"later_{version}.py"] = f"TEXT = b' {version}'".encode()
    server.upload("it.py", source.format("old"), "1.0", ["late_old.py", "later_old.py"])
    old = server.call("it.py", gate()).data_iter
    server.upload("it.py", source.format("new"), "2.0", ["late_new.py", "later_new.py"])
    assert server.answer("it.py") == b"new new"
    GATES.pop().send()
    assert b"".join(old) == b"old old"
    assert server.answer("it.py") == b"new new"
    assert sorted(server.fetched.count(name) for name in server.files) == [1, 1, 1, 1, 2]


@in_server
def test_versions_share_the_pool(tmp_path):
    import eventlet

    server = scripted(tmp_path, pool_size=1)
    works(server)
    server.upload("script.py", SCRIPT, "2.0")
    works(server)  # the idle worker of the old version makes room
    body = server.run(BEGIN + "source.read()", gate()).data_iter
    server.upload("script.py", SCRIPT, "3.0")
    waiting = eventlet.spawn(works, server)
    eventlet.sleep(0)
    GATES.pop().send()
    assert b"".join(body) == b"begun"
    waiting.wait()
    until(lambda: len(processes(os.getpid())) == 3)  # bubblewrap, its process 1, the worker


@in_server
def test_concurrent_first_calls_fetch_once(tmp_path):
    import eventlet

    server = scripted(tmp_path)
    for greenlet in [eventlet.spawn(works, server) for _ in range(10)]:
        greenlet.wait()
    assert server.fetched == ["script.py"]


@in_server
def test_an_installation_holds_up_only_what_needs_one(tmp_path):
    import eventlet
    from eventlet.event import Event

    server = scripted(tmp_path, queue_timeout=0.2)
    works(server)
    get_object, arrived = server.get_object, Event()

    def slow(*arguments, **options):
        arrived.wait()
        return get_object(*arguments, **options)

    server.get_object = slow
    for name in ("slow.py", "other.py"):
        server.upload(name, SCRIPT)
    installing = eventlet.spawn(server.answer, "slow.py", params={"code": BEGIN})
    eventlet.sleep(0)
    with eventlet.Timeout(10):
        works(server)
    busy = "busy: another installation took longer than 0.2 s (queue_timeout)"
    assert server.failure("other.py", params={"code": BEGIN}) == busy
    arrived.send()
    assert installing.wait() == b"begun"


@in_each_sandbox
def test_dependencies(tmp_path):
    server = Server(tmp_path)
    server.files["helper.py"] = b"TEXT = b'helped '"
    server.files["tool"] = b"#!/bin/sh\necho done"
    server.permissions = {"helper.py": "0600", "tool": "0700"}
    server.upload(
        "user.py",
        """
        import os, subprocess
        import helper
        class S:
            def __init__(self, logger): pass
            def __call__(self, inputs, outputs, params):
                path = params["storlet_execution_path"]
                outputs[0].set_metadata({})
                outputs[0].write(helper.TEXT + subprocess.check_output([path + "/tool"]))
                outputs[0].write(b"%d" % os.access(path + "/helper.py", os.X_OK))
        """,
        dependencies=["helper.py", "tool"],
    )
    assert server.answer("user.py") == b"helped done\n0"


@in_server
def test_failed_fetch_installs_nothing(tmp_path):
    server = scripted(tmp_path)

    def breaking(*arguments, **options):
        status, headers, _ = whole(*arguments, **options)

        def chunks():
            yield server.files["script.py"][:20]
            raise OSError("connection lost")

        return status, headers, chunks()

    def short(*arguments, **options):
        status, headers, _ = whole(*arguments, **options)
        return status, headers, iter([server.files["script.py"][:-1]])

    whole, server.get_object = server.get_object, breaking
    assert server.fails(BEGIN) == "it could not be installed: connection lost"
    size = len(server.files["script.py"])
    server.get_object = short
    assert server.fails(BEGIN) == f"it could not be installed: storlet/script.py broke off after {size - 1} bytes"
    assert server.failed_as == "unready"
    assert list((server.root / "host/storlets/scopes/AUTH_test/script.S").iterdir()) == []
    server.get_object = whole
    works(server)


@in_server
def test_permissions_that_are_no_number(tmp_path):
    server = scripted(tmp_path)
    server.permissions["script.py"] = "x"
    assert server.fails(BEGIN) == "the permissions 'x' are not an octal number"
    assert server.failed_as == "refused"


@in_each_sandbox
def test_storlet_replaced_between_its_head_and_its_get(tmp_path):
    server = scripted(tmp_path)
    server.timestamps["script.py"] = "1800000000.00000"
    assert server.fails(BEGIN) == "storlet/script.py has just been changed"
    assert server.failed_as == "changed"
    server.upload("script.py", SCRIPT, "1800000000.00000")
    works(server)


@in_server
def test_who_may_run_a_storlet(tmp_path):
    """The account's owner, and whom the ACL of the storlets' container lets read; asked for each call."""
    from swift.common.swob import HTTPForbidden, Request, Response

    def app(environ, start_response):
        headers = {"X-Account-Meta-Storlet-Enabled": "true", "X-Container-Read": "test:reader", "X-Timestamp": "1.0"}
        headers["X-Backend-Storlet-Ran"] = "yes"
        headers |= {"X-Object-Meta-Storlet-Main": "a.A", "X-Object-Meta-Storlet-Language": "Python"}
        return Response(headers=headers, body=b"answer")(environ, start_response)

    def authorize(request):
        user = request.environ["REMOTE_USER"]
        return None if user == "owner" or user in (request.acl or "").split(",") else HTTPForbidden()

    proxy = filtered(tmp_path, "proxy", app)
    for user, status in (("owner", 200), ("test:reader", 200), ("test:stranger", 401)):
        environ = {"swift.authorize": authorize, "REMOTE_USER": user}
        request = Request.blank("/v1/AUTH_test/c/o", environ=environ, headers={"X-Run-Storlet": "a.py"})
        assert request.get_response(proxy).status_int == status, user


def filtered(tmp_path, kind, app):
    """An application behind our filter for this kind of server."""
    from spark_storlets.sandbox.middleware import filter_factory

    conf = Path(tmp_path) / "gateway.conf"
    conf.write_text(f"[DEFAULT]\nhost_root = {tmp_path}/host\n")
    options = {"storlet_gateway_module": "spark_storlets_bubblewrap", "storlet_gateway_conf": str(conf)}
    devices = json.dumps({"object": [["127.0.0.1", 6200 + n] for n in range(3)]})  # a proxy says what its rings are
    subprocess.run([sys.executable, "-m", "spark_storlets.devstack.rings", tmp_path, devices], check=True)
    with mock.patch("swift.common.utils.HASH_PATH_SUFFIX", b"test"):  # swift.conf is a whole server's
        return filter_factory({"swift_dir": str(tmp_path)}, execution_server=kind, **options)(app)


@pytest.mark.parametrize(
    ("storlet", "request_headers", "status"),
    [
        ({"Main": None}, {}, 422),
        ({"Language": None}, {}, 422),
        ({"Range": "bytes=0-", "Parameter-1": "no colon"}, {}, 200),
        ({}, {"X-Storlet-Parameter-1": "no colon"}, 400),
    ],
)
@in_server
def test_what_a_storlet_was_stored_with(tmp_path, storlet, request_headers, status):
    """It may have come by COPY, of which the engine looks at nothing."""
    from swift.common.swob import Request, Response

    sent = []
    stored = {"Main": "a.A", "Language": "Python", **storlet}

    def app(environ, start_response):
        sent.append(environ)
        headers = {"X-Account-Meta-Storlet-Enabled": "true", "X-Timestamp": "1.0", "X-Backend-Storlet-Ran": "yes"}
        headers |= {f"X-Object-Meta-Storlet-{name}": value for name, value in stored.items() if value}
        return Response(headers=headers, body=b"answer")(environ, start_response)

    request = Request.blank("/v1/AUTH_test/c/o", headers={"X-Run-Storlet": "a.py", **request_headers})
    assert request.get_response(filtered(tmp_path, "proxy", app)).status_int == status
    assert not {"HTTP_X_STORLET_RANGE", "HTTP_X_STORLET_PARAMETER_1"} & sent[-1].keys()


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"REMOTE_USER": "test,test:reader,AUTH_test"}, 403),
        ({"REMOTE_USER": "test,alice"}, 200),
        ({}, 401),
        ({"REMOTE_USER": "0123", "keystone.identity": {}}, 200),
    ],
)
@in_server
def test_who_may_read_for_the_sake_of_a_storlet(tmp_path, environ, status):
    """Whom the login names, not the client. The container's ACL lets alice's storlet read."""
    from swift.common.swob import HTTPForbidden, Request, Response

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/v1/AUTH_test/c/o" and environ.get("HTTP_REFERER") != "//storlets.alice_a.py":
            return HTTPForbidden()(environ, start_response)
        headers = {"X-Account-Meta-Storlet-Enabled": "true", "X-Timestamp": "1.0", "X-Backend-Storlet-Ran": "yes"}
        headers |= {"X-Object-Meta-Storlet-Main": "a.A", "X-Object-Meta-Storlet-Language": "Python"}
        return Response(headers=headers, body=b"answer")(environ, start_response)

    headers = {"X-Run-Storlet": "a.py", "X-User-Name": "alice"}
    request = Request.blank("/v1/AUTH_test/c/o", environ=environ, headers=headers)
    assert request.get_response(filtered(tmp_path, "proxy", app)).status_int == status


@in_server
def test_an_object_server_that_ran_nothing(tmp_path):
    from swift.common.swob import Request, Response

    def app(environ, start_response):
        headers = {"X-Account-Meta-Storlet-Enabled": "true", "X-Timestamp": "1.0"}
        headers |= {"X-Object-Meta-Storlet-Main": "a.A", "X-Object-Meta-Storlet-Language": "Python"}
        return Response(headers=headers, body=b"the object itself")(environ, start_response)

    request = Request.blank("/v1/AUTH_test/c/o", headers={"X-Run-Storlet": "a.py"})
    answer = request.get_response(filtered(tmp_path, "proxy", app))
    assert (answer.status_int, json.loads(answer.body)["kind"]) == (503, "unready")


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"X-Storlet-Range": "bytes=0-"}, 200), ({"X-Storlet-Parameter-1": "x"}, 409)]
)
@in_server
def test_what_nobody_has_foreseen_is_no_error_of_the_disk(tmp_path, headers, status):
    """The proxy counts each 5xx of an object server."""
    from swift.common.swob import Request, Response

    def app(environ, start_response):
        return Response(body=b"object")(environ, start_response)

    request = Request.blank("/d1/0/AUTH_test/c/o", headers={"X-Run-Storlet": "a.py", **headers})
    answer = request.get_response(filtered(tmp_path, "object", app))
    failure = json.loads(answer.headers["X-Backend-Storlet-Failure"])
    assert (answer.status_int, failure["kind"]) == (status, "unready" if status == 409 else "refused")


@in_server
def test_memcached_that_does_not_answer(tmp_path):
    from spark_storlets.sandbox.middleware import Heads
    from swift.common.swob import Request, Response

    class Busy:
        def get_multi(self, keys, server_key):
            return None

        def set_multi(self, values, server_key, time):
            raise AssertionError("what a write before may have changed is not known")

    def app(environ, start_response):
        headers = {"X-Timestamp": "1.0", "X-Object-Meta-Storlet-Main": "a.A"}
        return Response(headers=headers)(environ, start_response)

    environ = Request.blank("/v1/AUTH_test/c/o", environ={"swift.cache": Busy()}).environ
    known = Heads(environ, app, "/v1/AUTH_test", 5).get("storlet", ["a.py"])
    assert known["a.py"]["X-Object-Meta-Storlet-Main"] == "a.A"


class Memory:
    """What stands in for memcached."""

    def __init__(self):
        self.values = {}

    def get_multi(self, keys, server_key):
        return [self.values.get(key) for key in keys]

    def set_multi(self, values, server_key, time=0):
        self.values.update(values)


@in_server
def test_a_storlet_looked_at_while_it_was_replaced_is_looked_at_again(tmp_path):
    """The answer to a HEAD that began before a PUT may come, and be remembered, after it."""
    from spark_storlets.sandbox.middleware import Heads
    from swift.common.swob import Request, Response

    asked = []

    def app(environ, start_response):
        answer = Response(headers={"X-Timestamp": str(len(asked))})
        asked.append(environ["PATH_INFO"])
        if len(asked) == 1:
            heads.forget()
        return answer(environ, start_response)

    environ = Request.blank("/v1/AUTH_test/c/o", environ={"swift.cache": Memory()}).environ
    heads = Heads(environ, app, "/v1/AUTH_test", 60)
    seen = [heads.get("storlet", ["a.py"])["a.py"]["X-Timestamp"] for _ in range(3)]
    assert seen == ["0", "1", "1"], "of the second look, which began after the write, the answer may be remembered"
    assert len(asked) == 2


@in_server
def test_a_storlet_is_looked_at_under_its_own_name_and_without_the_clients_query(tmp_path):
    from spark_storlets.sandbox.middleware import Heads
    from swift.common.swob import Request, Response

    asked = []

    def app(environ, start_response):
        asked.append((environ["PATH_INFO"], environ["QUERY_STRING"]))
        return Response(headers={"X-Timestamp": "1"})(environ, start_response)

    environ = Request.blank("/v1/AUTH_test/c/o?symlink=get").environ
    Heads(environ, app, "/v1/AUTH_test", 0).get("storlet", ["a%20b?.py"])
    assert asked == [("/v1/AUTH_test/storlet/a%20b?.py", "")]


@in_server
def test_a_storlet_that_the_store_cannot_look_at_now_is_not_taken_for_missing(tmp_path):
    from spark_storlets.sandbox.middleware import Heads
    from swift.common.swob import HTTPException, Request, Response

    def app(environ, start_response):
        status = {"down.py": 503, "gone.py": 404}.get(environ["PATH_INFO"].rpartition("/")[2], 200)
        return Response(status=status, headers={"X-Timestamp": "1"})(environ, start_response)

    environ = Request.blank("/v1/AUTH_test/c/o", environ={"swift.cache": Memory()}).environ
    heads = Heads(environ, app, "/v1/AUTH_test", 60)
    assert set(heads.get("storlet", ["a.py", "gone.py"])) == {"a.py"}
    with pytest.raises(HTTPException) as refusal:
        heads.get("storlet", ["a.py", "down.py"])
    assert refusal.value.status_int == 503 and refusal.value.headers["Retry-After"] == "1"


@in_server
def test_requests_that_come_together_look_at_a_storlet_once(tmp_path):
    import eventlet
    from spark_storlets.sandbox.middleware import Heads
    from swift.common.swob import Request, Response

    asked = []

    def app(environ, start_response):
        asked.append(environ["PATH_INFO"])
        eventlet.sleep(0)
        return Response(headers={"X-Timestamp": "1"})(environ, start_response)

    memory = Memory()

    def look(_):
        environ = Request.blank("/v1/AUTH_test/c/o", environ={"swift.cache": memory}).environ
        return Heads(environ, app, "/v1/AUTH_test", 60).get("dependency", ["a.py", "b.py"])

    assert all(set(found) == {"a.py", "b.py"} for found in eventlet.GreenPool().imap(look, range(5)))
    assert sorted(asked) == ["/v1/AUTH_test/dependency/a.py", "/v1/AUTH_test/dependency/b.py"]


@in_server
def test_a_replica_does_not_begin_in_the_middle(tmp_path):
    """The proxy asks for the rest of an output that breaks off, by its number of bytes."""
    from swift.common.swob import Request, Response

    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    def app(environ, start_response):
        return Response(status=206, app_iter=Body([b"56789"]))(environ, start_response)

    server = filtered(tmp_path, "object", app)
    headers = {"X-Run-Storlet": "script.py", "X-Storlet-Range": "bytes=0-9", "Range": "bytes=5-"}
    request = Request.blank("/d1/0/AUTH_test/c/o", headers=headers)
    assert request.get_response(server).status_int == 416
    assert closed


@pytest.mark.parametrize("name", ["../evil.py", "..", "a/b.py", "/etc/evil.py", "."])
@in_server
def test_bad_names(tmp_path, name):
    server = scripted(tmp_path)
    wanted = f"{name!r} cannot be the name of a storlet's file: it is empty, a path, or . or .."
    one = {"storlet_dependency_timestamps": "1.0"}
    server.files[name] = b"evil"
    assert server.failure("script.py", params={"code": BEGIN}, storlet_dependency=name, **one) == wanted
    assert server.failure("script.py", params={"code": BEGIN}, storlet_main=name) == wanted
    server.headers[name] = {**server.headers["script.py"], "storlet_content_length": "4"}
    assert server.failure(name) == wanted
    assert server.fetched == []


@in_server
def test_long_names(tmp_path):
    server = scripted(tmp_path)
    wanted = "cannot be the name of a storlet's file: it has more than 255 bytes"
    assert server.failure("script.py", storlet_main="é" * 126 + ".Main").endswith(wanted)
    assert server.failed_as == "refused"


@in_server
def test_empty_name(tmp_path):
    server = scripted(tmp_path)
    server.headers[""] = server.headers["script.py"]
    assert "empty" in server.failure("")


@in_server
def test_registration(tmp_path):
    gateway = Server(tmp_path).gateway()
    good = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no", "Main": "a.A"}
    gateway.validate_storlet_registration(good, "a.py")
    gateway.validate_storlet_registration({**good, "Dependency": "b.py, c"}, "a.py")
    for params, name in [
        ({**good, "Language": "Java"}, "a-1.jar"),
        ({**good, "Dependency": "b.py,../c"}, "a.py"),
        ({**good, "Main": "x/a.A"}, "x/a.py"),
        ({**good, "Main": "b.A"}, "a.py"),
    ]:
        with pytest.raises(ValueError):
            gateway.validate_storlet_registration(params, name)


@in_each_sandbox
def test_accounts_whose_names_begin_alike_share_nothing(tmp_path):
    for number, text in enumerate((b"first", b"second")):
        server = Server(tmp_path, account=f"AUTH_department_of_physics_{number}")
        server.upload(
            "who.py",
            f"""
            class S:
                def __init__(self, logger): pass
                def __call__(self, inputs, outputs, params):
                    outputs[0].set_metadata({{}})
                    outputs[0].write({text!r:8})
            """,
        )
        assert server.answer("who.py") == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import nothing_like_this",
            "it could not be loaded: ModuleNotFoundError: No module named 'nothing_like_this'",
        ),
        ("class T: pass", "it could not be loaded: AttributeError: module 'bad' has no attribute 'S'"),
        ("import os; os._exit(1)", ENDED),
        ("import time; time.sleep(1000)", "its worker did not start within 1 s (worker_start_timeout)"),
    ],
)
@in_each_sandbox
def test_storlet_that_cannot_be_loaded(tmp_path, source, reason):
    server = Server(tmp_path, pool_size=1, worker_start_timeout=1)
    server.upload("bad.py", source)
    assert server.failure("bad.py") == reason
    server.upload("bad.py", ECHO, "2.0")
    assert server.answer("bad.py", b"good") == b"good"


@in_each_sandbox
def test_storlet_named_like_a_module_of_python(tmp_path):
    server = Server(tmp_path)
    server.upload("json.py", ECHO)
    assert "the name of one of Python's own, json" in server.failure("json.py")


@in_server
def test_other_languages(tmp_path):
    server = scripted(tmp_path)
    assert server.failure("script.py", storlet_language="Java") == "its language is Java: only Python is supported"


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("sandbox_uid", "0", "sandbox_uid must not be 0: a storlet run by root could overwrite the stored objects"),
        ("sandbox_uid", "nobody", "sandbox_uid = nobody: a number is expected"),
        ("pool_size", "0", "pool_size = 0: must be 1 or more"),
        ("storlet_timeout", "-1", "storlet_timeout = -1.0: must be 0 or more"),
    ],
)
@in_server
def test_bad_options(tmp_path, option, value, reason):
    with pytest.raises(ValueError) as error:
        Server(tmp_path, **{option: value}).gateway()
    assert str(error.value) == reason


@in_server
def test_bubblewrap_without_control_groups(tmp_path):
    tmp_path = Path(tmp_path)
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    from spark_storlets.sandbox import cgroups

    def none():
        raise OSError("no control groups are mounted")

    cgroups._mounts = none
    assert "no control groups are mounted" in scripted(tmp_path / "with").fails(BEGIN)
    before = os.listdir("/proc/self/fd")
    assert "no control groups are mounted" in scripted(tmp_path / "with").fails(BEGIN)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    server = scripted(tmp_path / "without", control_groups="no", worker_memory_limit=256 << 20)
    works(server)
    assert server.fails("bytearray(512 << 20)").startswith("MemoryError")
    works(server)


@in_server
def test_server_without_root(tmp_path):
    server = scripted(tmp_path)
    os.geteuid = lambda: 160
    assert "needs a Swift server that runs as root" in server.fails(BEGIN)


@in_each_sandbox
def test_what_a_storlet_prints_is_logged_and_bounded(tmp_path):
    server = scripted(tmp_path, pool_size=1)
    log = server.root / "host/logs/scopes/AUTH_test/script.S/worker.log"
    list(server.run(BEGIN + "print('printed'); logger.info('logged')").data_iter)
    assert log.read_text() == "printed\nscript.S INFO: logged"
    list(server.run(BEGIN + "print('x' * 2_000_000)").data_iter)
    assert log.stat().st_size == 0
    list(server.run(BEGIN + "print('again')").data_iter)
    assert log.read_text() == "again\n"
    assert log.stat().st_mode & 0o777 == 0o600
    with contextlib.suppress(Exception):
        list(server.run(BEGIN + "sys.stderr.write('y' * 2_000_000); os._exit(1)").data_iter)
    works(server)
    assert log.with_name("worker.log.1").stat().st_size > 2_000_000
    assert log.stat().st_size == 0


@in_each_sandbox
def test_no_descriptor_is_left(tmp_path):
    server = scripted(tmp_path, pool_size=1, storlet_timeout=0.2)

    def descriptors():
        names = []
        for fd in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # the listing's own
                names.append(re.sub(r":\[\d+\]", "", str(fd.readlink())))
        return sorted(names)

    def round_of_calls():
        works(server)
        server.fails("raise ValueError", iter([b"x" * 1_000_000]))
        server.fails("os._exit(0)")
        server.fails(HANG, iter([b"x" * 1_000_000]))
        broken(server.run(MUCH + "os._exit(0)").data_iter)
        server.run(BEGIN + HANG).data_iter.close()
        server.run(BEGIN + HANG)
        until(lambda: "anon_inode:[pidfd]" not in descriptors())  # of the last worker

    round_of_calls()
    before = descriptors()
    for _ in range(3):
        round_of_calls()
    until(lambda: not collections.Counter(descriptors()) - collections.Counter(before), f"{before} {descriptors()}")


@in_server
def test_other_requests_run_while_a_storlet_works(tmp_path):
    import eventlet

    server = scripted(tmp_path)
    works(server)
    gaps = []

    def tick():
        while True:
            begin = time.monotonic()
            eventlet.sleep(0.001)
            gaps.append(time.monotonic() - begin)

    ticker = eventlet.spawn(tick)
    size = sum(map(len, server.run("out.set_metadata({})\nfor _ in range(200): out.write(bytes(1_000_000))").data_iter))
    ticker.kill()
    assert size == 200_000_000
    assert len(gaps) > 10


@in_server
def test_no_process_outlives_a_killed_server(tmp_path):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        server = scripted(tmp_path)
        idle = server.run(BEGIN + HANG)
        works(server)
        os.write(writer, b"running")
        server.run(HANG, gate())
        os._exit(idle is None)
    assert os.read(reader, 100) == b"running"
    below = until(lambda: len(found := processes(child)) >= 6 and found)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: not below & alive().keys())
