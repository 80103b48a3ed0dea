"""What an operator sees: whether a node can run storlets, what its servers have done, counters, and the log."""

import collections
import http.client
import json
import re
import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from sandbox_harness import Server, in_server, until
from spark_storlets.sandbox import check

SCRIPT = """
    class S:
        def __init__(self, logger): pass
        def __call__(self, inputs, outputs, params):
            exec(params["code"], dict(globals(), source=inputs[0], out=outputs[0]))
"""
GOOD = "out.set_metadata({}); out.write(b'12345')"


def command(*words):
    path = Path(sys.executable).with_name("spark-storlets")
    made = subprocess.run([path, "sandbox", *words], capture_output=True, text=True)
    assert not made.stderr
    return made.returncode, made.stdout


def test_check_of_bubblewrap():
    code, text = command("check", "--only", "bubblewrap")
    assert (code, text.splitlines()[-1]) == (0, "This node can run storlets in bubblewrap.")
    assert "yes  a storlet starts" in text
    code, text = command("check", "--only", "bubblewrap", "--json")
    assert code == 0 and {"what": "a storlet starts", "remedy": ""} in json.loads(text)["bubblewrap"]


def test_check_of_docker(docker):
    code, text = command("check", "--only", "docker", "--docker-url", docker)
    assert (code, text.splitlines()[-1]) == (0, "This node can run storlets in docker.")
    assert "yes  limits of memory, swap, processes, processors" in text
    code, text = command("check", "--only", "docker", "--docker-url", docker, "--image", "nothing:here")
    assert code == 1
    assert "Run: spark-storlets sandbox build" in text


def test_check_without_a_daemon(tmp_path):
    code, text = command("check", "--only", "docker", "--docker-url", f"unix://{tmp_path}/nothing")
    assert (code, text.splitlines()[-1]) == (1, "This node cannot run storlets.")
    assert "Install Debian's docker.io" in text


def test_check_of_the_directory_for_storlets(tmp_path, monkeypatch):
    root = tmp_path / "made" / "later"
    assert "install -d" not in command("check", "--only", "bubblewrap", "--host-root", str(root))[1]
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    finding = check._host_root(root)
    assert finding.remedy == f"root cannot write to {tmp_path}. As root: install -d -o root {root}"
    assert not root.parent.exists(), "looking makes nothing"


@in_server
def test_status(tmp_path):
    import eventlet

    server = Server(tmp_path, pool_size=2)
    server.upload("script.py", SCRIPT)

    def endless():
        eventlet.sleep(1000)
        yield b""

    root = Path(tmp_path) / "host"
    dead = root / "status" / "1-1.json"
    dead.parent.mkdir(parents=True)
    dead.write_text("{}")
    for _ in range(3):
        assert server.answer("script.py", params={"code": GOOD}) == b"12345"
    server.failure("script.py", params={"code": "1 / 0"})
    left = server.call("script.py", params={"code": GOOD + "; out.flush(); source.read()"}, data=endless())
    left.data_iter.close()

    def shown():
        eventlet.sleep(0.05)
        return command("status", "--host-root", str(root))[1].splitlines()

    head, row, failures = until(lambda: len(lines := shown()) == 3 and lines)
    values = dict(zip(re.split(r"\s{2,}", head.strip()), row.split(), strict=True))
    assert {"calls": "5", "failed": "1", "left": "1"}.items() <= values.items()
    assert values["waiting"] == "0"
    assert failures.strip() == "failed as failed: 1"
    assert not dead.exists()
    (one,) = json.loads(command("status", "--host-root", str(root), "--json")[1])
    assert (one["calls"], one["gone"], one["failures"]) == (5, 1, {"failed": 1})


@in_server
def test_counters_and_timings_go_to_statsd(tmp_path):
    from swift.common.utils import get_logger

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(10)
        port = str(statsd.getsockname()[1])
        server = Server(tmp_path)
        server.upload("script.py", SCRIPT)
        conf = {"log_statsd_host": "127.0.0.1", "log_statsd_port": port, "log_name": "object-1"}
        handlers = server.logger.logger.handlers
        server.logger = get_logger(conf, log_route="storlet_handler")
        server.logger.logger.handlers[:] = handlers
        assert server.answer("script.py", params={"code": GOOD}) == b"12345"
        server.failure("script.py", params={"code": "1 / 0"})
        seen = collections.defaultdict(list)
        while len(seen["storlet.calls"]) < 2 or not seen["storlet.wait"][1:]:
            name, _, value = statsd.recv(1000).decode().partition(":")
            seen["storlet." + name.partition("storlet.")[2]].append(value)
    assert seen["storlet.calls"] == ["1|c", "1|c"]
    assert seen["storlet.failures.failed"] == ["1|c"]
    assert seen["storlet.bytes"] == ["5|c", "0|c"]
    assert all(value.endswith("|ms") for name in ("timing", "wait") for value in seen["storlet." + name])


def test_log_has_tenant_storlet_and_transaction(client, cluster):
    values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no", "Main": "logged.S"}
    headers = {f"X-Object-Meta-Storlet-{name}": value for name, value in values.items()}
    source = "\n".join(line[4:] for line in SCRIPT.splitlines())
    client.connection.put_object("storlet", "logged.py", source.encode(), headers=headers)
    client.connection.put_object("tests", "logged", b"x")
    address = urllib.parse.urlsplit(client.storage_url)
    for code, words in ((GOOD, "ok (5 bytes"), ("1 / 0", "failed: ZeroDivisionError")):
        connection = http.client.HTTPConnection(address.netloc)
        headers = {"X-Auth-Token": client.token, "X-Run-Storlet": "logged.py"}
        headers["X-Storlet-Parameter-1"] = "code:" + urllib.parse.quote(code)
        connection.request("GET", f"{address.path}/tests/logged", headers=headers)
        response = connection.getresponse()
        response.read()
        transaction = response.headers["X-Trans-Id"]
        connection.close()

        def logged(transaction=transaction):
            files = [cluster.log_file(name) for name in ("object-1", "object-2", "object-3")]
            lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
            return [line for line in lines if "storlet AUTH_test/logged.py: " in line and transaction in line]

        (line,) = until(logged)
        assert words in line


@pytest.mark.parametrize("word", ["build", "check", "status"])
def test_help(word):
    code, text = command(word, "--help")
    assert code == 0
    assert "Options:" in text
