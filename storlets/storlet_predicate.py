"""Evaluates a predicate on Arrow columns as Spark does: three-valued logic, NaN equal to itself and above all numbers.

The predicate is the tree that the planner emits: {"op": name, "args": […]}, {"col": name}, {"lit": value, "type": t}.
Types are those of the CSV storlet. See https://spark.apache.org/docs/latest/sql-ref-null-semantics.html and
https://spark.apache.org/docs/latest/sql-ref-datatypes.html#nan-semantics.
"""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Columns = dict[str, pa.Array]


def columns_of(tree: dict[str, Any]) -> set[str]:
    """Give the names of the columns that a predicate reads."""
    if "col" in tree:
        return {tree["col"]}
    return set().union(*map(columns_of, tree.get("args", [])))


def evaluate(tree: dict[str, Any], columns: Columns, rows: int) -> pa.Array:
    """Evaluate a predicate: true, false or null for each row.

    Args:
        tree: the predicate.
        columns: the columns that it reads, each with `rows` values.
        rows: the number of rows.
    """
    value = _value(tree, columns)
    return pa.repeat(value, rows) if isinstance(value, pa.Scalar) else value


def _value(tree: dict[str, Any], columns: Columns) -> Any:
    if "col" in tree:
        return columns[tree["col"]]
    if "lit" in tree:
        return pa.scalar(tree["lit"], ARROW_TYPES[tree["type"]])
    if tree["op"] == "in":
        return _in(tree["args"], columns)
    return _OPERATIONS[tree["op"]](*(_value(argument, columns) for argument in tree["args"]))


def _in(args: list[dict[str, Any]], columns: Columns) -> Any:
    value, literals = _value(args[0], columns), args[1:]
    if pa.types.is_floating(value.type):
        return functools.reduce(pc.or_kleene, (_equal(value, _value(one, columns)) for one in literals))
    known = [one["lit"] for one in literals if one["lit"] is not None]
    found = pc.is_in(value, pa.array(known, value.type))
    unknown = pc.is_null(value) if len(known) == len(literals) else pc.or_(pc.is_null(value), pc.invert(found))
    return pc.if_else(unknown, pa.scalar(None, pa.bool_()), found)


def _equal(a: Any, b: Any) -> Any:
    if pa.types.is_floating(a.type):
        return pc.or_kleene(pc.equal(a, b), pc.and_kleene(pc.is_nan(a), pc.is_nan(b)))
    return pc.equal(a, b)


def _less(a: Any, b: Any) -> Any:
    if pa.types.is_floating(a.type):
        return pc.or_kleene(pc.less(a, b), pc.and_kleene(pc.is_nan(b), pc.invert(pc.is_nan(a))))
    return pc.less(a, b)


def _less_equal(a: Any, b: Any) -> Any:
    return pc.or_kleene(_less(a, b), _equal(a, b))


def _null_safe_equal(a: Any, b: Any) -> Any:
    both = pc.and_(pc.is_null(a), pc.is_null(b))
    return pc.or_(both, pc.fill_null(_equal(a, b), False))


ARROW_TYPES: dict[str, pa.DataType] = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}

_OPERATIONS: dict[str, Any] = {
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "not": pc.invert,
    "is_null": pc.is_null,
    "is_not_null": pc.is_valid,
    "=": _equal,
    "<": _less,
    "<=": _less_equal,
    ">": lambda a, b: _less(b, a),
    ">=": lambda a, b: _less_equal(b, a),
    "<=>": _null_safe_equal,
}
