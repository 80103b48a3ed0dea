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

To start a container takes long, so a server process keeps a spare one for each image that it has used lately: with its
worker waiting, and nothing of any tenant in it. It serves the next storlet that needs a worker, and only that one; then
another is started. It is a container like the others, and each begins as it does: with an empty directory for the
storlet's files, into which they are linked from outside when it is known whose worker this will be. An idle spare is
ended after worker_idle_ttl, as a worker is. Spares come on top of pool_size: they belong to no account.

What a storlet gets: process 1 of a container under ``sandbox_uid`` without any capability, which cannot get one, with
Docker's own seccomp filter; a read-only root, which is the image, with the storlet's files under /var/lib/storlets,
and a /tmp of its own; no network but loopback, no IPC with others; limits of memory, processors, processes, file size
and open files. And the descriptors of the call: the object's file, read-only, or a pipe. They come through a socket
that is the container's only way out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from pathlib import Path

import eventlet
from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from docker.types import Mount
from eventlet.greenthread import GreenThread
from eventlet.hubs import get_hub
from eventlet.hubs.timer import Timer
from requests.exceptions import RequestException
from spark_storlets.sandbox.cgroups import Cgroup, Limits
from spark_storlets.sandbox.descriptors import DeadlinePassed, socket, wait
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.gateway import STORLETS, TMP_SIZE, WORKER, WORKER_SOURCE, WarmGateway, process_limits
from spark_storlets.sandbox.pool import Storlet
from spark_storlets.sandbox.process import Sandbox
from spark_storlets.sandbox.status import process_name

__all__ = ["DockerGateway"]

IMAGE = "spark-storlets-sandbox:latest"
LABEL = "spark-storlets"  # on all our containers: the process id of the server
SOCKET = "/run/worker.sock"
DIRECTORIES = "containers"  # in host_root: below it a directory for each server process, in it one for each container
FILES = "storlets"  # in a container's directory: what it sees as STORLETS
GLANCE_SECONDS = 0.5  # how often a container that starts is looked at


@dataclass(frozen=True)
class Kind:
    """What containers have in common that can stand in for each other."""

    url: str
    host_root: Path
    image: str
    uid: int
    limits: Limits


class Container(Sandbox):
    """A container: Docker's own first process, which buries others' children, and the worker."""

    WAITING = 2

    def __init__(self, kind: Kind, start_timeout: float) -> None:
        """Start it and let its worker connect."""
        deadline = time.monotonic() + start_timeout
        self._client = _client(kind.url)
        self._directory = _make_directory(kind.host_root)
        self._name = ""
        try:
            listener = _listen(self._directory)
            try:
                self._name = _create(self._client, kind, self._directory)
                self._client.start(self._name)
                self.pid = self._client.inspect_container(self._name)["State"]["Pid"]
                if self.pid == 0:
                    raise OSError("the container has ended at once")
                self.cgroup = Cgroup.of(self.pid)
                self.sock = _accept(listener, self, deadline)
            finally:
                listener.close()
        except BaseException:
            eventlet.spawn_n(self.reap)
            raise

    def furnish(self, storlet: Storlet) -> None:
        """Show it a storlet's files."""
        directory = self._directory / FILES / storlet.main
        directory.mkdir(mode=0o755)
        for file in storlet.directory.iterdir():
            os.link(file, directory / file.name)

    def ended(self) -> str:
        """Say how it has ended, empty while it runs."""
        state = self._client.inspect_container(self._name)["State"]
        return "" if state["Running"] else f"exit code {state['ExitCode']} {state['Error']}".strip()

    def waits(self) -> bool:
        """Say whether its worker still waits for a storlet."""
        try:
            self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def discard(self) -> None:
        """End it before it has become a worker."""
        self.sock.close()
        self.reap()

    def kill(self) -> None:
        """Let the daemon kill it."""
        eventlet.spawn_n(_remove, self._client, self._name)

    def reap(self) -> None:
        """Remove what is left of it."""
        if self._name:
            _remove(self._client, self._name)
        shutil.rmtree(self._directory, ignore_errors=True)


class Spare:
    """A container that waits, or is about to, for whoever needs one next."""

    def __init__(self, kind: Kind, start_timeout: float, idle_ttl: float, logger: LoggerAdapter[Logger]) -> None:
        self._kind = kind
        self._start_timeout = start_timeout
        self._logger = logger
        self._starting: GreenThread = eventlet.spawn(self._start)
        self._expiry: Timer = get_hub().schedule_call_global(idle_ttl, self._expire)

    def take(self) -> Container | None:
        """Return it as soon as it is ready; None when it has ended."""
        self._leave()
        try:
            container: Container | None = self._starting.wait()
        except BaseException:  # a timeout of the server's own
            self._starting.link(_discard)
            raise
        if container and not container.waits():
            eventlet.spawn_n(container.discard)
            return None
        return container

    def _start(self) -> Container | None:
        try:
            return Container(self._kind, self._start_timeout)
        except (DockerException, RequestException, OSError) as error:
            self._logger.warning(f"no spare container of {self._kind.image}: {error}")
            self._leave()
            return None

    def _expire(self) -> None:
        self._leave()
        self._starting.link(_discard)

    def _leave(self) -> None:
        self._expiry.cancel()
        if _spares.get(self._kind) is self:
            del _spares[self._kind]


# Made in a request, so that they belong to the process that serves.
_clients: dict[str, APIClient] = {}  # by URL
_spares: dict[Kind, Spare] = {}


class DockerGateway(WarmGateway):
    """Runs workers in Docker."""

    def __init__(self, conf: Mapping[str, str], logger: LoggerAdapter[Logger], scope: str) -> None:
        super().__init__(conf, logger, scope)
        self.url = conf.get("docker_url", "unix:///var/run/docker.sock")
        self.image = conf.get("docker_image", IMAGE)
        self.images = _images(conf.get("docker_images", ""))

    def start_sandbox(self, storlet: Storlet, log: int) -> tuple[Sandbox, socket.socket]:
        """Take the spare container, or start one, and see that there will be another."""
        image = self.images.get(storlet.account, self.image)
        kind = Kind(self.url, Path(self.paths.host_root_dir), image, self.sandbox_uid, self.limits)
        try:
            spare = _spares.get(kind)
            container = (spare and spare.take()) or Container(kind, self.worker_start_timeout)
        except (DockerException, RequestException) as error:
            raise StorletFailure("unready", f"its container could not be started: {error}") from error
        try:
            container.furnish(storlet)
        except BaseException:
            eventlet.spawn_n(container.discard)
            raise
        if kind not in _spares:
            _spares[kind] = Spare(kind, self.worker_start_timeout, self.worker_idle_ttl, self.logger)
        return container, container.sock


def _images(text: str) -> dict[str, str]:
    """Take the option docker_images apart."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if bad := [account for account, _, image in pairs if not (account and image)]:
        raise ValueError(f"docker_images = {text}: ACCOUNT=IMAGE is expected, with commas between them; see {bad[0]!r}")
    return {account: image for account, _, image in pairs}


def _create(client: APIClient, kind: Kind, directory: Path) -> str:
    mounts = {WORKER: WORKER_SOURCE, STORLETS: directory / FILES, SOCKET: directory / "socket"}
    host_config = client.create_host_config(
        mounts=[Mount(there, str(here), type="bind", read_only=True) for there, here in mounts.items()],
        network_mode="none",
        ipc_mode="none",
        init=True,
        read_only=True,
        tmpfs={"/tmp": f"rw,nosuid,nodev,size={TMP_SIZE},mode=1777"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit=kind.limits.memory,
        memswap_limit=kind.limits.memory,
        pids_limit=kind.limits.pids,
        nano_cpus=int(kind.limits.cpus * 1e9),
        log_config={"type": "none"},
    )
    made = client.create_container(
        kind.image,
        entrypoint=[],
        command=[*process_limits(kind.limits.memory), *("python3", "-I", "-B", "-u", WORKER, SOCKET)],
        user=f"{kind.uid}:{kind.uid}",
        working_dir="/tmp",
        environment={"LANG": "C.UTF-8"},
        labels={LABEL: process_name(os.getpid())},
        network_disabled=True,
        host_config=host_config,
    )
    return str(made["Id"])


def _remove(client: APIClient, name: str) -> None:
    """End a container and remove it; whoever is second finds nothing to do."""
    with contextlib.suppress(APIError, RequestException):
        client.remove_container(name, force=True)


def _discard(starting: GreenThread) -> None:
    """End a spare that nobody takes any more, once it has started."""
    if container := starting.wait():
        eventlet.spawn_n(container.discard)


def _make_directory(host_root: Path) -> Path:
    """Return a directory for a container, where those of servers that are gone are removed."""
    name = process_name(os.getpid())
    ours = host_root / DIRECTORIES / name
    if not ours.is_dir():
        ours.mkdir(mode=0o755, parents=True, exist_ok=True)
        for server in ours.parent.iterdir():
            if server.name != process_name(int(server.name.split("-")[0])):
                shutil.rmtree(server, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(dir=ours))
    (directory / FILES).mkdir(mode=0o755)
    return directory


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
                _remove(client, container["Id"])
        _clients[url] = client
    return _clients[url]
