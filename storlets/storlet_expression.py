"""Evaluates expressions on Arrow columns as Spark does: three-valued logic, NaN equal to itself and above all numbers.

An expression is the tree that the planner emits: {"op": name, "args": […], "type": Spark's name}, {"col": name},
{"lit": value, "type": t}. The planner lets no expression through that could fail on a row.
See https://spark.apache.org/docs/latest/sql-ref-null-semantics.html and
https://spark.apache.org/docs/latest/sql-ref-datatypes.html#nan-semantics.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from csv_kernel import arrow_type

Columns = dict[str, pa.Array]
Tree = dict[str, Any]

#: Operations that a storlet adds; each takes the tree and the values of its arguments.
FUNCTIONS: dict[str, Callable[[Tree, list[Any]], Any]] = {}

#: Days of 400 years, after which the calendar repeats, weekdays included.
CYCLE = 146_097


def columns_of(tree: Tree) -> set[str]:
    """Give the names of the columns that an expression reads."""
    if "col" in tree:
        return {tree["col"]}
    return set().union(*map(columns_of, tree.get("args", [])))


def evaluate(tree: Tree, columns: Columns, rows: int) -> pa.Array:
    """Evaluate an expression for each row.

    Args:
        tree: the expression.
        columns: the columns that it reads, each with `rows` values.
        rows: the number of rows.
    """
    value = _value(tree, columns)
    return pa.repeat(value, rows) if isinstance(value, pa.Scalar) else value


def sort_key(value: pa.Array) -> pa.Array:
    """Give what orders like the value in Spark: floating point as integers, NaN above all; others as they are.

    A NaN of any bits is one NaN here. Negative zero comes before zero: who must not tell them apart looks before.
    """
    if not pa.types.is_floating(value.type):
        return value
    value = pc.if_else(pc.is_nan(value), float("nan"), value.cast(pa.float64()))
    return _turned(value.view(pa.int64()))


def from_sort_key(key: pa.Array, kind: pa.DataType) -> pa.Array:
    """Give the value back, of a type."""
    if not pa.types.is_floating(kind):
        return key
    return _turned(key).view(pa.float64()).cast(kind)


def _turned(bits: pa.Array) -> pa.Array:
    """Of negative numbers, the larger has the smaller bits: turn all but the sign. Does and undoes it."""
    return pc.if_else(pc.less(bits, 0), pc.bit_wise_xor(bits, pa.scalar((1 << 63) - 1)), bits)


def _value(tree: Tree, columns: Columns) -> Any:
    if "col" in tree:
        return columns[tree["col"]]
    if "lit" in tree:
        return pa.scalar(_literal(tree), arrow_type(tree["type"]))
    if tree["op"] == "in":
        return _in(tree["args"], columns)
    if tree["op"] in FUNCTIONS:
        return FUNCTIONS[tree["op"]](tree, [_value(argument, columns) for argument in tree["args"]])
    if tree["op"] in _WITH_LITERALS:
        literals = (argument["lit"] for argument in tree["args"][1:])
        value = _WITH_LITERALS[tree["op"]](_value(tree["args"][0], columns), *literals)
    else:
        value = _OPERATIONS[tree["op"]](*(_value(argument, columns) for argument in tree["args"]))
    kind = arrow_type(tree["type"])
    return value if value.type == kind else value.cast(kind, safe=False)


def _literal(tree: Tree) -> Any:
    value = tree["lit"]
    return Decimal(value) if isinstance(value, str) and pa.types.is_decimal(arrow_type(tree["type"])) else value


def _in(args: list[Tree], columns: Columns) -> Any:
    value, literals = _value(args[0], columns), args[1:]
    if pa.types.is_floating(value.type) or isinstance(value, pa.Scalar):
        return functools.reduce(pc.or_kleene, (_equal(value, _value(one, columns)) for one in literals))
    # As they stand in the request: Python has no dates before the year 1 or after 9999.
    known = [_literal(one) for one in literals if one["lit"] is not None]
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
    if pa.types.is_floating(a.type):
        return pc.or_kleene(_less(a, b), _equal(a, b))
    return pc.less_equal(a, b)


def _null_safe_equal(a: Any, b: Any) -> Any:
    both = pc.and_(pc.is_null(a), pc.is_null(b))
    return pc.or_(both, pc.fill_null(_equal(a, b), False))


def _remainder(a: Any, b: Any) -> Any:
    return pc.subtract(a, pc.multiply(pc.divide(a, b), b))


def _case(*args: Any) -> Any:
    pairs = len(args) // 2
    result = args[-1] if len(args) % 2 else pa.scalar(None, args[1].type)
    for at in reversed(range(pairs)):
        result = pc.if_else(pc.fill_null(args[2 * at], False), args[2 * at + 1], result)
    return result


def _to_long(value: Any) -> Any:
    """Make longs of doubles; the planner's guard is for those that have none."""
    inside = pc.and_(pc.less(value, 2.0**63), pc.greater_equal(value, -(2.0**63)))
    return pc.if_else(inside, value, 0.0).cast(pa.int64(), safe=False)


def _date_part(part: Any) -> Any:
    """Make of a function that knows the years 1 to 9999 one that knows them all."""

    def found(value: Any) -> Any:
        days = value if pa.types.is_date32(value.type) else _days(value)
        days = days.cast(pa.int32()).cast(pa.int64())
        cycles = _floor_divide(days, CYCLE)
        usual = pc.subtract(days, pc.multiply(cycles, CYCLE)).cast(pa.int32()).cast(pa.date32())
        result = part(usual)
        return pc.add(result, pc.multiply(cycles, 400)) if part in (pc.year, pc.iso_year) else result

    return found


def _days(timestamp: Any) -> Any:
    return _floor_divide(timestamp.cast(pa.int64()), 86_400_000_000).cast(pa.int32()).cast(pa.date32())


def _time_part(unit: int, size: int) -> Any:
    def found(timestamp: Any) -> Any:
        units = _floor_divide(timestamp.cast(pa.int64()), unit)
        return pc.subtract(units, pc.multiply(_floor_divide(units, size), size))

    return found


def _floor_divide(a: Any, b: int) -> Any:
    whole = pc.divide(a, b)
    return pc.if_else(pc.greater(pc.multiply(whole, b), a), pc.subtract(whole, 1), whole)


def _parse(text: Any, pattern: str) -> Any:
    """Make text that matches a pattern fit to be cast; other text has no value."""
    return pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, pa.string()))


def _substring(value: Any, position: int, length: int | None = None) -> Any:
    """Spark's substring: from 1 on, 0 is the beginning too, negative from the end."""
    start = position - 1 if position > 0 else position
    if length is not None and length <= 0:
        return pc.if_else(pc.is_null(value), value, pa.scalar("", value.type))
    if length is None or (start < 0 and start + length >= 0):
        return pc.utf8_slice_codeunits(value, start=start)
    return pc.utf8_slice_codeunits(value, start=start, stop=start + length)


def _on_ints(function: Any) -> Any:
    """Make of a function of ints one of dates; what overflows wraps, as in Java."""

    def found(a: Any, b: Any) -> Any:
        return function(a.cast(pa.int32()), b.cast(pa.int32()))

    return found


#: Operations whose further arguments are literals.
_WITH_LITERALS: dict[str, Any] = {
    "starts_with": pc.starts_with,
    "ends_with": pc.ends_with,
    "contains": pc.match_substring,
    "matches": pc.match_substring_regex,
    "parse": _parse,
    "substring": _substring,
    "trim": lambda value, characters=" ": pc.utf8_trim(value, characters),
    "ltrim": lambda value, characters=" ": pc.utf8_ltrim(value, characters),
    "rtrim": lambda value, characters=" ": pc.utf8_rtrim(value, characters),
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
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
    "%": _remainder,
    "&": pc.bit_wise_and,
    "|": pc.bit_wise_or,
    "^": pc.bit_wise_xor,
    "~": pc.bit_wise_not,
    "negate": pc.negate,
    "abs": pc.abs,
    "cast": lambda value: value,
    "case": _case,
    "coalesce": pc.coalesce,
    "greatest": pc.max_element_wise,
    "least": pc.min_element_wise,
    "char_length": pc.utf8_length,
    "is_ascii": pc.string_is_ascii,
    "upper": pc.ascii_upper,
    "lower": pc.ascii_lower,
    "concat": lambda *texts: pc.binary_join_element_wise(*texts, pa.scalar("")),
    "floor": lambda value: _to_long(pc.floor(value)),
    "ceil": lambda value: _to_long(pc.ceil(value)),
    "sqrt": pc.sqrt,
    "date_add": _on_ints(pc.add),
    "date_diff": _on_ints(pc.subtract),
    "to_date": _days,
    "year": _date_part(pc.year),
    "quarter": _date_part(pc.quarter),
    "month": _date_part(pc.month),
    "day": _date_part(pc.day),
    "day_of_year": _date_part(pc.day_of_year),
    "day_of_week": _date_part(lambda date: pc.add(pc.day_of_week(date), 1)),
    "week": _date_part(pc.iso_week),
    "year_of_week": _date_part(pc.iso_year),
    "hour": _time_part(3_600_000_000, 24),
    "minute": _time_part(60_000_000, 60),
}
