"""Cutting objects into splits, by the store's parallelism instead of a chunk size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Split(NamedTuple):
    """The bytes [start, end) of an object. A record belongs to the split that holds its first byte."""

    start: int
    end: int


def splits_of(size: int, parallelism: int, least: int, largest: int) -> list[Split]:
    """Cut an object into splits of equal size.

    Args:
        size: bytes of the object.
        parallelism: how many requests the store can work on at once: replicas × workers of a storage node.
        least: bytes that a split has at least, since a request has its cost; wins over parallelism.
        largest: bytes that a split has at most.

    Returns:
        Splits that cover every byte once, in order; none for an empty object.
    """
    if size == 0:
        return []
    count = max(1, min(parallelism, size // least))
    count = max(count, -(-size // largest))
    step = -(-size // count)
    return [Split(start, min(start + step, size)) for start in range(0, size, step)]


def grouped(sized: Iterable[tuple[int, T]], least: int) -> list[list[T]]:
    """Put small things that follow each other together, for one task each.

    Args:
        sized: bytes, and the thing.
        least: bytes that a group has at least, but for the last one.

    Returns:
        Groups in the given order.
    """
    groups: list[list[T]] = []
    room = 0
    for size, thing in sized:
        if room <= 0:
            groups.append([])
            room = least
        groups[-1].append(thing)
        room -= size
    return groups
