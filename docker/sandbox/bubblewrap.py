"""The storlet gateway for machines without Docker: each worker in a sandbox of bubblewrap's.

Needs the Debian packages ``bubblewrap`` and ``util-linux``, a Swift server that runs as root, and control groups that
it may make. See ``gateway`` for how to select it and for its options. One more:

=================  =======  =================================================================================
Option             Default  Description
=================  =======  =================================================================================
control_groups     yes      no: do without, where they cannot be made; then memory is limited for each process
                            alone, processes only all together, and what a storlet leaves running is not seen
=================  =======  =================================================================================

Workers are started in the server's main thread, where greenlets run: the kernel ties bubblewrap's --die-with-parent
to the thread that started it.

What a storlet gets: a process under ``sandbox_uid`` without any capability, which cannot get one, with a filter of
system calls like Docker's; its own process, network, IPC, host name and cgroup name spaces, the network without an
interface but loopback; a read-only root with the system's /usr, the Python installation that the server runs on, the
storlet's files under /var/lib/storlets, and a /tmp of its own; limits of memory, processors, processes, file size and
open files. And the descriptors of the call: the object's file, read-only, or a pipe.

Why root: the mounts are made by root, because Python and the storlets may lie under directories that no other user
may enter (/root, a mktemp). There is no user name space, so the storlet's user really is another user to the kernel;
in a user name space made by root it could be root outside, reopen /proc/self/fd/N for writing and overwrite the
stored replica.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from logging import Logger, LoggerAdapter
from pathlib import Path
from subprocess import Popen

import eventlet
from eventlet import patcher
from spark_storlets.sandbox.cgroups import Cgroup
from spark_storlets.sandbox.descriptors import socket
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.gateway import STORLETS, TMP_SIZE, WORKER, WORKER_SOURCE, WarmGateway, process_limits
from spark_storlets.sandbox.pool import Storlet
from spark_storlets.sandbox.process import Sandbox
from spark_storlets.sandbox.seccomp import filter_file
from swift.common.utils import config_true_value

__all__ = ["BubblewrapGateway"]

REMOVAL_TRIES = 200
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}  # nothing of the server's own

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
# The kernel counts a user's processes over all sandboxes: one could use up what the others need.
ALL_PROCESSES = "--nproc=4096"
# Into the control groups, whose files come first, and then on as the command after them.
JOIN = 'set -e; while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'

# Not eventlet's: between fork and exec nothing may yield.
subprocess = patcher.original("subprocess")


class Bubble(Sandbox):
    """A process of bubblewrap's and the two in it: its first process and the worker."""

    WAITING = 3

    def __init__(self, process: Popen[bytes], cgroup: Cgroup | None) -> None:
        self.pid = process.pid
        self.cgroup = cgroup
        self._process = process

    def kill(self) -> None:
        """Kill bubblewrap, and with it all that is in it."""
        self._process.kill()

    def reap(self) -> None:
        """Leave no zombie, and no control group."""
        self._process.wait()
        for _ in range(REMOVAL_TRIES):
            if self.cgroup is None or self.cgroup.remove():
                return
            eventlet.sleep(0.01)  # the kernel is still ending what was in it


class BubblewrapGateway(WarmGateway):
    """Runs workers in bubblewrap."""

    def __init__(self, conf: Mapping[str, str], logger: LoggerAdapter[Logger], scope: str) -> None:
        super().__init__(conf, logger, scope)
        self.control_groups = config_true_value(conf.get("control_groups", "yes"))

    def start_sandbox(self, storlet: Storlet, log: int) -> tuple[Sandbox, socket.socket]:
        """Start a worker on one end of a socketpair."""
        if os.geteuid() != 0:
            raise StorletFailure(
                "unready",
                "the bubblewrap sandbox needs a Swift server that runs as root, since storlets run under another user",
            )
        cgroup = Cgroup.create(self.limits) if self.control_groups else None
        try:
            with contextlib.ExitStack() as theirs:
                seccomp = filter_file()
                theirs.callback(os.close, seccomp)
                ours, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                theirs.enter_context(end)
                with contextlib.ExitStack() as failing:
                    failing.enter_context(ours)
                    process = subprocess.Popen(
                        [*_joining(cgroup), *self._command(storlet, end.fileno(), seccomp)],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        pass_fds=[end.fileno(), seccomp],
                        env=ENVIRONMENT,
                        cwd="/",
                        start_new_session=True,  # a ^C at the server's terminal is the server's
                    )
                    failing.pop_all()
        except BaseException:
            if cgroup:
                cgroup.remove()
            raise
        return Bubble(process, cgroup), ours

    def _command(self, storlet: Storlet, fd: int, seccomp: int) -> list[str]:
        """Return bubblewrap around setpriv around prlimit around the worker."""
        directory = f"{STORLETS}/{storlet.main}"
        return [
            *shlex.split(NAMESPACES),
            *shlex.split(OWN_MOUNTS),
            *_system(),
            *_read_only(_python()),
            *_directories([Path(WORKER), Path(directory)]),
            *("--ro-bind", str(WORKER_SOURCE), WORKER),
            *("--ro-bind", str(storlet.directory), directory),
            *("--remount-ro", "/", "--chdir", "/tmp", "--seccomp", str(seccomp)),
            *shlex.split(UNPRIVILEGED.format(uid=self.sandbox_uid)),
            *process_limits(self.limits.memory),
            *([] if self.control_groups else [ALL_PROCESSES]),
            *(sys.executable, "-I", "-B", "-u", WORKER, str(fd)),
        ]


def _joining(cgroup: Cgroup | None) -> list[str]:
    """Return the arguments that let the command after them run in the control group."""
    if cgroup is None:
        return []
    return ["/bin/sh", "-c", JOIN, "sh", *cgroup.join_files(), "--"]


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
