"""Cutting objects into splits, by the store's parallelism instead of a chunk size."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple, TypeVar

T = TypeVar("T")
#: Bytes that are scanned in the time that a request costs besides, about.
REQUEST = 256 << 10
_TASKS_A_PLACE = 4


class Split(NamedTuple):
    """The bytes [start, end) of an object. A record belongs to the split that holds its first byte."""

    start: int
    end: int


def splits_of(size: int, parallelism: int, least: int, largest: int, ends: Sequence[int] = ()) -> list[Split]:
    """Cut an object into splits of equal size, or a large object into some for each of its segments.

    Args:
        size: bytes of the object.
        parallelism: how many requests the store can work on at once: replicas × workers of a storage node.
        least: bytes that a split has at least, since a request has its cost; wins over parallelism.
        largest: bytes that a split has at most.
        ends: where each segment but the last ends. Segments that are smaller than a split would be share one; larger
            ones are cut. A split holds parts of several only if it would have less than `least` bytes else.

    Returns:
        Splits that cover every byte once, in order; none for an empty object.
    """
    if size == 0:
        return []
    step = _even_step(size, parallelism, least, largest)
    splits: list[Split] = []
    start = 0
    for end, next_end in itertools.pairwise([*ends, size, size]):
        if end < size and (next_end - start <= step or min(end - start, size - end) < least):
            continue
        piece = _even_step(end - start, -(-(end - start) // step), least, largest)
        splits += [Split(at, min(at + piece, end)) for at in range(start, end, piece)]
        start = end
    return splits


def _even_step(size: int, count: int, least: int, largest: int) -> int:
    count = max(1, min(count, size // least))
    return -(-size // max(count, -(-size // largest)))


def grouped(sized: Iterable[tuple[int, T]], least: int, target: int = 0) -> list[list[T]]:
    """Put small things that follow each other together, for one task each.

    Args:
        sized: bytes, and the thing.
        least: a thing of so many bytes is a group of its own.
        target: about how many bytes the groups of the others have, all the same; `least` if that is more.

    Returns:
        Groups in the given order.
    """
    groups: list[list[T]] = []
    run: list[tuple[int, T]] = []
    for size, thing in sized:
        if size < least:
            run.append((size, thing))
            continue
        groups += _even(run, max(least, target))
        groups.append([thing])
        run = []
    return groups + _even(run, max(least, target))


def _even(run: Sequence[tuple[int, T]], target: int) -> list[list[T]]:
    total = sum(size for size, _ in run)
    count = max(1, round(total / target))
    groups: dict[int, list[T]] = {}
    end = 0
    for size, thing in run:
        end += size
        # By its middle, so that a group is as often too large as too small.
        groups.setdefault(min((2 * end - size) * count // (2 * total or 1), count - 1), []).append(thing)
    return list(groups.values())


def arranged(objects: Iterable[Sequence[tuple[int, T]]], parallelism: int, least: int, most: int) -> list[list[T]]:
    """Make tasks of what is to be read, in the order in which they should start.

    The splits of an object stay in their order, as Spark keeps the rows of a file.

    Args:
        objects: bytes, and the thing, of each split of each object.
        parallelism: what the store can work on at once for one object.
        least: an object with a split of so many bytes has a task for each; smaller ones share tasks of about so many
            at least.
        most: bytes that a task of several things has at most, about: it can hold so many ready before they are used.
            Each request counts as some bytes, too.
    """
    large, small = [], []
    for splits in objects:
        largest = max((size for size, _ in splits), default=0)
        if largest >= least:
            large.append((largest, splits))
        else:
            small += [(size + REQUEST, thing) for size, thing in splits]
    # The largest first: then the last tasks are short, and all places are busy up to the end.
    large.sort(key=lambda one: -one[0])
    # Several tasks for each place, so that a late one ends little later than the others.
    target = sum(cost for cost, _ in small) // (_TASKS_A_PLACE * parallelism)
    return [[thing] for _, splits in large for _, thing in splits] + _even(small, min(most, max(least, target)))


def joined(tasks: Sequence[list[T]], slots: int) -> list[list[T]]:
    """Join tasks that follow each other, so that each of Spark's slots has two about.

    What answers little costs Spark little but the start of a task, and a task has several requests in flight.

    Args:
        tasks: what each reads.
        slots: how many tasks Spark runs at once.
    """
    count = min(len(tasks), 2 * slots)
    bounds = [len(tasks) * at // count for at in range(count + 1)] if count else []
    return [list(chain.from_iterable(tasks[start:end])) for start, end in pairwise(bounds)]


def replica_for(name: str, split: int, replicas: int) -> int:
    """Choose the replica that reads a split: the splits of an object take turns, and objects begin with different ones.

    Args:
        name: of the object, with its container.
        split: its place among the object's splits.
        replicas: that the store keeps.
    """
    return (zlib.crc32(name.encode()) + split) % replicas
