"""What all our storlet gateways do: install storlets, keep warm workers, run a call on one.

A gateway runs in Swift's object servers (GET of an ordinary object) and proxy servers (PUT, COPY, SLO, symlink); the
storlet engine's middleware ``storlet_handler`` makes one for each request. Select it in the filter section of both
servers' configuration::

    [filter:storlet_handler]
    use = egg:storlets#storlet_handler
    storlet_gateway_module = spark_storlets_bubblewrap
    storlet_gateway_conf = /etc/swift/storlet_gateway.conf

and set its options in the [DEFAULT] section of that file:

====================  =================  ====================================================================
Option                Default            Description
====================  =================  ====================================================================
host_root             /var/lib/storlets  Directory for installed storlets and their logs
sandbox_uid           65534              User and group id that storlets run under; not 0, and not Swift's
pool_size             4                  Workers per account and storlet in each server process
queue_size            32                 Calls that may wait for a worker; a further one is refused at once
queue_timeout         10                 Seconds that a call waits before it is refused
worker_start_timeout  30                 Seconds for a worker to start and import its storlet
worker_idle_ttl       600                Seconds after which an idle worker is ended
worker_memory_limit   2147483648         Address space of a storlet's process, in bytes
storlet_timeout       40                 Seconds that a storlet may neither write nor, from a pipe, read
storlet_max_time      600                Seconds that a call may take in all, the client's reading included
====================  =================  ====================================================================

A call that is refused or fails before its first output is answered with 503, and the proxy tries the next replica;
one that fails later breaks the connection. The reason is in the server's log, and what the storlet printed in
``<host_root>/logs/scopes/<account>/<storlet's main class>/worker.log``; the header X-Storlet-Generate-Log is not
supported.

The proxy waits for an object server's headers until the storlet's first output, and between two chunks of it. So let
its ``recoverable_node_timeout`` and ``node_timeout`` be greater than queue_timeout + worker_start_timeout +
storlet_timeout, or it gives up on calls that are doing well and runs them again elsewhere.

A worker serves call after call of one storlet of one account. A new version of the storlet (by its timestamp and
size) runs in new workers, from a directory of its own. New versions of dependencies are only seen when the storlet is
uploaded again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from logging import ERROR, Logger, LoggerAdapter
from pathlib import Path
from typing import TypeVar

from spark_storlets.sandbox.invocation import Invocation
from spark_storlets.sandbox.pool import Pool, Storlet, Worker
from storlets.gateway.common.exceptions import FileManagementError, StorletRuntimeException
from storlets.gateway.common.file_manager import FileManager
from storlets.gateway.common.stob import StorletData, StorletResponse
from storlets.gateway.gateways.container.gateway import ContainerStorletRequest, StorletGatewayContainer
from storlets.gateway.gateways.container.runtime import RunTimePaths

__all__ = ["WarmGateway"]

MAX_LOG = 1024 * 1024
Number = TypeVar("Number", int, float)

_pools: dict[tuple[type, Path], Pool] = {}  # by storlet, whatever the version; a gateway lives for one request only


class WarmGateway(StorletGatewayContainer):  # type: ignore[misc]
    """A gateway whose sandbox is a command around ``worker.py``; see worker_command."""

    def __init__(self, conf: Mapping[str, str], logger: LoggerAdapter[Logger], scope: str) -> None:
        super().__init__(conf, logger, scope)
        self.sandbox_uid = _option(conf, "sandbox_uid", 65534, least=0)
        if self.sandbox_uid == 0:
            raise ValueError("sandbox_uid must not be 0: a storlet run by root could overwrite the stored objects")
        self.pool_size = _option(conf, "pool_size", 4, least=1)
        self.queue_size = _option(conf, "queue_size", 32, least=0)
        self.queue_timeout = _option(conf, "queue_timeout", 10.0, least=0)
        self.worker_start_timeout = _option(conf, "worker_start_timeout", 30.0, least=0)
        self.worker_idle_ttl = _option(conf, "worker_idle_ttl", 600.0, least=0)
        self.worker_memory_limit = _option(conf, "worker_memory_limit", 2 << 30, least=1 << 20)
        self.storlet_timeout = _option(conf, "storlet_timeout", 40.0, least=0)
        self.storlet_max_time = _option(conf, "storlet_max_time", 600.0, least=0)

    @abstractmethod
    def worker_command(self, storlet: Storlet, fd: int) -> Sequence[str]:
        """Return the command that runs ``worker.py`` for this storlet in the sandbox, given its descriptor fd."""

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

        def log(level: int, message: str) -> None:  # Swift's logger adds the transaction
            self.logger.log(level, f"storlet {account}/{sreq.storlet_id}: {message}")

        paths = RunTimePaths(account, self.conf)
        try:
            storlet = self._storlet(sreq, account, paths)
            pool = self._pool(storlet, Path(paths.get_host_slog_path(storlet.main)).with_name("worker.log"))
            with pool.installing:
                if not storlet.directory.is_dir():
                    _install(storlet, sreq.file_manager)
            worker = pool.borrow(storlet, self.queue_timeout, self.worker_start_timeout)
        except StorletRuntimeException as error:
            log(ERROR, str(error))  # the engine makes it a 503 without a word
            raise

        def give_back(worker: Worker) -> None:
            pool.give_back(worker, self.worker_idle_ttl)

        invocation = Invocation(worker, give_back, log, self.storlet_timeout, self.storlet_max_time)
        sreq.params["storlet_execution_path"] = paths.get_sbox_storlet_dir(storlet.main)
        return StorletResponse(StorletData(invocation.start(sreq), data_iter=invocation))

    def _storlet(self, sreq: ContainerStorletRequest, account: str, paths: RunTimePaths) -> Storlet:
        if sreq.storlet_language.lower() != "python":
            raise StorletRuntimeException(f"its language is {sreq.storlet_language}: only Python is supported")
        try:
            size = int(sreq.options["storlet_content_length"])
            version = f"{sreq.options['storlet_x_timestamp']}-{size}"
        except (KeyError, ValueError) as error:
            raise StorletRuntimeException(f"the request does not say which version to run: {error!r}") from error
        for name in [account, sreq.storlet_main, version, sreq.storlet_id, *sreq.dependencies]:
            _check_name(name, StorletRuntimeException)
        if sreq.dependencies:
            version += "-" + hashlib.sha256("/".join(sreq.dependencies).encode()).hexdigest()[:16]
        return Storlet(
            account=account,
            main=sreq.storlet_main,
            size=size,
            files=(sreq.storlet_id, *sreq.dependencies),
            directory=Path(paths.get_host_storlet_dir(sreq.storlet_main)) / version,
        )

    def _pool(self, storlet: Storlet, log: Path) -> Pool:
        key = (type(self), storlet.directory.parent)
        if key not in _pools:
            _pools[key] = Pool(lambda storlet: self._start_worker(storlet, log), self.pool_size, self.queue_size)
        return _pools[key]

    def _start_worker(self, storlet: Storlet, log: Path) -> Worker:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > MAX_LOG:
            log.replace(log.with_name("worker.log.1"))
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            worker = Worker(storlet, lambda end: self.worker_command(storlet, end), fd)
        finally:
            os.close(fd)
        self.logger.info(f"storlet {storlet}: worker {worker.pid} started")
        return worker


def _install(storlet: Storlet, file_manager: FileManager) -> None:
    """Fetch a storlet's files into their directory, which is there whole or not at all, even after a crash."""
    parent = storlet.directory.parent
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".installing-", dir=parent))
    try:
        for number, name in enumerate(storlet.files):
            fetch = file_manager.get_dependency if number else file_manager.get_storlet
            chunks, permissions = fetch(name)
            with open(partial / name, "xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                # The sandbox's user owns nothing here: what the owner may do, everybody may, but write.
                os.fchmod(file.fileno(), 0o755 if permissions and int(permissions, 8) & 0o100 else 0o644)
                file.flush()
                os.fsync(file.fileno())
        if (size := (partial / storlet.files[0]).stat().st_size) != storlet.size:
            raise OSError(f"{storlet.files[0]} has {size} bytes instead of {storlet.size}: it has just been changed")
        partial.chmod(0o755)
        directory = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        partial.rename(storlet.directory)
    except (FileManagementError, OSError, ValueError) as error:
        if not storlet.directory.is_dir():  # else another process of this server was faster
            raise StorletRuntimeException(f"it could not be installed: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _split(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _check_name(name: str, error: type[Exception]) -> None:
    """Names become file names on every storage node."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise error(f"{name!r} cannot be the name of a storlet's file: it is empty, a path, or . or ..")


def _option(conf: Mapping[str, str], name: str, default: Number, least: float) -> Number:
    try:
        value = type(default)(conf.get(name, default))
    except ValueError:
        raise ValueError(f"{name} = {conf[name]}: a number is expected") from None
    if value < least:
        raise ValueError(f"{name} = {value}: must be {least} or more")
    return value
