"""What all our storlet gateways do: install storlets, keep warm workers, run a call on one.

A gateway runs in Swift's object servers (GET of an ordinary object) and proxy servers (PUT, COPY, SLO, symlink); our
filter (see ``middleware``) makes one for each request. Select it in the filter section of both servers'
configuration::

    [filter:storlet_handler]
    paste.filter_factory = spark_storlets.sandbox.middleware:filter_factory
    storlet_gateway_module = spark_storlets_docker
    storlet_gateway_conf = /etc/swift/storlet_gateway.conf

or ``spark_storlets_bubblewrap``, and set its options in the [DEFAULT] section of that file:

====================  =================  ====================================================================
Option                Default            Description
====================  =================  ====================================================================
host_root             /var/lib/storlets  Directory for installed storlets and their logs
sandbox_uid           65534              User and group id that storlets run under; not 0, and not Swift's
pool_size             4                  Workers per account in each server process
queue_size            32                 Calls that may wait for a worker; a further one is refused at once
queue_timeout         10                 Seconds that a call waits before it is refused
worker_reuse          yes                no: a fresh worker for each call
worker_start_timeout  30                 Seconds for a worker to start and import its storlet
worker_idle_ttl       600                Seconds after which an idle worker is ended
worker_memory_limit   2147483648         Memory of a worker with all its processes and files in /tmp, in bytes
worker_pids_limit     256                Processes and threads of a worker
worker_cpus           1                  Processors that a worker may keep busy
storlet_timeout       40                 Seconds that a storlet may neither write nor, from a pipe, read
storlet_max_time      600                Seconds that a call may take in all, the client's reading included
====================  =================  ====================================================================

``failures`` lists what a client sees of a call that fails before its first output; one that fails later breaks the
connection. The server's log has a line for each call, and what the storlet printed is in
``<host_root>/logs/scopes/<account>/<storlet's main class>/worker.log``; the header X-Storlet-Generate-Log is not
supported. ``records`` says what is counted.

The proxy waits for an object server's headers until the storlet's first output, and between two chunks of it. So let
its ``recoverable_node_timeout`` and ``node_timeout`` be greater than queue_timeout + worker_start_timeout +
storlet_timeout, or it gives up on calls that are doing well and runs them again elsewhere.

A worker serves call after call of one storlet of one account, and a storlet may keep things from one call to the
next. If users of one account must not learn of each other's objects through a storlet that they share, set
worker_reuse to no. A new version of the storlet or of a dependency runs in new workers, from a directory of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from abc import abstractmethod
from collections.abc import Callable, Mapping
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import TypeVar

from eventlet.hubs import get_hub
from spark_storlets.sandbox.cgroups import Limits
from spark_storlets.sandbox.descriptors import socket
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.installation import install, lock
from spark_storlets.sandbox.invocation import Invocation
from spark_storlets.sandbox.pool import Pool, Storlet, Worker
from spark_storlets.sandbox.process import Sandbox
from spark_storlets.sandbox.records import Record
from spark_storlets.sandbox.status import Status
from storlets.gateway.common.file_manager import FileManager
from storlets.gateway.common.stob import StorletData, StorletResponse
from storlets.gateway.gateways.container.gateway import ContainerStorletRequest, StorletGatewayContainer
from storlets.gateway.gateways.container.runtime import RunTimePaths
from swift.common.utils import config_true_value

__all__ = ["WarmGateway"]

TMP_SIZE = 64 * 1024 * 1024  # bytes in /tmp, and of one file anywhere
MAX_LOG = 1024 * 1024
MAX_NAME = 255  # bytes, on Linux
POOL_SIZE = 4  # workers, unless the option says otherwise
STATUS_DELAY = 1.0  # seconds: so old the status may be
STORLETS = "/var/lib/storlets"  # inside: above the storlet's files
WORKER = "/run/worker.py"
WORKER_SOURCE = Path(__file__).with_name("worker.py")
Number = TypeVar("Number", int, float)

# By host_root and account: a gateway lives for one request only.
_pools: dict[tuple[str, str], Pool] = {}
_statuses: dict[str, Status] = {}
_writes: set[str] = set()  # of whose status one is due


class WarmGateway(StorletGatewayContainer):  # type: ignore[misc]
    """A gateway that runs ``worker.py`` in the sandbox that start_sandbox makes."""

    def __init__(self, conf: Mapping[str, str], logger: LoggerAdapter[Logger], scope: str) -> None:
        super().__init__(conf, logger, scope)
        self.sandbox_uid = _option(conf, "sandbox_uid", 65534, least=0)
        if self.sandbox_uid == 0:
            raise ValueError("sandbox_uid must not be 0: a storlet run by root could overwrite the stored objects")
        if self.sandbox_uid == os.getuid():
            raise ValueError("sandbox_uid must not be Swift's own: a storlet could overwrite the stored objects")
        self.pool_size = _option(conf, "pool_size", POOL_SIZE, least=1)
        self.queue_size = _option(conf, "queue_size", 32, least=0)
        self.queue_timeout = _option(conf, "queue_timeout", 10.0, least=0)
        self.worker_reuse = config_true_value(conf.get("worker_reuse", "yes"))
        self.worker_start_timeout = _option(conf, "worker_start_timeout", 30.0, least=0)
        self.worker_idle_ttl = _option(conf, "worker_idle_ttl", 600.0, least=0)
        self.limits = Limits(
            memory=_option(conf, "worker_memory_limit", 2 << 30, least=1 << 20),
            pids=_option(conf, "worker_pids_limit", 256, least=8),
            cpus=_option(conf, "worker_cpus", 1.0, least=0.01),
        )
        self.storlet_timeout = _option(conf, "storlet_timeout", 40.0, least=0)
        self.storlet_max_time = _option(conf, "storlet_max_time", 600.0, least=0)

    @abstractmethod
    def start_sandbox(self, storlet: Storlet, log: int) -> tuple[Sandbox, socket.socket]:
        """Start ``worker.py`` in a sandbox that shows it this storlet's files, in ``STORLETS/module.Class``.

        What goes wrong before the worker can say so is written to the descriptor log, where that is possible.

        Returns:
            The sandbox, and our end of a SOCK_SEQPACKET connection to the worker.
        """

    @classmethod
    def validate_storlet_registration(cls, params: Mapping[str, str], name: str) -> None:
        """Refuse at its upload what could not be run (ValueError: the engine answers 400)."""
        super().validate_storlet_registration(params, name)
        if params["Language"].lower() != "python":
            raise ValueError(f"Language {params['Language']} is not supported: only Python")
        for file in [name, *_split(params.get("Dependency"))]:
            _check_name(file, ValueError)

    def invocation_flow(self, sreq: ContainerStorletRequest) -> StorletResponse:
        """Run a storlet request; the engine calls this."""
        # The engine cuts the scope to 13 characters, which two accounts may share; their storlets must not.
        account = str(getattr(sreq.file_manager, "account", self.scope))
        paths = RunTimePaths(account, self.conf)
        host_root = str(paths.host_root_dir)
        status = _statuses.setdefault(host_root, Status())
        record = Record(self.logger, f"{account}/{sreq.storlet_id}", status, lambda: _write_soon(host_root))
        try:
            storlet = self._storlet(sreq, account, paths)
            pool = self._pool(host_root, account)
            if not storlet.directory.is_dir():
                self._install(storlet, sreq.file_manager, pool)
            worker = pool.borrow(storlet, self.queue_timeout, self.worker_start_timeout)
        except StorletFailure as failure:
            record.end(failure)
            raise

        def give_back(worker: Worker) -> None:
            if self.worker_reuse:
                pool.give_back(worker, self.worker_idle_ttl)
            else:
                worker.close("it has served its call")

        invocation = Invocation(worker, give_back, record, self.storlet_timeout, self.storlet_max_time)
        sreq.params["storlet_execution_path"] = paths.get_sbox_storlet_dir(storlet.main)
        return StorletResponse(StorletData(invocation.start(sreq), data_iter=invocation))

    def _storlet(self, sreq: ContainerStorletRequest, account: str, paths: RunTimePaths) -> Storlet:
        if sreq.storlet_language.lower() != "python":
            raise StorletFailure("refused", f"its language is {sreq.storlet_language}: only Python is supported")
        try:
            size = int(sreq.options["storlet_content_length"])
            timestamps = [sreq.options["storlet_x_timestamp"]]
            timestamps += _split(sreq.options.get("storlet_dependency_timestamps"))
            files = dict(zip([sreq.storlet_id, *sreq.dependencies], timestamps, strict=True))
        except (KeyError, ValueError) as error:
            # Only our own filter in the proxy says so.
            raise StorletFailure("unready", f"the request does not say which version to run: {error!r}") from error
        for name in [account, sreq.storlet_main, *files]:
            _check_name(name, refused)
        version = hashlib.sha256(json.dumps([size, list(files.items())]).encode()).hexdigest()[:32]
        return Storlet(
            account=account,
            main=sreq.storlet_main,
            size=size,
            files=tuple(files.items()),
            directory=Path(paths.get_host_storlet_dir(sreq.storlet_main)) / version,
            log=Path(paths.get_host_slog_path(sreq.storlet_main)).with_name("worker.log"),
        )

    def _install(self, storlet: Storlet, source: FileManager, pool: Pool) -> None:
        if not pool.installing.acquire(timeout=self.queue_timeout):
            message = f"busy: another installation took longer than {self.queue_timeout:g} s (queue_timeout)"
            raise StorletFailure("busy", message)
        try:
            if not storlet.directory.is_dir():
                install(storlet, source)
        finally:
            pool.installing.release()

    def _pool(self, host_root: str, account: str) -> Pool:
        key = (host_root, account)
        if key not in _pools:
            _pools[key] = Pool(self.start_worker, self.pool_size, self.queue_size)
        return _pools[key]

    def start_worker(self, storlet: Storlet) -> Worker:
        """Start a worker that will say when it has imported the storlet."""
        files = lock(storlet.directory)
        try:
            log = _open_log(storlet.log)
            try:
                sandbox, sock = self.start_sandbox(storlet, log)
                with contextlib.suppress(ConnectionError):  # it has ended already, as whoever listens to it will hear
                    socket.send_fds(sock, [json.dumps([storlet.main, f"{STORLETS}/{storlet.main}"]).encode()], [log])
            finally:
                os.close(log)
        except BaseException:
            os.close(files)
            raise
        self.logger.info(f"storlet {storlet}: worker {sandbox.pid} started")
        return Worker(storlet, sandbox, sock, files)


def process_limits(memory: int) -> list[str]:
    """Return the command around a worker that limits its processes one by one.

    An allocation that fails is a MemoryError; one that takes the sandbox over its limit is the end of a process.
    """
    return shlex.split(f"prlimit --as={memory} --fsize={TMP_SIZE} --core=0 --nofile=256")


def refused(message: str) -> StorletFailure:
    """Return the failure of a call that is not run."""
    return StorletFailure("refused", message)


def _write_soon(host_root: str) -> None:
    if host_root not in _writes:
        _writes.add(host_root)
        get_hub().schedule_call_global(STATUS_DELAY, _write, host_root)


def _write(host_root: str) -> None:
    _writes.discard(host_root)
    status = _statuses[host_root]
    pools = [pool for (root, _), pool in _pools.items() if root == host_root]
    status.workers = sum(pool.workers for pool in pools)
    status.idle = sum(pool.idle for pool in pools)
    status.waiting = sum(pool.waiting for pool in pools)
    with contextlib.suppress(OSError):  # a full disk must not harm the server
        status.write(Path(host_root))


def _open_log(file: Path) -> int:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists():
        log = file.stat()
        if max(log.st_size, log.st_blocks * 512) > MAX_LOG:
            os.truncate(file, log.st_size)  # what a storlet has reserved behind its end
            file.replace(file.with_name("worker.log.1"))
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _split(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _check_name(name: str, error: Callable[[str], Exception]) -> None:
    """Names become file names on every storage node."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise error(f"{name!r} cannot be the name of a storlet's file: it is empty, a path, or . or ..")
    if len(os.fsencode(name)) > MAX_NAME:
        raise error(f"{name!r} cannot be the name of a storlet's file: it has more than {MAX_NAME} bytes")


def _option(conf: Mapping[str, str], name: str, default: Number, least: float) -> Number:
    try:
        value = type(default)(conf.get(name, default))
    except ValueError:
        raise ValueError(f"{name} = {conf[name]}: a number is expected") from None
    if value < least:
        raise ValueError(f"{name} = {value}: must be {least} or more")
    return value
