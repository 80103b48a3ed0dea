"""What of a store's shape decides how it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topology:
    """The shape of a store, for one container.

    Attributes:
        replicas: that it keeps of an object.
        workers: storlets that a storage node runs at once.
        running: storlets that it ran when it was asked.
        erasure_coded: no server has an object whole: storlets run in the proxies.
        affinity: proxies send a request to the replica that it names.
    """

    replicas: int = 3
    workers: int = 2
    running: int = 0
    erasure_coded: bool = False
    affinity: bool = False

    @property
    def parallelism(self) -> int:
        """How many requests for one object the store works on at once: those of its places that are free."""
        return max(self.replicas, self.replicas * self.workers - self.running)
