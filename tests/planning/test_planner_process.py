"""The planner as the connector runs it: a process that answers lines."""

import json
import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def planner():
    # As in a locale of eight bits.
    process = subprocess.Popen(
        [sys.executable, "-m", "spark_storlets.datasource.planner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    yield process
    process.stdin.close()
    assert process.wait(30) == 0


def asked(planner, retries):
    options = {"path": "swift://a/b", "authUrl": "http://none/", "user": "u", "key": "k", "retries": retries}
    line = json.dumps({"v": 1, "op": "token", "options": options, "conf": {}}, ensure_ascii=False)
    planner.stdin.write(f"{line}\n".encode())
    planner.stdin.flush()
    return json.loads(planner.stdout.readline())["error"]["message"]


def test_texts_are_what_they_were_in_any_locale(planner):
    assert "not 'fünf'" in asked(planner, "fünf")


def test_an_interrupt_of_the_shell_does_not_end_it(planner):
    assert "'1x'" in asked(planner, "1x")
    planner.send_signal(signal.SIGINT)
    assert "'2x'" in asked(planner, "2x")
