"""Which predicates the store evaluates, decided in three steps: parse what Spark offers, bind it, emit or leave it.

A predicate is accepted only if every part of it is on the list below and the types are exactly equal; everything else
is left to Spark. The forms offered are those of org.apache.spark.sql.connector.expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from spark_storlets.errors import UnsupportedError

#: Column types that the CSV storlet makes.
TYPES = ("int", "bigint", "double", "string", "date")

_COMPARISONS = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "<=>"}
_LOGIC = {"AND": ("and", 2), "OR": ("or", 2), "NOT": ("not", 1)}
_NULL_TESTS = {"IS_NULL": "is_null", "IS_NOT_NULL": "is_not_null"}
_WORDS = {"and": "AND", "or": "OR", "is_null": "IS NULL", "is_not_null": "IS NOT NULL"}


class Left(Exception):
    """This predicate stays with Spark."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: str


@dataclass(frozen=True)
class Literal:
    """A value: int (also a date, in days since 1970-01-01), float, str, or None for NULL."""

    value: int | float | str | None
    type: str


@dataclass(frozen=True)
class Call:
    """An operation of the storlet's on expressions."""

    op: str
    args: tuple[Expression, ...]


Expression = Column | Literal | Call


def bind(offered: Mapping[str, Any], schema: Mapping[str, str]) -> Call:
    """Make a predicate of what Spark offers.

    Args:
        offered: the expression as the connector writes it.
        schema: the table's columns and their types, as Spark's simple names.

    Raises:
        Left: the store would not evaluate it exactly as Spark does.
    """
    name, args = offered.get("pred"), offered.get("args", [])
    if name in _LOGIC and len(args) == _LOGIC[name][1]:
        return Call(_LOGIC[name][0], tuple(bind(argument, schema) for argument in args))
    if name in _NULL_TESTS and len(args) == 1:
        return Call(_NULL_TESTS[name], (_column(args[0], schema),))
    if name in _COMPARISONS and len(args) == 2:
        values = tuple(_value(argument, schema) for argument in args)
        if not any(isinstance(v, Column) for v in values) or values[0].type != values[1].type:
            raise Left
        return Call(_COMPARISONS[name], values)
    if name == "IN" and len(args) > 1:
        column = _column(args[0], schema)
        literals = tuple(_literal(argument) for argument in args[1:])
        if any(one.type != column.type for one in literals):
            raise Left
        return Call("in", (column, *literals))
    raise Left


def _value(offered: Mapping[str, Any], schema: Mapping[str, str]) -> Column | Literal:
    return _column(offered, schema) if "col" in offered else _literal(offered)


def _column(offered: Mapping[str, Any], schema: Mapping[str, str]) -> Column:
    kind = schema.get(offered.get("col", ""))
    if kind not in TYPES:
        raise Left
    return Column(offered["col"], kind)


def _literal(offered: Mapping[str, Any]) -> Literal:
    kind = offered.get("type")
    if "lit" not in offered or kind not in TYPES:
        raise Left
    text = offered["lit"]
    if text is None or kind == "string":
        return Literal(text, kind)
    return Literal(float(text) if kind == "double" else int(text), kind)


def is_early(predicate: Call) -> bool:
    """Tell whether Spark's CSV source gets this predicate, and drops records by it before it looks for errors.

    It gets what DataSourceStrategy.translateFilter can write as a source filter: comparisons of a column with a
    literal, and AND, OR, NOT of them.
    """
    if predicate.op in ("and", "or", "not"):
        return all(isinstance(one, Call) and is_early(one) for one in predicate.args)
    return any(isinstance(one, Literal) for one in predicate.args) or len(predicate.args) == 1


def check_late(offered: Mapping[str, Any]) -> None:
    """Refuse, for FAILFAST, a predicate that Spark's CSV source may get and the store does not evaluate.

    Raises:
        UnsupportedError: records would fail that Spark may drop before.
    """
    args = offered.get("args", [])
    if offered.get("pred") in _LOGIC:
        for one in args:
            check_late(one)
    elif all("col" in one or "lit" in one for one in args):
        raise UnsupportedError(
            "mode = FAILFAST with a filter that the store does not evaluate: Spark drops records by some filters "
            "before it looks whether they are malformed. Use another mode, or read the file with spark.read.csv."
        )


def columns_of(expression: Expression) -> set[str]:
    """Give the names of the columns that an expression reads."""
    if isinstance(expression, Call):
        return set().union(*map(columns_of, expression.args))
    return {expression.name} if isinstance(expression, Column) else set()


@singledispatch
def emit(expression: Expression) -> dict[str, Any]:
    """Write an expression as the storlet reads it."""
    raise TypeError(expression)


@emit.register
def _(expression: Column) -> dict[str, Any]:
    return {"col": expression.name}


@emit.register
def _(expression: Literal) -> dict[str, Any]:
    return {"lit": expression.value, "type": expression.type}


@emit.register
def _(expression: Call) -> dict[str, Any]:
    return {"op": expression.op, "args": [emit(argument) for argument in expression.args]}


@singledispatch
def describe(expression: Expression) -> str:
    """Write an expression for a person, as in EXPLAIN."""
    raise TypeError(expression)


@describe.register
def _(expression: Column) -> str:
    return expression.name


@describe.register
def _(expression: Literal) -> str:
    from datetime import date, timedelta

    if expression.type == "date" and isinstance(expression.value, int):
        try:
            return f"DATE '{date(1970, 1, 1) + timedelta(days=expression.value)}'"
        except OverflowError:
            return f"day {expression.value}"
    if expression.value is None:
        return "NULL"
    return f"'{expression.value}'" if isinstance(expression.value, str) else str(expression.value)


@describe.register
def _(expression: Call) -> str:
    parts = [describe(argument) for argument in expression.args]
    if expression.op == "not":
        return f"NOT ({parts[0]})"
    if expression.op == "in":
        return f"{parts[0]} IN ({', '.join(parts[1:])})"
    if len(parts) == 1:
        return f"{parts[0]} {_WORDS[expression.op]}"
    word = _WORDS.get(expression.op, expression.op)
    text = f" {word} ".join(parts)
    return f"({text})" if word in ("AND", "OR") else text
