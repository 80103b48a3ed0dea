"""Looks whether this node can run storlets: what they need, one thing after the other, and then a storlet."""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spark_storlets.sandbox.gateway import WarmGateway

__all__ = ["Finding", "check_bubblewrap", "check_docker"]

START_SECONDS = 30
STORLET = """
class Check:
    def __init__(self, logger):
        pass
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; with what to do when it is not as it should be."""

    what: str
    remedy: str = ""


def check_docker(url: str, image: str, host_root: Path) -> Iterator[Finding]:
    """Look at what the Docker sandbox needs; stops where the rest could not work."""
    yield from (packages := list(_packages("docker")))
    if any(finding.remedy for finding in packages):
        return
    from docker.api.client import APIClient
    from docker.errors import DockerException
    from spark_storlets.sandbox.docker import DockerGateway
    from spark_storlets.sandbox.image import is_current

    try:
        info = APIClient(url, version="auto", timeout=10).info()
    except DockerException as error:
        remedy = "Install Debian's docker.io, start the daemon, and let this user use it: be root, or in its group."
        yield Finding(f"a Docker daemon at {url}: {_first_line(error)}", remedy)
        return
    yield Finding(f"the Docker daemon {info['ServerVersion']} at {url}")
    filtered = any(option.startswith("name=seccomp") for option in info["SecurityOptions"])
    yield Finding("a filter of system calls", "" if filtered else "Let the daemon use its default seccomp profile.")
    names = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes", "CpuCfsQuota": "processors"}
    if missing := [name for key, name in names.items() if not info.get(key)]:
        yield Finding(f"limits of {', '.join(missing)}", "Start the kernel with cgroup_enable=memory swapaccount=1.")
    else:
        yield Finding(f"limits of {', '.join(names.values())}")
    if not is_current(url, image):
        yield Finding(f"the image {image}, as this release makes it", "Run: spark-storlets sandbox build")
        return
    yield Finding(f"the image {image}")
    yield _host_root(host_root)
    yield _trial(DockerGateway, {"docker_url": url, "docker_image": image})


def check_bubblewrap(host_root: Path) -> Iterator[Finding]:
    """Look at what the bubblewrap sandbox needs; stops where the rest could not work."""
    from spark_storlets.sandbox import cgroups

    found = [
        *_packages(),
        *(_program(name, package) for name, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux"))),
        _program("prlimit", "util-linux"),
        Finding("the user is root", "" if os.geteuid() == 0 else "Run this, and the Swift servers, as root."),
    ]
    problem = cgroups.problem()
    remedy = "Mount control groups with memory, pids and cpu; or see the gateway's option control_groups."
    found.append(Finding(f"control groups{': ' if problem else ''}{problem}", remedy if problem else ""))
    found.append(_host_root(host_root))
    yield from found
    if not any(finding.remedy for finding in found):
        from spark_storlets.sandbox.bubblewrap import BubblewrapGateway

        yield _trial(BubblewrapGateway, {})


def _packages(*more: str) -> Iterator[Finding]:
    missing = [name for name in ("swift", "storlets", *more) if importlib.util.find_spec(name) is None]
    what = f"the Python packages {', '.join(('swift', 'storlets', *more))}"
    yield Finding(what, f"Missing: {', '.join(missing)}. Install spark-storlets[sandbox] and swift." if missing else "")


def _host_root(directory: Path) -> Finding:
    """See that this user could make the directory, or write to it; nothing is made."""
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    user = pwd.getpwuid(os.geteuid()).pw_name
    remedy = f"{user} cannot write to {nearest}. As root: install -d -o {user} {directory}"
    return Finding(f"the directory {directory}", "" if os.access(nearest, os.W_OK | os.X_OK) else remedy)


def _program(name: str, package: str) -> Finding:
    return Finding(f"the program {name}", "" if shutil.which(name) else f"Install the Debian package {package}.")


def _trial(gateway: type[WarmGateway], conf: dict[str, str]) -> Finding:
    """Start a worker and hear that it has imported its storlet."""
    from spark_storlets.sandbox.pool import Storlet

    with tempfile.TemporaryDirectory() as root:
        directory = Path(root) / "storlet"
        directory.mkdir()
        (directory / "check.py").write_text(STORLET)
        Path(root).chmod(0o755)
        files = (("check.py", "0"),)
        storlet = Storlet("AUTH_check", "check.Check", files, len(STORLET), directory, Path(root) / "log")
        logger = logging.LoggerAdapter(logging.getLogger("spark_storlets.check"), {})
        end = time.monotonic() + START_SECONDS
        try:
            made = gateway({"host_root": root, **conf}, logger, "check")
            worker = made.start_worker(storlet)
            try:
                complaint, _ = worker.receive(lambda: end)
            finally:
                worker.close("checked")
                worker.wait_exit()
        except Exception as error:
            complaint = _first_line(error)
    if complaint:
        return Finding(f"a storlet starts: {complaint}", "The log of the daemon or of the kernel may say why.")
    return Finding("a storlet starts")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
