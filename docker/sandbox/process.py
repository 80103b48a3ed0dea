"""A sandbox from outside: its processes, of which the first one ends all others with it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from spark_storlets.sandbox.cgroups import Cgroup

__all__ = ["Sandbox"]


class Sandbox(ABC):
    """The processes of one worker."""

    #: How many processes a sandbox has that waits for a call.
    WAITING: int

    #: The first process, as this machine numbers it.
    pid: int

    #: None where the operator does without.
    cgroup: Cgroup | None

    @abstractmethod
    def kill(self) -> None:
        """End it; never waits, and may be called more than once, but not after reap."""

    @abstractmethod
    def reap(self) -> None:
        """Clear up after its end; may wait."""

    def left_behind(self) -> int:
        """Count the processes that a storlet has left running after its call."""
        return self.cgroup.processes() - self.WAITING if self.cgroup else 0

    def cpu_seconds(self) -> float:
        """Return the processors' time it has used; 0 if nobody counts."""
        return self.cgroup.cpu_seconds() if self.cgroup else 0.0

    def ran_out_of_memory(self) -> bool:
        """Say whether the kernel has ended one of its processes for want of memory."""
        return self.cgroup is not None and self.cgroup.ran_out_of_memory()
