"""The storlet gateway for machines without Docker: each worker in a sandbox of bubblewrap's.

Needs the Debian packages ``bubblewrap`` and ``util-linux``, and a Swift server that runs as root. See ``gateway`` for
how to select it and for its options; all it needs in its file is::

    [DEFAULT]
    host_root = /var/lib/storlets

What a storlet gets: a process under ``sandbox_uid`` without any capability, which cannot get one; its own process,
network, IPC, host name and cgroup name spaces, the network without an interface but loopback; a read-only root with
the system's /usr, the Python installation that the server runs on, the storlet's files under /var/lib/storlets, and a
/tmp of its own; limits of memory, file size, processes and open files. And the descriptors of the call: the object's
file, read-only, or a pipe.

Why root: the mounts are made by root, because Python and the storlets may lie under directories that no other user
may enter (/root, a mktemp). There is no user name space, so the storlet's user really is another user to the kernel;
in a user name space made by root it could be root outside, reopen /proc/self/fd/N for writing and overwrite the
stored replica.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spark_storlets.sandbox.gateway import WarmGateway
from spark_storlets.sandbox.pool import Storlet
from storlets.gateway.common.exceptions import StorletRuntimeException

__all__ = ["BubblewrapGateway"]

WORKER = "/run/worker.py"
TMP_SIZE = 64 * 1024 * 1024  # bytes in /tmp, and of one file anywhere

# bubblewrap keeps the capabilities that setpriv needs to give up the rest.
NAMESPACES = """
    bwrap --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try
    --die-with-parent --new-session --clearenv --setenv PATH /usr/bin:/bin --setenv LANG C.UTF-8
    --cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP
"""
# Before the read-only binds: the Python that runs this server may itself lie below /tmp.
OWN_MOUNTS = f"--proc /proc --dev /dev --perms 1777 --size {TMP_SIZE} --tmpfs /tmp"
UNPRIVILEGED = """
    setpriv --reuid {uid} --regid {uid} --clear-groups --no-new-privs
    --bounding-set=-all --inh-caps=-all --ambient-caps=-all
"""
# The kernel counts a user's processes over all sandboxes: nproc stops a fork bomb and is nobody's share.
LIMITS = f"prlimit --as={{memory}} --fsize={TMP_SIZE} --core=0 --nproc=4096 --nofile=256"


class BubblewrapGateway(WarmGateway):
    """Runs workers in bubblewrap."""

    def worker_command(self, storlet: Storlet, fd: int) -> Sequence[str]:
        """Return bubblewrap around setpriv around prlimit around the worker."""
        if os.geteuid() != 0:
            raise StorletRuntimeException(
                "the bubblewrap sandbox needs a Swift server that runs as root, since storlets run under another user"
            )
        directory = f"/var/lib/storlets/{storlet.main}"
        return [
            *shlex.split(NAMESPACES),
            *shlex.split(OWN_MOUNTS),
            *_system(),
            *_read_only(_python()),
            *_directories([Path(WORKER), Path(directory)]),
            *("--ro-bind", str(Path(__file__).with_name("worker.py")), WORKER),
            *("--ro-bind", str(storlet.directory), directory),
            *("--remount-ro", "/", "--chdir", "/tmp"),
            *shlex.split(UNPRIVILEGED.format(uid=self.sandbox_uid)),
            *shlex.split(LIMITS.format(memory=self.worker_memory_limit)),
            *(sys.executable, "-I", "-B", "-u", WORKER, str(fd), storlet.main, directory),
        ]


def _system() -> Iterator[str]:
    """Yield the arguments for the system's programs and libraries; nothing of /etc that could hold a secret."""
    yield from ("--ro-bind", "/usr", "/usr")
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if path.is_symlink():  # into /usr, on a system of our time
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from _directories([Path("/etc/any")])
    for file in ("/etc/ld.so.cache", "/etc/alternatives"):
        yield from ("--ro-bind-try", file, file)


def _python() -> set[Path]:
    """Return where the Python that runs this server lies: a virtual environment and what it was made from."""
    return {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}


def _read_only(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the arguments that show these directories at their own places, and nothing beside them."""
    for path in sorted(paths):  # an outer one before an inner one
        if path != Path("/usr") and Path("/usr") not in path.parents:
            yield from _directories([path])
            yield from ("--ro-bind", str(path), str(path))


def _directories(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the arguments that make the directories above these, open to all: bubblewrap would make them root's."""
    for path in paths:
        for parent in reversed(path.parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(parent))
