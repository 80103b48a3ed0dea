"""Control groups: what the processes of one sandbox may use together, and what they have used.

Limits of a process (setrlimit) stop no fork bomb and no memory bomb of many processes; those of a control group do.
The kernel has two interfaces: version 2, one tree with every controller, and version 1, a tree for each.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cgroup", "Limits", "problem"]

CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")  # cpuacct is part of cpu in version 2
PARENT = "spark-storlets"
PERIOD = 100_000  # microseconds over which the processors' share is counted

_numbers = itertools.count()
_swept: set[int] = set()


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use."""

    memory: int  # bytes, /tmp included, and no swap
    pids: int  # processes and threads
    cpus: float


class Cgroup:
    """A control group, as its directory in the tree of each controller."""

    def __init__(self, directories: Mapping[str, Path], version: int) -> None:
        self._of = directories
        self._version = version

    @classmethod
    def create(cls, limits: Limits) -> Cgroup:
        """Make a group below a common parent of ours; its name begins with the server's process id."""
        mounts, version = _mounts()
        parents = {controller: mounts[controller] / PARENT for controller in CONTROLLERS}
        if os.getpid() not in _swept:
            _swept.add(os.getpid())
            _remove_orphans(parents.values())
        name = f"{os.getpid()}-{next(_numbers)}"
        group = cls({controller: parent / name for controller, parent in parents.items()}, version)
        try:
            for parent in parents.values():
                parent.mkdir(exist_ok=True)
                if version == 2:
                    (parent.parent / "cgroup.subtree_control").write_text("+memory +pids +cpu")
                    (parent / "cgroup.subtree_control").write_text("+memory +pids +cpu")
            for directory in group._of.values():
                directory.mkdir(exist_ok=True)
            group._limit(limits)
        except BaseException:
            group.remove()
            raise
        return group

    @classmethod
    def of(cls, pid: int) -> Cgroup:
        """Find the group of a process that runs."""
        mounts, version = _mounts()
        lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
        paths = {name: path.lstrip("/") for _, names, path in lines for name in names.split(",")}
        return cls({name: mounts[name] / paths[name if version == 1 else ""] for name in CONTROLLERS}, version)

    def join_files(self) -> list[str]:
        """Return the files into which a process writes 0 to join."""
        return sorted({str(directory / "cgroup.procs") for directory in self._of.values()})

    def processes(self) -> int:
        """Count the processes; one that has ended is none, though its parent has not heard yet."""
        return len((self._of["pids"] / "cgroup.procs").read_text().split())

    def cpu_seconds(self) -> float:
        """Return the processors' time that all processes have used, also those that have ended."""
        if self._version == 1:
            return int((self._of["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
        return int((self._of["cpu"] / "cpu.stat").read_text().split()[1]) / 1e6

    def ran_out_of_memory(self) -> bool:
        """Say whether the kernel has killed a process for its memory."""
        file = "memory.oom_control" if self._version == 1 else "memory.events"
        with contextlib.suppress(OSError):
            for line in (self._of["memory"] / file).read_text().splitlines():
                name, _, number = line.partition(" ")
                if name == "oom_kill":
                    return int(number) > 0
        return False

    def remove(self) -> bool:
        """Remove it; False while a process is still about to end in it."""
        for directory in set(self._of.values()):
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return False
        return True

    def _limit(self, limits: Limits) -> None:
        memory, cpu = self._of["memory"], self._of["cpu"]
        (self._of["pids"] / "pids.max").write_text(str(limits.pids))
        quota = max(1000, int(limits.cpus * PERIOD))
        if self._version == 1:
            (memory / "memory.limit_in_bytes").write_text(str(limits.memory))
            with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
                (memory / "memory.memsw.limit_in_bytes").write_text(str(limits.memory))
            (cpu / "cpu.cfs_period_us").write_text(str(PERIOD))
            (cpu / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (memory / "memory.max").write_text(str(limits.memory))
            with contextlib.suppress(FileNotFoundError):
                (memory / "memory.swap.max").write_text("0")
            (cpu / "cpu.max").write_text(f"{quota} {PERIOD}")


def problem() -> str:
    """Say why no group can be made here, empty when it can."""
    try:
        Cgroup.create(Limits(memory=64 << 20, pids=16, cpus=1)).remove()
    except OSError as error:
        return str(error)
    return ""


def _mounts() -> tuple[dict[str, Path], int]:
    """Return where each controller's tree is mounted, and the interface's version."""
    trees: dict[str, Path] = {}
    unified = None
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            unified = unified or Path(where)
        elif kind == "cgroup":
            for option in options.split(","):
                trees.setdefault(option, Path(where))
    if all(name in trees for name in CONTROLLERS):
        return trees, 1
    if unified is not None:
        return dict.fromkeys(CONTROLLERS, unified), 2
    raise OSError("no control groups are mounted: mount cgroup2 at /sys/fs/cgroup")


def _remove_orphans(parents: Iterable[Path]) -> None:
    """Remove the groups of servers that are gone."""
    for parent in set(parents):
        for group in parent.glob("*-*"):
            if not Path("/proc", group.name.partition("-")[0]).exists():
                with contextlib.suppress(OSError):
                    group.rmdir()
