"""Storlets' files on this machine: a directory for each version of a storlet with its dependencies.

A directory is there whole or not at all, even after a crash, and never changes. Whoever runs from one holds a lock on
it; what nobody runs is removed when an account has many, so that uploads cannot fill the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from eventlet import tpool
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.pool import Storlet
from storlets.gateway.common.file_manager import FileManager
from swift.common.internal_client import UnexpectedResponse
from swift.common.utils import close_if_possible

__all__ = ["install", "lock"]

MAX_SIZE = 256 * 1024 * 1024  # bytes of a version
MAX_KEPT = 16  # versions of an account's storlets that nobody runs
PARTIAL = ".installing-"
ABANDONED = 3600  # seconds: so long no installation takes


def install(storlet: Storlet, source: FileManager) -> None:
    """Fetch a storlet's files into their directory."""
    parent = storlet.directory.parent
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _remove_old(parent.parent)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=parent))
    try:
        left = MAX_SIZE
        for number, (name, timestamp) in enumerate(storlet.files):
            container = source.dependency_container if number else source.storlet_container
            left -= _fetch(partial / name, source, container, timestamp, left)
        if (size := (partial / storlet.files[0][0]).stat().st_size) != storlet.size:
            raise StorletFailure("changed", f"{storlet.files[0][0]} has {size} bytes instead of {storlet.size}")
        partial.chmod(0o755)
        _sync(partial)
        partial.rename(storlet.directory)
    except (OSError, UnexpectedResponse) as error:
        if not storlet.directory.is_dir():  # else another process of this server was faster
            raise StorletFailure("unready", f"it could not be installed: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def lock(directory: Path) -> int:
    """Return a descriptor that keeps the directory from being removed while it is open."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink == 0:
            raise OSError(f"{directory} has just been removed")
    except BaseException:
        os.close(fd)
        raise
    return fd


def _fetch(file: Path, source: FileManager, container: str, timestamp: str, limit: int) -> int:
    """Fetch one file and return its size.

    By Swift's internal client, which asks for nobody's permission: so a symlink, which may point into any account, is
    not followed.
    """
    _, headers, chunks = source.client.get_object(
        source.account, container, file.name, {"X-Newest": "true"}, params={"symlink": "get"}
    )
    try:
        if "X-Symlink-Target" in headers:
            raise StorletFailure("refused", f"{container}/{file.name} is a symlink: upload the file itself")
        if headers["X-Timestamp"] != timestamp:
            raise StorletFailure("changed", f"{container}/{file.name} has just been changed")
        size = 0
        with open(file, "xb") as target:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise StorletFailure("refused", f"it has more than {MAX_SIZE} bytes with its dependencies")
                target.write(chunk)
            # The sandbox's user owns nothing here: what the owner may do, everybody may, but write.
            permissions = headers.get("X-Object-Meta-Storlet-Dependency-Permissions")
            os.fchmod(target.fileno(), 0o755 if _is_executable(permissions or "0") else 0o644)
            target.flush()
            tpool.execute(os.fsync, target.fileno())  # the server's other requests do not wait for the disk
        if size != int(headers["Content-Length"]):
            raise OSError(f"{container}/{file.name} broke off after {size} bytes")
        return size
    finally:
        close_if_possible(chunks)


def _is_executable(permissions: str) -> bool:
    try:
        return bool(int(permissions, 8) & 0o100)
    except ValueError:
        raise StorletFailure("refused", f"the permissions {permissions!r} are not an octal number") from None


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove_old(account: Path) -> None:
    """Remove an account's oldest versions that nobody runs, and what a crash has left."""
    found = sorted(_by_age(account))
    unused = 0
    for modified, directory in reversed(found):
        partial = directory.name.startswith(PARTIAL)
        if partial and time.time() - modified < ABANDONED:
            continue
        with contextlib.suppress(OSError):
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unused += 1
                if partial or unused > MAX_KEPT:
                    shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(fd)


def _by_age(account: Path) -> Iterator[tuple[float, Path]]:
    for directory in account.glob("*/*"):
        with contextlib.suppress(OSError):
            yield directory.stat().st_mtime, directory
