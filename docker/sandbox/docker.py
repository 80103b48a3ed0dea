"""The storlet gateway for Docker: each worker in a container of its own.

Needs a Docker daemon that this server may use, an image (``spark-storlets sandbox build``) and the Python package
``docker``. The server need not be root. See ``gateway`` for how to select it and for its options. More of them:

=================  =============================  ===========================================================
Option             Default                        Description
=================  =============================  ===========================================================
docker_url         unix:///var/run/docker.sock    The daemon, on this machine
docker_image       spark-storlets-sandbox:latest  The image, by name or digest
docker_images                                     Other images for some accounts: AUTH_a=sha256:…, AUTH_b=…
=================  =============================  ===========================================================

What a storlet gets: process 1 of a container under ``sandbox_uid`` without any capability, which cannot get one, with
Docker's own seccomp filter; a read-only root, which is the image, with the storlet's files under /var/lib/storlets,
and a /tmp of its own; no network but loopback, no IPC with others; limits of memory, processors, processes, file size
and open files. And the descriptors of the call: the object's file, read-only, or a pipe. They come through a socket
that is the container's only way out.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from logging import Logger, LoggerAdapter
from pathlib import Path

import eventlet
from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from docker.types import Mount
from requests.exceptions import RequestException
from spark_storlets.sandbox.cgroups import Cgroup
from spark_storlets.sandbox.descriptors import DeadlinePassed, socket, wait
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.gateway import TMP_SIZE, WORKER, WORKER_SOURCE, WarmGateway, process_limits
from spark_storlets.sandbox.pool import Storlet
from spark_storlets.sandbox.process import Sandbox
from spark_storlets.sandbox.status import process_name

__all__ = ["DockerGateway"]

IMAGE = "spark-storlets-sandbox:latest"
LABEL = "spark-storlets"  # on all our containers: the process id of the server
SOCKET = "/run/worker.sock"
GLANCE_SECONDS = 0.5  # how often a container that starts is looked at

_clients: dict[str, APIClient] = {}  # by URL; made in a request, so that they belong to the process that serves


class Container(Sandbox):
    """A container: Docker's own first process, which buries others' children, and the worker."""

    WAITING = 2

    def __init__(self, client: APIClient, name: str) -> None:
        self.pid = client.inspect_container(name)["State"]["Pid"]
        if self.pid == 0:
            raise OSError("the container has ended at once")
        self.cgroup = Cgroup.of(self.pid)
        self._client = client
        self._name = name

    def ended(self) -> str:
        """Say how it has ended, empty while it runs."""
        state = self._client.inspect_container(self._name)["State"]
        return "" if state["Running"] else f"exit code {state['ExitCode']} {state['Error']}".strip()

    def kill(self) -> None:
        """Let the daemon kill it."""
        eventlet.spawn_n(remove, self._client, self._name)

    def reap(self) -> None:
        """Remove what is left of it."""
        remove(self._client, self._name)


class DockerGateway(WarmGateway):
    """Runs workers in Docker."""

    def __init__(self, conf: Mapping[str, str], logger: LoggerAdapter[Logger], scope: str) -> None:
        super().__init__(conf, logger, scope)
        self.url = conf.get("docker_url", "unix:///var/run/docker.sock")
        self.image = conf.get("docker_image", IMAGE)
        self.images = _images(conf.get("docker_images", ""))

    def start_sandbox(self, storlet: Storlet, log: int) -> tuple[Sandbox, socket.socket]:
        """Start a worker in a container and let it connect."""
        deadline = time.monotonic() + self.worker_start_timeout
        host_root = Path(self.paths.host_root_dir)
        host_root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".worker-", dir=host_root) as directory:
            listener = _listen(Path(directory))
            try:
                client = _client(self.url)
                name = self._create(client, storlet, Path(directory))
                try:
                    client.start(name)
                    sandbox = Container(client, name)
                    ours = _accept(listener, sandbox, deadline)
                    socket.send_fds(ours, [b"1"], [log])
                except BaseException:
                    eventlet.spawn_n(remove, client, name)
                    raise
            except (DockerException, RequestException) as error:
                raise StorletFailure("unready", f"its container could not be started: {error}") from error
            finally:
                listener.close()
        return sandbox, ours

    def _create(self, client: APIClient, storlet: Storlet, directory: Path) -> str:
        files = f"/var/lib/storlets/{storlet.main}"
        mounts = {WORKER: WORKER_SOURCE, files: storlet.directory, SOCKET: directory / "socket"}
        host_config = client.create_host_config(
            mounts=[Mount(there, str(here), type="bind", read_only=True) for there, here in mounts.items()],
            network_mode="none",
            ipc_mode="none",
            init=True,
            read_only=True,
            tmpfs={"/tmp": f"rw,nosuid,nodev,size={TMP_SIZE},mode=1777"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=self.limits.memory,
            memswap_limit=self.limits.memory,
            pids_limit=self.limits.pids,
            nano_cpus=int(self.limits.cpus * 1e9),
            log_config={"type": "none"},
        )
        made = client.create_container(
            self.images.get(storlet.account, self.image),
            entrypoint=[],
            command=[
                *process_limits(self.limits.memory),
                *("python3", "-I", "-B", "-u", WORKER, SOCKET, storlet.main, files),
            ],
            user=f"{self.sandbox_uid}:{self.sandbox_uid}",
            working_dir="/tmp",
            environment={"LANG": "C.UTF-8"},
            labels={LABEL: process_name(os.getpid())},
            network_disabled=True,
            host_config=host_config,
        )
        return str(made["Id"])


def _images(text: str) -> dict[str, str]:
    """Take the option docker_images apart."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if bad := [account for account, _, image in pairs if not (account and image)]:
        raise ValueError(f"docker_images = {text}: ACCOUNT=IMAGE is expected, with commas between them; see {bad[0]!r}")
    return {account: image for account, _, image in pairs}


def remove(client: APIClient, name: str) -> None:
    """End a container and remove it; whoever is second finds nothing to do."""
    with contextlib.suppress(APIError, RequestException):
        client.remove_container(name, force=True)


def _listen(directory: Path) -> socket.socket:
    """Return a socket that listens in the directory. Only what sees the socket itself may connect to it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.setblocking(False)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{fd}/socket")  # the directory's own path may be longer than an address may be
    finally:
        os.close(fd)
    (directory / "socket").chmod(0o666)
    listener.listen(1)
    return listener


def _accept(listener: socket.socket, container: Container, deadline: float) -> socket.socket:
    """Return the worker's connection."""
    while True:
        glance = min(deadline, time.monotonic() + GLANCE_SECONDS)
        try:
            wait(listener.fileno(), lambda: glance)  # noqa: B023 (called before the next turn)
            return listener.accept()[0]
        except DeadlinePassed:
            if how := container.ended():
                raise OSError(f"its container has ended with {how}") from None
            if time.monotonic() >= deadline:
                raise OSError("its worker did not connect within worker_start_timeout") from None


def _client(url: str) -> APIClient:
    if url not in _clients:
        client = APIClient(url, version="auto")
        client.headers["Connection"] = "close"  # it would keep some for each container, by its URL
        for container in client.containers(all=True, filters={"label": LABEL}):
            server = container["Labels"][LABEL]
            if server != process_name(int(server.split("-")[0])):  # what a server that was killed has left
                remove(client, container["Id"])
        _clients[url] = client
    return _clients[url]
