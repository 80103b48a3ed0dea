"""What of a query the store does: decided while Spark plans it, and written into the requests when it is planned."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from spark_storlets.datasource import aggregates, predicates
from spark_storlets.datasource.aggregates import Aggregation
from spark_storlets.datasource.expressions import Binder, Call, Expression, Left, columns_of, describe, emit
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.partitions import within
from spark_storlets.datasource.predicates import Predicate
from spark_storlets.datasource.spark_schema import struct_of

from spark_storlets.errors import ConfigurationError

#: A request travels in headers, of which Swift takes 64 KiB in all; they are base64, and predicates are not alone.
PREDICATE_BYTES = 32 * 1024
#: First rows of an order that a storlet keeps at most.
TOP_ROWS = 100_000
Json = dict[str, Any]
Offered = Mapping[str, Any]


class Pushdown:
    """Decides for one table.

    Args:
        options: of the read.
        schema: names and Spark's simple type names of the columns, those of partitions included.
        zone: the session's time zone.
        mode: what becomes of malformed records, as in Spark's CSV reader.
        early: does Spark's own reader evaluate filters while it parses?
        partitions: the columns that do not stand in the objects.
        computed: what columns are made of that do not stand there either.
    """

    def __init__(
        self,
        options: ReadOptions,
        schema: Mapping[str, str],
        zone: str,
        mode: str = "PERMISSIVE",
        early: bool = False,
        partitions: Collection[str] = (),
        computed: Mapping[str, Expression] = MappingProxyType({}),
    ) -> None:
        self._options, self._types, self._zone, self._mode = options, schema, zone, mode
        self._computed, self._schema = computed, {**schema, **computed}
        self._partitions, self._stored = set(partitions), set(schema) - set(partitions)
        # Does it matter at which moment Spark evaluates a predicate? Where records can fail.
        self._failing = mode == "FAILFAST" and early

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

    def aggregate(self, request: Json) -> Json:
        """Decide whether the store aggregates, and give the schema of its partial rows."""
        try:
            # In the other modes a record counts, or fails, by columns that no aggregate reads.
            if not self._options.push_aggregates or self._mode != "PERMISSIVE":
                raise Left
            bound = aggregates.bind(request["aggregate"], self._schema, self._zone)
        except Left:
            return {"accepted": False}
        return {"accepted": True, "schema": struct_of(bound.fields())}

    def rows(self, request: Json) -> Json:
        """Decide whether the store answers only so many rows, the first ones of an order if there is one."""
        try:
            # A task of Spark's own that has its rows does not look whether later records are malformed.
            if not self._options.push_limit or (not request["order"] and self._mode == "FAILFAST"):
                raise Left
            order = self._order(request["order"])
        except Left:
            return {"accepted": False}
        if order and request["limit"] > TOP_ROWS:
            return {"accepted": False}
        words = [
            f"{describe(key)} {'ASC' if up else 'DESC'} NULLS {'FIRST' if first else 'LAST'}"
            for key, up, first in order
        ]
        return {"accepted": True, "described": ", ".join(words)}

    def conditions(self, request: Json) -> list[Expression]:
        """Give all that a row must fulfil, for choosing partitions."""
        offered = [*request["predicates"], *(request.get("runtime") or [])]
        return [one.condition for one in self._fitting(offered if self._options.push_predicates else []) if one]

    def scan(self, request: Json) -> tuple[Json, set[str]]:
        """Write what was decided as the storlet reads it.

        Returns:
            What the request says of columns, predicates and what is made of the rows; and the names of the objects'
            columns that the query needs.

        Raises:
            ConfigurationError: the store could not do now what was decided.
        """
        try:
            return self._scan(request)
        except Left:
            # Spark has left it out of its own plan: without the store nobody would do it.
            raise ConfigurationError(
                "the session's settings, such as its time zone, have changed since this query was planned, and the "
                "store cannot do its part of it as it would mean now: make the DataFrame anew."
            ) from None

    def _scan(self, request: Json) -> tuple[Json, set[str]]:
        wanted, runtime = request["predicates"], request.get("runtime") or []
        runtime = runtime if self._options.push_predicates else []
        found = [one and one.condition for one in self._fitting([*wanted, *runtime])]
        conditions = [one for one in found[: len(wanted)] if one]
        if len(conditions) < len(wanted):
            raise Left
        offered = request.get("aggregate")
        aggregation = aggregates.bind(offered, self._schema, self._zone) if offered else None
        order = self._order(request.get("order") or [])
        columns = _in_order(self._schema, aggregation) if aggregation else request["columns"]
        made = [self._computed[name] for name in columns if name in self._computed]
        required = set(columns).union(*map(columns_of, (*conditions, *made))) - self._partitions
        # Runtime filters only save bytes: they read no other columns, and Spark joins the rows anyway.
        sieves = [one for one in found[len(wanted) :] if one and columns_of(one) & self._stored <= required]
        limit = request.get("limit")
        # What is about partitions only is true of all rows in those that were chosen.
        asked = [one for one in (*conditions, *sieves) if not columns_of(one) or columns_of(one) & self._stored]
        parts = {
            "columns": columns,
            "predicate": _all(asked),
            "early": [emit(one) for one in self._of_objects(conditions) if self._failing and predicates.is_early(one)],
            "aggregate": aggregation.emit() if aggregation else None,
            "top": {"rows": limit, "keys": [[emit(key), *rest] for key, *rest in order]} if order else None,
            "limit": None if order else limit,
        }
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

    def _of_objects(self, conditions: Sequence[Expression]) -> list[Expression]:
        """Give what the conditions say of columns in the objects, which is all that Spark's CSV source gets."""
        return [one for condition in conditions if (one := within(condition, self._stored))]

    def _order(self, offered: Sequence[Offered]) -> list[tuple[Expression, bool, bool]]:
        binder = Binder(self._types, self._zone)  # of rows that are made already
        order = [(binder.bind(one["key"]), one["ascending"], one["nulls_first"]) for one in offered]
        if binder.guards:
            raise Left
        return order


def _all(conditions: list[Expression]) -> Json | None:
    return emit(functools.reduce(lambda a, b: Call("and", (a, b)), conditions)) if conditions else None


def _in_order(schema: Iterable[str], aggregation: Aggregation) -> list[str]:
    read = aggregation.columns()
    return [name for name in schema if name in read]


def _size(expression: Expression) -> int:
    return len(zlib.compress(json.dumps(emit(expression)).encode()))
