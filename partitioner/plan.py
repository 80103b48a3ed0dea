"""Which task reads which bytes from which replica: a read's whole plan, of sizes and the store's shape."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spark_storlets.partitioner.splits import Split, arranged, replica_for, splits_of
from spark_storlets.partitioner.topology import Topology


class Bounds(NamedTuple):
    """What a split has at least and at most, and a task can hold ready; in bytes."""

    least: int = 1 << 20
    largest: int = 256 << 20
    ready: int = 16 << 20


class Sized(NamedTuple):
    """An object: container/name, its bytes, whether an object server has it as one file; where its segments end.

    What is compressed cannot be cut.
    """

    name: str
    size: int
    whole: bool = True
    ends: Sequence[int] = ()
    cuttable: bool = True


class Read(NamedTuple):
    """A split of an object and the replica that reads it; None: the proxy does, from these segments of an SLO."""

    name: str
    split: int
    start: int
    end: int
    replica: int | None
    segments: tuple[int, ...] = ()


def plan(objects: Iterable[Sized], topology: Topology, bounds: Bounds) -> list[list[Read]]:
    """Plan the tasks that read some objects, in the order in which they should start."""
    sized = ([(read.end - read.start, read) for read in reads_of(one, topology, bounds)] for one in objects)
    return arranged(sized, topology.parallelism, bounds.least, bounds.ready)


def reads_of(one: Sized, topology: Topology, bounds: Bounds) -> Sequence[Read]:
    """Cut one object."""
    whole = one.whole and not topology.erasure_coded
    splits = splits_of(one.size, topology.parallelism, bounds.least, bounds.largest, one.ends)
    if splits and not one.cuttable:
        splits = [Split(0, one.size)]
    return [
        Read(
            one.name,
            number,
            *split,
            replica_for(one.name, number, topology.replicas) if whole else None,
            tuple(range(bisect_right(one.ends, split.start), bisect_left(one.ends, split.end) + bool(one.ends))),
        )
        for number, split in enumerate(splits)
    ]
