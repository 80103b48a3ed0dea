"""Which parts of a predicate the kernel decides: comparisons of a column with a literal, all of which must be true.

It decides most of them on the bytes, before any column is made. See Kernel.filter.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

_OPERATORS = ("=", "<", "<=", ">", ">=")
_KINDS = re.compile(r"tinyint|smallint|int|bigint|double|string|date|decimal\(\d+,\d+\)")


class Comparison(NamedTuple):
    """A column's comparison with a literal, as the kernel takes it."""

    column: str
    type: str
    operator: str
    literal: str


def split(predicate: dict[str, Any] | None, types: Mapping[str, str]) -> tuple[list[Comparison], dict[str, Any] | None]:
    """Split a predicate into comparisons that the kernel makes, and the rest; rows that pass both pass it.

    Args:
        predicate: the tree that the planner emits, or None.
        types: the columns' types.
    """
    if predicate is None:
        return [], None
    parts = list(_anded(predicate))
    made = {at: found for at, part in enumerate(parts) if (found := _comparison(part, types))}
    compared = {found.column for found in made.values()}
    # What is compared is not null if that is true.
    rest = [
        p
        for at, p in enumerate(parts)
        if at not in made and not (p.get("op") == "is_not_null" and _column(p) in compared)
    ]
    if not rest:
        return list(made.values()), None
    tree = rest[0]
    for part in rest[1:]:
        tree = {"op": "and", "args": [tree, part], "type": "boolean"}
    return list(made.values()), tree


def _anded(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for one in tree["args"] for part in _anded(one)] if tree.get("op") == "and" else [tree]


def _column(tree: dict[str, Any]) -> str | None:
    name: str | None = tree["args"][0].get("col")
    return name


def _comparison(tree: dict[str, Any], types: Mapping[str, str]) -> Comparison | None:
    if tree.get("op") not in _OPERATORS:
        return None
    column, literal = _column(tree), tree["args"][1]
    if column is None or "lit" not in literal or literal["type"] != types.get(column):
        return None
    text = _text(literal["lit"], literal["type"])
    return None if text is None else Comparison(column, types[column], tree["op"], text)


def _text(value: Any, kind: str) -> str | None:
    """Write a literal as the kernel reads it; None leaves the comparison to others."""
    if value is None or not _KINDS.fullmatch(kind):
        return None
    if kind == "date":
        ordinal = value + datetime.date(1970, 1, 1).toordinal()
        known = 1 <= ordinal <= datetime.date.max.toordinal()
        return datetime.date.fromordinal(ordinal).isoformat() if known else None
    return f"{Decimal(value):f}" if kind.startswith("decimal") else str(value)
