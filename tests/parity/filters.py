"""Filters of tests: conditions such as `a > 1` or `b is null`, as the connector offers them and evaluated on a table."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Json = dict[str, Any]
_COMPARE = {"=": pc.equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Atom:
    """A column compared with a literal, or tested for null."""

    column: str
    op: str
    value: Any = None

    @staticmethod
    def parse(text: str) -> Atom:
        """Read `a > 1`, `a = 'x'`, `a <= DATE '2020-01-01'`, `a < 1.5D`, `a is null` or `a is not null`."""
        tested = re.fullmatch(r"(\w+) is (not )?null", text)
        if tested:
            return Atom(tested[1], "IS_NOT_NULL" if tested[2] else "IS_NULL")
        compared = re.fullmatch(r"(\w+) ?([=<>]+) ?(.+)", text)
        assert compared, text
        literal = compared[3]
        if literal.startswith("DATE"):
            return Atom(compared[1], compared[2], datetime.date.fromisoformat(literal[6:-1]))
        if literal.startswith("'"):
            return Atom(compared[1], compared[2], literal[1:-1])
        return Atom(compared[1], compared[2], float(literal[:-1]) if literal.endswith("D") else int(literal))

    def offered(self, types: Mapping[str, str]) -> Json:
        """The predicate in the connector's form."""
        if self.value is None:
            return {"pred": self.op, "args": [{"col": self.column}]}
        value = (self.value - _EPOCH).days if isinstance(self.value, datetime.date) else self.value
        kind = {"integer": "int", "long": "bigint"}.get(types[self.column], types[self.column])
        return {"pred": self.op, "args": [{"col": self.column}, {"lit": str(value), "type": kind}]}

    def holds(self, table: pa.Table) -> pa.ChunkedArray:
        """For which rows it is true; NaN is above all numbers, as in Spark."""
        column = table[self.column]
        if self.op == "IS_NULL":
            return pc.is_null(column)
        if self.op == "IS_NOT_NULL":
            return pc.is_valid(column)
        made = _COMPARE[self.op](column, pa.scalar(self.value, column.type))
        if pa.types.is_floating(column.type) and self.op in (">", ">="):
            made = pc.or_(made, pc.is_nan(column))
        return pc.fill_null(made, False)


@dataclass(frozen=True)
class Condition:
    """Atoms of which one must hold."""

    atoms: tuple[Atom, ...]

    def offered(self, types: Mapping[str, str]) -> list[Json]:
        """The predicates that Spark makes of it: what a comparison says of nulls comes first."""
        forms = [atom.offered(types) for atom in self.atoms]
        if len(forms) > 1:
            return [{"pred": "OR", "args": forms}]
        (atom,) = self.atoms
        return forms if atom.value is None else [Atom(atom.column, "IS_NOT_NULL").offered(types), *forms]

    def holds(self, table: pa.Table) -> pa.ChunkedArray:
        """For which rows it is true."""
        made = self.atoms[0].holds(table)
        for atom in self.atoms[1:]:
            made = pc.or_(made, atom.holds(table))
        return made


def conditions(where: str | None) -> list[Condition]:
    """Read a filter in SQL; all conditions must hold."""
    parts = where.split(" and ") if where else []
    return [Condition(tuple(Atom.parse(text) for text in part.split(" or "))) for part in parts]
