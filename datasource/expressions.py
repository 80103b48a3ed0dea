"""Expressions that the store evaluates: what Spark offers is bound to the table's columns, or left to Spark.

An expression is bound only if every part of it is on the lists below and its types fit exactly. Where Spark may raise
an error on a row (an integer that overflows) or the store knows only a part of the answer (upper case beyond ASCII), a
guard says for which rows the store's value is Spark's own. A predicate with guards drops rows, but none that its guards
do not vouch for, and Spark evaluates it again on the rest.

The forms offered are those of org.apache.spark.sql.connector.expressions; see GeneralScalarExpression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import singledispatch
from typing import Any

Json = Mapping[str, Any]

#: Integral types and the values that they hold.
INTEGERS = {kind: (-(1 << bits), (1 << bits) - 1) for kind, bits in
            {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}.items()}  # fmt: skip
FLOATS = ("float", "double")
_ORDERED = (*INTEGERS, *FLOATS, "string", "date", "timestamp", "timestamp_ntz")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
DECIMAL_DIGITS = 38
_UTC = ("UTC", "GMT", "Z", "Etc/UTC", "+00:00")


class Left(Exception):
    """This expression stays with Spark."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: str


@dataclass(frozen=True)
class Literal:
    """A value: a date in days since 1970-01-01, a timestamp in microseconds, or None for NULL."""

    value: bool | int | float | str | Decimal | None
    type: str


@dataclass(frozen=True)
class Call:
    """An operation of the storlet's on expressions."""

    op: str
    args: tuple[Expression, ...]
    type: str = "boolean"


@dataclass(frozen=True)
class ModuleCall(Call):
    """A function of a module that a storlet brings along, on expressions."""

    function: str = ""


Expression = Column | Literal | Call


@dataclass
class Binder:
    """Binds expressions of one table.

    Args:
        schema: the columns' names and types, as Spark's simple names; or what a column is made of.
        zone: the session's time zone.

    Attributes:
        guards: what must be true of a row for the store to evaluate on it all that was bound.
    """

    schema: Mapping[str, str | Expression]
    zone: str = "UTC"
    guards: list[Call] = field(default_factory=list)

    def bind(self, offered: Json) -> Expression:
        """Bind what Spark offers.

        Raises:
            Left: the store would not evaluate it exactly as Spark does.
        """
        if "col" in offered:
            return self._column(offered["col"])
        if "lit" in offered:
            return literal(offered)
        if "cast" in offered:
            return self._cast(self.bind(offered["cast"]), offered["to"])
        if "extract" in offered:
            return self._extract(offered["extract"], self.bind(offered["from"]))
        args = tuple(self.bind(argument) for argument in offered.get("args", ()))
        if "pred" in offered:
            return self._predicate(offered["pred"], args)
        return self._function(offered.get("expr", ""), args)

    def _column(self, name: str) -> Expression:
        kind = self.schema.get(name)
        if isinstance(kind, Column | Literal | Call):
            return kind
        if kind is None or not (kind in ("boolean", "binary", *_ORDERED) or _DECIMAL.fullmatch(kind)):
            raise Left
        return Column(name, kind)

    def _cast(self, value: Expression, to: str) -> Expression:
        if to == "date" and (value.type == "timestamp_ntz" or (value.type == "timestamp" and self.zone in _UTC)):
            return Call("to_date", (value,), to)
        if value.type == "string" and to in _PLAIN:
            pattern = Literal(_PLAIN[to], "string")
            self.guards.append(Call("matches", (value, pattern)))
            return Call("parse", (value, pattern), to)
        return cast(value, to)

    def _predicate(self, name: str, args: tuple[Expression, ...]) -> Expression:
        if name in ("ALWAYS_TRUE", "ALWAYS_FALSE"):
            return Literal(name == "ALWAYS_TRUE", "boolean")
        if name in _LOGIC and len(args) == _LOGIC[name] and _types(args) == {"boolean"}:
            return Call(name.lower(), args)
        if name in _NULL_TESTS and len(args) == 1:
            return Call(name.lower(), args)
        if name in _COMPARISONS and len(args) == 2 and _comparable(name, args):
            return Call(name, args)
        if name == "IN" and len(args) > 1 and _comparable(name, args):
            if not all(isinstance(one, Literal) for one in args[1:]):
                raise Left
            return Call("in", args)
        if name == "IN" and len(args) == 1:
            return Literal(False, "boolean")  # a runtime filter of an empty table
        if name in _STRING_TESTS and len(args) == 2 and _types(args) == {"string"} and _known(args[1]):
            return Call(name.lower(), args)
        if name == "CASE_WHEN":
            return _case(args)
        raise Left

    def _function(self, name: str, args: tuple[Expression, ...]) -> Expression:
        if name in ("+", "-", "*", "/", "%", "&", "|", "^", "~", "ABS"):
            return self._arithmetic(name, args)
        if name in ("UPPER", "LOWER") and _types(args) == {"string"} and len(args) == 1:
            # Beyond ASCII the answer depends on the version of Unicode.
            self.guards.append(Call("is_ascii", args))
            return Call(name.lower(), args, "string")
        if name in ("FLOOR", "CEIL") and _types(args) == {"double"} and len(args) == 1:
            # Where there is no such long, ANSI has an error.
            self.guards += [
                Call(">=", (*args, Literal(-(2.0**63), "double"))),
                Call("<", (*args, Literal(2.0**63, "double"))),
            ]
            return Call(name.lower(), args, "bigint")
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](args)
        raise Left

    def _arithmetic(self, name: str, args: tuple[Expression, ...]) -> Expression:
        op = "negate" if name == "-" and len(args) == 1 else name.lower()
        if len(args) != (1 if op in ("negate", "~", "abs") else 2):
            raise Left
        if _is_decimal(*args):
            return _decimal_arithmetic(op, args)
        if len(_types(args)) != 1:
            raise Left
        kind = args[0].type
        if kind in FLOATS:
            # There are no errors in floating point, but for a division by zero.
            if op in ("+", "-", "*", "negate", "abs") or (op == "/" and kind == "double" and _not_zero(args[1])):
                return Call(op, args, kind)
            raise Left
        if kind not in INTEGERS or op == "/":
            raise Left
        call = Call(op, args, kind)
        if op == "%" and (not isinstance(args[1], Literal) or args[1].value in (None, 0, -1)):
            raise Left
        if not _within(_bounds(call), INTEGERS[kind]):
            self._guard_overflow(call)
        return call

    def _guard_overflow(self, call: Call) -> None:
        if call.type == "bigint":
            raise Left  # there is nothing wider to see the overflow in
        wide = Call(call.op, tuple(cast(argument, "bigint") for argument in call.args), "bigint")
        least, largest = (Literal(bound, "bigint") for bound in INTEGERS[call.type])
        self.guards += [Call(">=", (wide, least)), Call("<=", (wide, largest))]

    def _extract(self, part: str, source: Expression) -> Call:
        if part in _DATE_PARTS and source.type in ("date", "timestamp", "timestamp_ntz"):
            fits = source.type != "timestamp" or self.zone in _UTC
        else:
            fits = part in _TIME_PARTS and (source.type == "timestamp_ntz" or self.zone in _UTC)
            fits = fits and source.type in ("timestamp", "timestamp_ntz")
        if not fits:
            raise Left
        return Call(part.lower(), (source,), "int")


def literal(offered: Json) -> Literal:
    """Read a literal as the connector writes it.

    Raises:
        Left: it is of a type that the store does not know.
    """
    text, kind = offered["lit"], offered["type"]
    if text is None and (kind in ("boolean", *_ORDERED) or _DECIMAL.fullmatch(kind)):
        return Literal(None, kind)
    if kind == "boolean":
        return Literal(text == "true", kind)
    if kind == "string":
        return Literal(text, kind)
    if kind in FLOATS:
        return Literal(float(text), kind)
    if _DECIMAL.fullmatch(kind):
        return Literal(Decimal(text), kind)
    if kind in _ORDERED:
        return Literal(int(text), kind)
    raise Left


def cast(value: Expression, to: str) -> Expression:
    """Cast where every value has exactly one image, and none is an error.

    Raises:
        Left: Spark may raise, or its text is not known to be the store's.
    """
    if to == value.type:
        return value
    of = value.type
    if of in INTEGERS:
        kinds = list(INTEGERS)
        wider = to in INTEGERS and kinds.index(of) < kinds.index(to)
        if wider or to in ("double", "string") or (to == "float" and of in ("tinyint", "smallint")):
            return Call("cast", (value,), to)
        digits = _digits(to)
        if digits and digits[0] - digits[1] >= len(str(INTEGERS[of][1])):
            return Call("cast", (value,), to)
    if (of, to) in (("float", "double"), ("boolean", "string")):
        return Call("cast", (value,), to)
    before, after = _digits(of), _digits(to)
    if before and after and after[1] >= before[1] and after[0] - after[1] >= before[0] - before[1]:
        return Call("cast", (value,), to)
    raise Left


def _digits(kind: str) -> tuple[int, int] | None:
    found = _DECIMAL.fullmatch(kind)
    return (int(found[1]), int(found[2])) if found else None


def _decimal_arithmetic(op: str, args: tuple[Expression, ...]) -> Call:
    """Spark's result types, where it keeps all digits: org.apache.spark.sql.catalyst.analysis.DecimalPrecision."""
    sizes = [_digits(argument.type) or (0, 0) for argument in args]
    if op in ("negate", "abs"):
        return Call(op, args, args[0].type)
    (p1, s1), (p2, s2) = sizes
    if op == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif op in ("+", "-"):
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
    else:
        raise Left
    if precision > DECIMAL_DIGITS:
        raise Left
    return Call(op, args, f"decimal({precision},{scale})")


def _bounds(value: Expression) -> tuple[int, int]:
    """The least and the largest value that an integral expression can have."""
    whole = INTEGERS.get(value.type, INTEGERS["bigint"])
    if isinstance(value, Literal) and isinstance(value.value, int):
        return value.value, value.value
    if isinstance(value, Column) or not isinstance(value, Call):
        return whole
    if value.op in _PART_BOUNDS:
        return _PART_BOUNDS[value.op]
    if value.op == "char_length":
        return 0, INTEGERS["int"][1]
    if value.op == "parse":
        return 1 - 10 ** _DIGITS[value.type], 10 ** _DIGITS[value.type] - 1
    if value.op == "cast" and value.args[0].type in INTEGERS:
        return _bounds(value.args[0])
    inner = [_bounds(argument) for argument in value.args if argument.type in INTEGERS]
    if value.op in ("+", "-", "*"):
        (a, b), (c, d) = inner
        ends = {"+": (a + c, b + d), "-": (a - d, b - c), "*": (a * c, a * d, b * c, b * d)}[value.op]
        return min(ends), max(ends)
    if value.op == "negate":
        return -inner[0][1], -inner[0][0]
    if value.op == "abs":
        return 0, max(map(abs, inner[0]))
    if value.op == "%":
        largest = max(map(abs, inner[1])) - 1
        return (-largest if inner[0][0] < 0 else 0), largest
    return whole


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _types(args: tuple[Expression, ...]) -> set[str]:
    return {argument.type for argument in args}


def _is_decimal(*args: Expression) -> bool:
    return bool(args) and all(_digits(argument.type) for argument in args)


def _known(value: Expression) -> bool:
    return isinstance(value, Literal) and value.value is not None


def _not_zero(value: Expression) -> bool:
    return isinstance(value, Literal) and value.value is not None and value.value != 0


def _comparable(name: str, args: tuple[Expression, ...]) -> bool:
    kinds = _types(args)
    ordered = len(kinds) == 1 and (min(kinds) in _ORDERED or _is_decimal(args[0]))
    return ordered or (kinds == {"boolean"} and name in ("=", "<=>"))


def _case(args: tuple[Expression, ...]) -> Call:
    conditions, values = args[: len(args) // 2 * 2 : 2], args[1::2]
    values += args[len(args) // 2 * 2 :]
    if not values or len(_types(values)) != 1 or _types(conditions) != {"boolean"}:
        raise Left
    return Call("case", args, values[0].type)


def _coalesce(args: tuple[Expression, ...]) -> Call:
    if len(_types(args)) != 1:
        raise Left
    return Call("coalesce", args, args[0].type)


def _extreme(op: str) -> Callable[[tuple[Expression, ...]], Call]:
    def bound(args: tuple[Expression, ...]) -> Call:
        if len(args) < 2 or len(_types(args)) != 1 or args[0].type not in (*INTEGERS, "date"):
            raise Left
        return Call(op, args, args[0].type)

    return bound


def _char_length(args: tuple[Expression, ...]) -> Call:
    if _types(args) != {"string"} or len(args) != 1:
        raise Left
    return Call("char_length", args, "int")


def _concat(args: tuple[Expression, ...]) -> Call:
    if _types(args) != {"string"}:
        raise Left
    return Call("concat", args, "string")


def _substring(args: tuple[Expression, ...]) -> Call:
    numbers = args[1:]
    if len(args) not in (2, 3) or args[0].type != "string" or not all(map(_known, numbers)):
        raise Left
    if _types(numbers) != {"int"}:
        raise Left
    return Call("substring", args, "string")


def _trim(op: str) -> Callable[[tuple[Expression, ...]], Call]:
    def bound(args: tuple[Expression, ...]) -> Call:
        if _types(args) != {"string"} or len(args) > 2 or not all(map(_known, args[1:])):
            raise Left
        return Call(op, args, "string")

    return bound


def _sqrt(args: tuple[Expression, ...]) -> Call:
    if len(args) != 1 or args[0].type != "double":
        raise Left
    return Call("sqrt", args, "double")


def _date_sum(op: str, second: str, result: str) -> Callable[[tuple[Expression, ...]], Call]:
    def bound(args: tuple[Expression, ...]) -> Call:
        if len(args) != 2 or args[0].type != "date" or args[1].type != second:
            raise Left
        return Call(op, args, result)

    return bound


_LOGIC = {"AND": 2, "OR": 2, "NOT": 1}
_NULL_TESTS = ("IS_NULL", "IS_NOT_NULL")
_COMPARISONS = ("=", "<=>", "<", "<=", ">", ">=")
_STRING_TESTS = ("STARTS_WITH", "ENDS_WITH", "CONTAINS")
_PART_BOUNDS = {
    "year": (-6_000_000, 6_000_000),
    "year_of_week": (-6_000_000, 6_000_000),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "day_of_week": (1, 7),
    "hour": (0, 23),
    "minute": (0, 59),
}
#: So many digits always make a value of the type.
_DIGITS = {"tinyint": 2, "smallint": 4, "int": 9, "bigint": 18}
#: Texts of which it is beyond doubt what a cast makes of them; of others it may make an error.
_PLAIN = {
    **{kind: f"^-?[0-9]{{1,{digits}}}$" for kind, digits in _DIGITS.items()},
    "double": "^-?[0-9]{1,15}([.][0-9]{1,15})?$",
    "date": "^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$",
}
_DATE_PARTS = ("YEAR", "QUARTER", "MONTH", "DAY", "DAY_OF_YEAR", "DAY_OF_WEEK", "WEEK", "YEAR_OF_WEEK")
_TIME_PARTS = ("HOUR", "MINUTE")
_FUNCTIONS: Mapping[str, Callable[[tuple[Expression, ...]], Call]] = {
    "CASE_WHEN": _case,
    "COALESCE": _coalesce,
    "GREATEST": _extreme("greatest"),
    "LEAST": _extreme("least"),
    "CHAR_LENGTH": _char_length,
    "SUBSTRING": _substring,
    "TRIM": _trim("trim"),
    "LTRIM": _trim("ltrim"),
    "RTRIM": _trim("rtrim"),
    "CONCAT": _concat,
    "SQRT": _sqrt,
    # Spark adds days as Java adds ints, without a look at overflow.
    "DATE_ADD": _date_sum("date_add", "int", "date"),
    "DATE_DIFF": _date_sum("date_diff", "date", "int"),
}


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
    value = expression.value
    return {"lit": str(value) if isinstance(value, Decimal) else value, "type": expression.type}


@emit.register
def _(expression: Call) -> dict[str, Any]:
    return {"op": expression.op, "args": [emit(argument) for argument in expression.args], "type": expression.type}


@emit.register
def _(expression: ModuleCall) -> dict[str, Any]:
    arguments = [emit(argument) for argument in expression.args]
    return {"op": expression.op, "args": arguments, "type": expression.type, "function": expression.function}


@singledispatch
def describe(expression: Expression) -> str:
    """Write an expression for a person, as in EXPLAIN."""
    raise TypeError(expression)


@describe.register
def _(expression: Column) -> str:
    return expression.name


@describe.register
def _(expression: Literal) -> str:
    value, kind = expression.value, expression.type
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    try:
        if kind == "date" and isinstance(value, int):
            return f"DATE '{date(1970, 1, 1) + timedelta(days=value)}'"
        if kind.startswith("timestamp") and isinstance(value, int):
            at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=value)
            return f"{kind.upper()} '{at.replace(tzinfo=None) if kind == 'timestamp_ntz' else at}'"
    except OverflowError:
        return f"{kind} {value}"
    return f"'{value}'" if isinstance(value, str) else str(value)


@describe.register
def _(expression: Call) -> str:
    parts = [describe(argument) for argument in expression.args]
    op = expression.op
    if op == "not":
        return f"NOT ({parts[0]})"
    if op == "in":
        return f"{parts[0]} IN ({', '.join(parts[1:])})"
    if op in ("is_null", "is_not_null"):
        return f"{parts[0]} {op.replace('_', ' ').upper()}"
    if op == "cast":
        return f"CAST({parts[0]} AS {expression.type})"
    if op in ("and", "or"):
        return f"({f' {op.upper()} '.join(parts)})"
    if op in _COMPARISONS:
        return f"{parts[0]} {op} {parts[1]}"
    if len(parts) == 2 and not op[0].isalpha():
        return f"({parts[0]} {op} {parts[1]})"
    return f"{'-' if op == 'negate' else op}({', '.join(parts)})"


@describe.register
def _(expression: ModuleCall) -> str:
    return f"{expression.function}({', '.join(map(describe, expression.args))})"
