"""Cutting a container's names into ranges of about as many names each, without listing them.

A listing in Swift begins behind any name that one likes, from either side, and nothing tells how many names lie between
two of them. So ranges are halved, at a name made up in their middle, and a page of names at each end of a half tells
how close names stand there. What has proved even is not looked at again; what has not is halved further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spark_storlets.partitioner.names import Numbering

#: Names that a probe asks for: enough to tell how close they stand, few enough to be quick.
PAGE = 500
#: Ranges that are halved at once.
_AT_ONCE = 8
#: A range is halved if it may hold this part of a task's names, times the doubt about it.
_FINE = 0.25
_LEAST_DOUBT = 0.1
#: What is left of a doubtful estimate, if all estimates together are too much.
_LEAST_FACTOR = 0.1
#: A range ends with a part if so much of a task's names is left of the part.
_NEAR = 0.15


class KeyRange(NamedTuple):
    """The names n with after < n <= upto, and about how many there are; upto None: all behind `after`."""

    after: str
    upto: str | None
    names: int


class Probe(NamedTuple):
    """A question to a listing: the first names of a range, or with `reverse` the last ones, the last one first."""

    after: str
    upto: str | None
    reverse: bool
    limit: int = PAGE


#: Answers several questions, in their order; fewer names than the limit are all that there are.
Ask = Callable[[Sequence[Probe]], Sequence[Sequence[str]]]


class _LastName(NamedTuple):
    """The last name in a folder: it tells how much of its room the folder's names fill."""

    name: str
    folder: str

    @classmethod
    def of(cls, name: str, other: str) -> _LastName | None:
        """Know a name as the last of its folder, since another, the next or the first of all, is not in that."""
        folder = _folder(other, name)
        return cls(name, folder) if folder else None

    def fill(self, numbering: Numbering) -> float:
        low, room = numbering.room(self.folder)
        return (numbering.number(self.name) - low) / max(1, room)


@dataclass
class _Part:
    """A range with what is known of it: names at its ends, and whether those are all."""

    after: str
    upto: str | None
    head: Sequence[str]
    tail: Sequence[str]  # in the order of names too
    doubt: float = 1.0
    # The last names of two folders, the one that ends before this part and the one that ends with it.
    last_before: _LastName | None = None
    last_within: _LastName | None = None

    @property
    def whole(self) -> bool:
        return len(self.head) < PAGE

    @property
    def hides_folders(self) -> bool:
        return not self.whole and _folder(self.head[0], self.tail[-1]) is not None

    def span(self, numbering: Numbering) -> int:
        return numbering.number(self.tail[-1]) - numbering.number(self.head[0])

    def estimate(self, numbering: Numbering) -> float:
        if self.whole:
            return len(self.head)
        span = self.span(numbering)
        even = sum(span / _gap(end, numbering) for end in (self.head, self.tail)) / 2
        fills = [last.fill(numbering) for last in (self.last_before, self.last_within) if last]
        if fills and self.hides_folders:
            even *= sum(fills) / len(fills)
        return max(PAGE, even)

    def unevenness(self, numbering: Numbering) -> float:
        if self.whole:
            return 0.0
        if self.hides_folders:
            return 1.0  # nothing is known of the folders between them
        gaps = _gap(self.head, numbering), _gap(self.tail, numbering)
        return 1 - min(gaps) / max(gaps)


def key_ranges(
    ask: Ask,
    tasks: int,
    least: int,
    after: str = "",
    upto: str | None = None,
    total: int | None = None,
    budget: int = 198,
) -> list[KeyRange]:
    """Cut the names of a container into ranges for tasks.

    Args:
        ask: answers probes.
        tasks: ranges that there are at most.
        least: names that a range has at least.
        after: only names behind this one count.
        upto: and only those up to this one.
        total: how many names there are, if that is known.
        budget: probes at most.

    Returns:
        Ranges in order that have each name between `after` and `upto` in exactly one of them, whatever is added or
        deleted; one range if there are few names.
    """
    head, tail = ask([Probe(after, upto, False), Probe(after, upto, True)])
    numbering = Numbering()
    _learn(numbering, [head, tail])
    parts = [_Part(after, upto, head, tail[::-1])]
    if head and tail:
        parts[0].last_within = _LastName.of(tail[0], head[0])
    spent = 2
    while not parts[0].whole or len(parts) > 1:
        shares = _shares(parts, numbering, total)
        wanted = max(least, sum(shares) / tasks)
        doubtful = [
            (share * max(part.doubt, _LEAST_DOUBT), index)
            for index, (part, share) in enumerate(zip(parts, shares, strict=True))
            if not part.whole
        ]
        # A folder that was not seen yet may be large, however small the estimate.
        worth = [one for one in doubtful if one[0] > wanted * _FINE or parts[one[1]].hides_folders]
        chosen = [index for _, index in sorted(worth, reverse=True)[:_AT_ONCE]]
        chosen = chosen[: (budget - spent) // 2]
        if not chosen:
            break
        spent += 2 * len(chosen)
        halves = _halved(ask, [parts[index] for index in chosen], numbering)
        for index, found in sorted(zip(chosen, halves, strict=True), reverse=True):
            parts[index : index + 1] = found
    return _ranges(parts, _shares(parts, numbering, total), numbering, tasks, least)


def _halved(ask: Ask, parts: Sequence[_Part], numbering: Numbering) -> list[list[_Part]]:
    middles = [_middle(part.head[0], part.tail[-1], numbering) for part in parts]
    before = [part.estimate(numbering) for part in parts]
    probes = []
    for part, middle in zip(parts, middles, strict=True):
        if middle is not None:
            probes += [Probe(part.after, middle, True), Probe(middle, part.upto, False)]
    answers = iter(ask(probes))
    found = []
    for part, middle, estimate in zip(parts, middles, before, strict=True):
        if middle is None:  # the names at both ends are one
            found.append([_Part(part.after, part.upto, part.head, part.tail, 0.0)])
            continue
        tail, head = next(answers)[::-1], next(answers)
        _learn(numbering, [tail, head])
        # A short page is all there is of its half.
        left = _Part(part.after, middle, part.head if len(tail) == PAGE else tail, tail)
        right = _Part(middle, part.upto, head, part.tail if len(head) == PAGE else head)
        left.last_before, right.last_within = part.last_before, part.last_within
        if head and tail:
            left.last_within = right.last_before = _LastName.of(tail[-1], head[0])
        halves = [half for half in (left, right) if half.head]
        now = sum(half.estimate(numbering) for half in halves)
        for half in halves:
            half.doubt = max(abs(now - estimate) / max(now, estimate), half.unevenness(numbering))
        found.append(_tiled(halves, part) if halves else [_Part(part.after, part.upto, [], [])])
    return found


def _tiled(halves: list[_Part], part: _Part) -> list[_Part]:
    """See that halves cover their whole even if one of them has lost its names meanwhile."""
    halves[0].after, halves[-1].upto = part.after, part.upto
    return halves


def _shares(parts: Sequence[_Part], numbering: Numbering, total: int | None) -> list[float]:
    """Estimate the names of each part; where that is not all that there are, the doubtful ones are wrong."""
    shares = [part.estimate(numbering) for part in parts]
    if total is None:
        return shares
    doubts = [0.0 if part.whole else part.doubt for part in parts]
    doubtful = sum(share * doubt for share, doubt in zip(shares, doubts, strict=True))
    missing = total - sum(shares)
    if missing <= 0:
        factor = max(_LEAST_FACTOR, 1 + missing / doubtful) if doubtful else 1.0
        return [share * (1 - doubt + doubt * factor) for share, doubt in zip(shares, doubts, strict=True)]
    # What hides does so where it has room, or where there is most already.
    spans = [doubt * part.span(numbering) if doubt else 0 for part, doubt in zip(parts, doubts, strict=True)]
    every = sum(spans) or 1
    return [
        share + missing * (share * doubt / doubtful + span / every) / 2 if doubt else share
        for share, doubt, span in zip(shares, doubts, spans, strict=True)
    ]


def _ranges(
    parts: Sequence[_Part], shares: Sequence[float], numbering: Numbering, tasks: int, least: int
) -> list[KeyRange]:
    total = sum(shares)
    count = max(1, min(tasks, int(total) // least))
    wanted = total / count
    ranges: list[KeyRange] = []
    after, begun, walked, number = parts[0].after, 0.0, 0.0, 1
    for part, share in zip(parts, shares, strict=True):
        while number < count and walked + share > wanted * number:
            cut, names = _cut(part, share, wanted * number - walked, wanted * _NEAR, numbering)
            number += 1
            # Where there is no name between, the next range begins earlier; those behind it are cut as ever.
            if cut is not None and cut > after:
                ranges.append(KeyRange(after, cut, round(walked + names - begun)))
                after, begun = cut, walked + names
        walked += share
    return [*ranges, KeyRange(after, parts[-1].upto, round(total - begun))]


def _cut(part: _Part, share: float, names: float, near: float, numbering: Numbering) -> tuple[str | None, float]:
    """Find where to cut a part behind about so many of its names, at one of its own ends if that is near."""
    if share - names < near:
        return part.upto, share
    if part.whole:
        return part.head[int(names)], int(names) + 1
    return _between(part.head[0], part.tail[-1], names / share, numbering, 1024), names


def _middle(first: str, last: str, numbering: Numbering) -> str | None:
    """Make up a name about half-way between two; between folders rather than in one."""
    middle = _between(first, last, 0.5, numbering, 8)
    folder = _folder(last, first)
    if middle is None or not folder:
        return middle
    middle = "/".join(middle.split("/")[: folder.count("/")])
    return middle if first <= middle < last else folder[:-1] + chr(ord("/") + 1)


def _between(first: str, last: str, way: float, numbering: Numbering, precision: int) -> str | None:
    """Make up a name at a part of the way between two, as short as the precision allows; None if there is none."""
    low, high = numbering.number(first), numbering.number(last)
    name = numbering.name(low + int((high - low) * way), (high - low) // precision)
    return name if first <= name < last else None


def _folder(one: str, other: str) -> str | None:
    """Give the outermost folder that has the second name and not the first; None if there is none."""
    names, others = one.split("/")[:-1], other.split("/")[:-1]
    for depth, name in enumerate(others):
        if depth >= len(names) or names[depth] != name:
            return "/".join(others[: depth + 1]) + "/"
    return None if len(names) <= len(others) else ""


def _gap(page: Sequence[str], numbering: Numbering) -> float:
    """How far names stand apart in a page."""
    return max(1, numbering.number(page[-1]) - numbering.number(page[0])) / (len(page) - 1)


def _learn(numbering: Numbering, pages: Iterable[Sequence[str]]) -> None:
    for page in pages:
        for name in page:
            numbering.learn(name)
