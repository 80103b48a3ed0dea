"""The sandboxes that tests run in, and the Docker daemon of those that need one."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

STATE = Path(__file__).resolve().parents[2] / "build" / "docker"
START_SECONDS = 60


def docker_url():
    """The machine's own daemon, if this user may use it."""
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


@pytest.fixture(scope="session")
def docker():
    """A daemon with the image: its URL. One of the tests' own, where dockerd is installed but does not run."""
    from spark_storlets.sandbox.image import DEBOOTSTRAP, IMAGE, build, is_current

    with contextlib.ExitStack() as stack:
        url = docker_url()
        if not _answers(url):
            if shutil.which("dockerd") is None or os.geteuid() != 0:
                reason = "no Docker daemon answers, and none can be started: that needs root and Debian's docker.io"
                if os.environ.get("SPARK_STORLETS_REQUIRE_DOCKER"):
                    pytest.fail(reason)
                pytest.skip(reason)
            url = stack.enter_context(_daemon())
        if not is_current(url, IMAGE):
            build(url, DEBOOTSTRAP, IMAGE, print)
        yield url


@pytest.fixture(scope="session", params=["bubblewrap", "docker"])
def sandbox(request):
    """What tests decorated with in_each_sandbox run with."""
    if request.param == "docker":
        return {"gateway": "docker", "conf": {"docker_url": request.getfixturevalue("docker")}}
    return {"gateway": "bubblewrap", "conf": {}}


@contextlib.contextmanager
def _daemon():
    """Run a daemon that touches nothing of the machine's network, and keeps images for the next run."""
    STATE.mkdir(parents=True, exist_ok=True)
    url = f"unix://{STATE}/docker.sock"
    command = ["dockerd", "--host", url, "--data-root", STATE / "data", "--exec-root", STATE / "exec"]
    command += ["--pidfile", STATE / "pid", "--bridge", "none", "--iptables=false", "--ip6tables=false"]
    with open(STATE / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("dockerd is installed but does not run here:\n" + (STATE / "log").read_text()[-2000:])
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url):
    from docker.api.client import APIClient
    from docker.errors import DockerException

    try:
        return APIClient(url, version="auto", timeout=5).ping()
    except DockerException:
        return False
