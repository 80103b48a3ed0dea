"""What filters on the names of a listing leave of it: ranges of names, which hold a little more at most.

Spark evaluates the filters again, so a range needs no more than to have every name that passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from spark_storlets.partitioner.names import before, behind_prefix

Json = Mapping[str, Any]


class NameRange(NamedTuple):
    """The names n with after < n <= upto; upto None: all behind `after`."""

    after: str
    upto: str | None

    def holds(self, name: str) -> bool:
        """Tell whether a name is one of them."""
        return self.after < name and (self.upto is None or name <= self.upto)


EVERY = NameRange("", None)


def ranges_of(filters: Iterable[Json]) -> list[NameRange]:
    """Give the ranges, in order and apart from each other, that have every name that passes all the filters."""
    found = [EVERY]
    for one in filters:
        found = _both(found, _ranges(one) or [])
    return found


def is_useful(offered: Json) -> bool:
    """Tell whether a filter leaves less than everything."""
    return _ranges(offered) != [EVERY]


def _ranges(offered: Json) -> list[NameRange]:
    name, args = offered.get("pred"), offered.get("args", [])
    if name == "AND":
        return _both(_ranges(args[0]), _ranges(args[1]))
    if name == "OR":
        return _joined([*_ranges(args[0]), *_ranges(args[1])])
    if not args or args[0].get("col") != "name" or any("lit" not in one for one in args[1:]):
        return [EVERY]
    values = [one["lit"] for one in args[1:]]
    if name == "IN":
        return _joined(_range("=", value) for value in values if value is not None)
    if len(values) != 1 or values[0] is None:
        return [EVERY]
    return [_range(str(name), values[0])]


def _range(name: str, value: str) -> NameRange:
    if name in ("=", "<=>"):
        return NameRange(before(value), value)
    if name in ("<", "<="):
        return NameRange("", value)
    if name == ">":
        return NameRange(value, None)
    if name == ">=":
        return NameRange(before(value), None)
    if name == "STARTS_WITH":
        return NameRange(before(value), behind_prefix(value))
    return EVERY


def _both(some: list[NameRange], others: list[NameRange]) -> list[NameRange]:
    met = (NameRange(max(a.after, b.after), _lesser(a.upto, b.upto)) for a in some for b in others)
    return _joined(one for one in met if one.upto is None or one.after < one.upto)


def _joined(ranges: Iterable[NameRange]) -> list[NameRange]:
    """Order ranges and join those that overlap."""
    joined: list[NameRange] = []
    for one in sorted(ranges, key=lambda found: found.after):
        last = joined[-1].upto if joined else ""
        if joined and (last is None or one.after <= last):
            upto = None if last is None or one.upto is None else max(last, one.upto)
            joined[-1] = NameRange(joined[-1].after, upto)
        else:
            joined.append(one)
    return joined


def _lesser(one: str | None, other: str | None) -> str | None:
    return min((end for end in (one, other) if end is not None), default=None)
