"""Aggregates that the store makes of each split, and Spark of their parts: the whole list, or none of it.

The store answers partial rows: the group's columns, then one column for each function. Spark adds up the counts and
sums, and takes the least and the largest of the extremes. So the store may answer several rows for one group, and does
where its memory, or the type of a sum, would not hold them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_storlets.datasource.expressions import (
    FLOATS,
    INTEGERS,
    Binder,
    Expression,
    Left,
    columns_of,
    describe,
    emit,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """One aggregate function: count, sum, min or max of an argument, or count of rows (no argument)."""

    name: str
    argument: Expression | None
    type: str

    @property
    def title(self) -> str:
        """The column's name."""
        return f"{self.name}({describe(self.argument) if self.argument else '*'})"


@dataclass(frozen=True)
class Aggregation:
    """What is grouped by, and what is made of each group."""

    groups: tuple[Expression, ...]
    functions: tuple[Function, ...]

    def columns(self) -> set[str]:
        """Give the names of the columns that are read for it."""
        arguments = [function.argument for function in self.functions if function.argument]
        return set().union(*map(columns_of, (*self.groups, *arguments)))

    def fields(self) -> list[tuple[str, str]]:
        """Give names and types of the partial rows' columns."""
        return [(describe(one), one.type) for one in self.groups] + [(f.title, f.type) for f in self.functions]

    def emit(self) -> Json:
        """Write it as the storlet reads it."""
        return {
            "groups": [[describe(one), emit(one), one.type] for one in self.groups],
            "functions": [[f.title, f.name, emit(f.argument) if f.argument else None, f.type] for f in self.functions],
        }


def bind(offered: Mapping[str, Any], schema: Mapping[str, str | Expression], zone: str) -> Aggregation:
    """Make an aggregation of what Spark offers.

    Args:
        offered: groups, functions, and averages: those functions that Spark has split into sum and count.
        schema: the table's columns and their types.
        zone: the session's time zone.

    Raises:
        Left: the partial rows would not give Spark's own answer.
    """
    binder = Binder(schema, zone)
    for average in offered["averages"]:
        # Spark's own AVG of these adds up in a wider type than SUM does.
        if any(binder.bind(one).type not in (*FLOATS, "tinyint", "smallint", "int") for one in average["args"]):
            raise Left
    groups = tuple(binder.bind(one) for one in offered["groups"])
    functions = tuple(_function(one, binder) for one in offered["functions"])
    if binder.guards:
        raise Left
    return Aggregation(groups, functions)


def _function(offered: Mapping[str, Any], binder: Binder) -> Function:
    name, args = offered.get("agg"), offered.get("args", ())
    if offered.get("distinct"):
        raise Left
    if name == "COUNT_STAR":
        return Function("count", None, "bigint")
    if len(args) != 1:
        raise Left
    argument = binder.bind(args[0])
    if name == "COUNT":
        return Function("count", argument, "bigint")
    if name in ("MIN", "MAX"):
        return Function(name.lower(), argument, argument.type)
    if name == "SUM":
        return Function("sum", argument, _sum_type(argument.type))
    raise Left


def _sum_type(kind: str) -> str:
    if kind in INTEGERS:
        return "bigint"
    if kind in FLOATS:
        return "double"
    if kind.startswith("decimal"):
        # Spark casts partial sums of decimals back to the type of what is summed.
        return kind
    raise Left
