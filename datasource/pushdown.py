"""What of a query the store does: decided while Spark plans it, and written into the requests when it is planned."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from spark_storlets.datasource import predicates
from spark_storlets.datasource.expressions import Call, Expression, Left, columns_of, describe, emit
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.predicates import Predicate

#: A request travels in headers, of which Swift takes 64 KiB in all; they are base64, and predicates are not alone.
PREDICATE_BYTES = 32 * 1024
Json = dict[str, Any]
Offered = Mapping[str, Any]


class Pushdown:
    """Decides for one table.

    Args:
        options: of the read.
        schema: names and Spark's simple type names of the columns that stand in the objects.
        zone: the session's time zone.
    """

    def __init__(self, options: ReadOptions, schema: Mapping[str, str], zone: str) -> None:
        self._options, self._schema, self._zone = options, schema, zone

    def predicates(self, request: Json) -> Json:
        """Decide which predicates the store evaluates, and which of them Spark need not evaluate again."""
        answer: Json = {"accepted": [], "exact": [], "described": []}
        offered = request["predicates"]
        for index, bound in enumerate(self._fitting(offered)):
            if bound is None or not self._options.push_predicates:
                if self._failing:
                    predicates.check_late(offered[index])
                continue
            answer["accepted"].append(index)
            answer["exact"].append(bound.exact)
            answer["described"].append(describe(bound.condition))
        return answer

    def scan(self, request: Json) -> tuple[Json, set[str]]:
        """Write what was decided as the storlet reads it.

        Returns:
            What the request says of columns and predicates, and the names of all columns that the query needs.
        """
        conditions = [one.condition for one in self._fitting(request["predicates"]) if one]
        columns = request["columns"]
        parts = {
            "columns": columns,
            "predicate": _all(conditions),
            "early": [emit(one) for one in conditions if self._failing and predicates.is_early(one)],
        }
        required = set(columns).union(*map(columns_of, conditions))
        return parts, required

    def _fitting(self, offered: Sequence[Offered]) -> list[Predicate | None]:
        """Bind what the store can evaluate, as long as a request has room; too many values become a range."""
        # Early predicates are written twice.
        room = PREDICATE_BYTES // (2 if self._failing else 1)
        found: list[Predicate | None] = []
        for one in offered:
            try:
                bound = predicates.bind(one, self._schema, self._zone)
                if _size(bound.condition) > room and not self._failing:
                    bound = predicates.shortened(bound)
                if _size(bound.condition) > room:
                    raise Left
                room -= _size(bound.condition)
                found.append(bound)
            except Left:
                found.append(None)
        return found

    @property
    def _failing(self) -> bool:
        """Tell whether it matters at which moment Spark evaluates a predicate: where records can fail."""
        return self._options.csv.mode == "FAILFAST" and self._options.csv.filter_pushdown


def _all(conditions: list[Expression]) -> Json | None:
    return emit(functools.reduce(lambda a, b: Call("and", (a, b)), conditions)) if conditions else None


def _size(expression: Expression) -> int:
    return len(zlib.compress(json.dumps(emit(expression)).encode()))
