"""Which predicates the store evaluates: alone, or as a first sieve whose rows Spark sifts again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from spark_storlets.datasource.expressions import Binder, Call, Column, Expression, Left, Literal

from spark_storlets.errors import UnsupportedError

#: Predicates that Spark's CSV source can get, when they compare a column with literals: translateFilter's.
_EARLY = ("=", "<=>", "<", "<=", ">", ">=", "in", "is_null", "is_not_null", "starts_with", "ends_with", "contains")


@dataclass(frozen=True)
class Predicate:
    """A predicate as the store evaluates it.

    Attributes:
        condition: what the storlet asks of a row.
        exact: it keeps no row that Spark would drop, so that Spark need not ask again.
    """

    condition: Expression
    exact: bool


def bind(offered: Mapping[str, Any], schema: Mapping[str, str | Expression], zone: str = "UTC") -> Predicate:
    """Make a predicate of what Spark offers.

    Args:
        offered: the expression as the connector writes it.
        schema: the table's columns and their types, as Spark's simple names.
        zone: the session's time zone.

    Raises:
        Left: the store would not evaluate it exactly as Spark does.
    """
    binder = Binder(schema, zone)
    condition = binder.bind(offered)
    if condition.type != "boolean":
        raise Left
    if not binder.guards:
        return Predicate(condition, True)
    sure = reduce(lambda a, b: Call("and", (a, b)), binder.guards)
    return Predicate(Call("or", (Call("not", (sure,)), condition)), False)


def shortened(long: Predicate) -> Predicate:
    """Make of a list of values the range that they lie in.

    Raises:
        Left: it is no list of values.
    """
    found = long.condition
    if not isinstance(found, Call) or found.op != "in":
        raise Left
    literals = [one for one in found.args[1:] if isinstance(one, Literal) and one.value is not None]
    if not literals:
        raise Left
    least, largest = min(literals, key=_order), max(literals, key=_order)
    return Predicate(Call("and", (Call(">=", (found.args[0], least)), Call("<=", (found.args[0], largest)))), False)


def _order(literal: Literal) -> Any:
    """Order literals of one type as Spark does: NaN above all numbers, strings by their bytes."""
    value = literal.value
    if isinstance(value, float):
        return value != value, 0.0 if value != value else value
    return value.encode() if isinstance(value, str) else value


def is_early(condition: Expression) -> bool:
    """Tell whether Spark's CSV source gets this predicate, and drops records by it before it looks for errors.

    It gets what DataSourceStrategy.translateFilter can write as a source filter: comparisons of a column with a
    literal, and AND, OR, NOT of them.
    """
    if not isinstance(condition, Call):
        return False
    if condition.op in ("and", "or", "not"):
        return all(map(is_early, condition.args))
    if condition.op not in _EARLY:
        return False
    columns = sum(isinstance(one, Column) for one in condition.args)
    return columns == 1 and all(isinstance(one, Column | Literal) for one in condition.args)


def check_late(offered: Mapping[str, Any]) -> None:
    """Refuse, for FAILFAST, a predicate that Spark's CSV source may get and the store does not evaluate.

    Raises:
        UnsupportedError: records would fail that Spark may drop before.
    """
    args = offered.get("args", [])
    if offered.get("pred") in ("AND", "OR", "NOT"):
        for one in args:
            check_late(one)
    elif all("col" in one or "lit" in one for one in args):
        raise UnsupportedError(
            "mode = FAILFAST with a filter that the store does not evaluate: Spark drops records by some filters "
            "before it looks whether they are malformed. Use another mode, or read the file with spark.read.csv."
        )
