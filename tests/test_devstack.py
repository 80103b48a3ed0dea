"""The cluster comes up from any state and says clearly why it cannot."""

import json
import os
import socket

import psutil
import pytest
from ports import free_port
from spark_storlets.devstack import Devstack

from spark_storlets.errors import ConfigurationError


@pytest.fixture
def stack(tmp_path):
    made = Devstack(tmp_path / "stack", free_port())
    yield made
    made.down()


def pids(stack):
    return {s.name: s.pid for s in stack.status()}


def test_up_again_changes_nothing_and_half_dead_is_mended(stack):
    said = []
    stack.up(said.append)
    before = pids(stack)
    assert all(s.healthy for s in stack.status())
    stack.up(said.append)
    assert pids(stack) == before
    assert "already up" in said[-1]

    process = psutil.Process(before["object-2"])
    process.kill()
    psutil.wait_procs([process], timeout=10)
    assert [s.name for s in stack.status() if not s.healthy] == ["object-2"]
    stack.up(said.append)
    assert any("object-2" in text for text in said)
    assert all(s.healthy for s in stack.status())

    running = [psutil.Process(pid) for pid in pids(stack).values()]
    assert stack.down()
    assert not psutil.wait_procs(running, timeout=10)[1], "down leaves no process"
    assert not stack.down()
    assert Devstack(stack.directory).layout.port == stack.layout.port


def test_port_that_is_taken_is_named(stack):
    with socket.socket() as other:
        other.bind(("127.0.0.12", stack.layout.port + 1))
        other.listen()
        with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.12:{stack.layout.port + 1}.*object-2.*--port"):
            stack.up()
    assert not any(s.pid for s in stack.status())


def test_stale_pid_is_nobody(stack):
    (stack.directory / "run").mkdir(parents=True)
    # A pid that lives, but was started at another time: not ours to signal.
    (stack.directory / "run" / "proxy.json").write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    assert pids(stack)["proxy"] is None
    assert not stack.down()
