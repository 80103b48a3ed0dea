"""Partial aggregates of a split: groups' columns, then one column for each function, which Spark puts together.

A group may be answered in several rows. That is what bounds the memory (too many groups are sent, and begun anew), and
what keeps every partial sum within its type: where rows might not add up in it, they are sent one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from csv_kernel import arrow_type
from pyarrow.acero import _group_by
from storlet_batches import Waiting
from storlet_expression import evaluate, from_sort_key, sort_key

#: Rows that are grouped at once: grouping has a cost for each call.
BATCH_ROWS = 1 << 16
#: Groups that are held at most, and their bytes.
GROUPS = 1 << 17
GROUP_BYTES = 64 << 20
DIGITS = 38
_KNOWN = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
_MERGE = {"count": "sum", "sum": "sum", "min": "min", "max": "max"}


class Function(NamedTuple):
    """A function's column: its name, what it is, of what (nothing: rows), and its type."""

    title: str
    name: str
    argument: dict[str, Any] | None
    type: pa.DataType

    def begin(self, columns: dict[str, pa.Array], rows: int) -> pa.Array:
        """Give each row's part, as if each were a group of its own."""
        if self.argument is None:
            return pa.repeat(pa.scalar(1, pa.int64()), rows)
        value = evaluate(self.argument, columns, rows)
        if self.name == "count":
            return pc.is_valid(value).cast(pa.int64())
        if self.name == "sum":
            return value.cast(self.held)
        return sort_key(value)

    @property
    def held(self) -> pa.DataType:
        """The type in which parts are added up."""
        return pa.decimal128(DIGITS, self.type.scale) if pa.types.is_decimal(self.type) else self.type

    def end(self, part: pa.Array) -> pa.Array:
        """Give the parts in the type of the answer."""
        return part.cast(self.type) if self.name in ("sum", "count") else from_sort_key(part, self.type)

    def adds_up(self, parts: pa.ChunkedArray) -> bool:
        """Tell whether the sum of any of these parts is within its type."""
        if self.name != "sum" or pa.types.is_floating(self.type):
            return True
        ends = pc.min_max(parts)
        largest = max((abs(_unscaled(end)) for end in ends.as_py().values() if end is not None), default=0)
        return largest * len(parts) < (1 << 63 if pa.types.is_integer(self.type) else 10**DIGITS)

    def fits(self, sums: pa.ChunkedArray) -> bool:
        """Tell whether these sums are within the answer's type."""
        if self.name != "sum" or not pa.types.is_decimal(self.type):
            return True
        ends = pc.min_max(sums).as_py().values()
        return all(end is None or abs(_unscaled(end)) < 10**self.type.precision for end in ends)

    def tells_zeros_apart(self, part: pa.Array) -> bool:
        """Tell whether there is a negative zero, which for Spark is equal to zero: the first of them wins."""
        if self.name not in ("min", "max") or not pa.types.is_floating(self.type):
            return False
        return bool(pc.any(pc.equal(part, -1)).as_py())


class Aggregate:
    """Takes the rows of a split and sends partial rows.

    Args:
        request: groups ([[title, expression, type], …]) and functions ([[title, name, expression, type], …]).
        send: takes what is to be sent.

    Attributes:
        schema: of the partial rows.
    """

    def __init__(self, request: dict[str, Any], send: Callable[[pa.Table], None]) -> None:
        self._send = send
        self._groups = [tree for _, tree, _ in request["groups"]]
        self._functions = [
            Function(title, name, of, arrow_type(kind)) for title, name, of, kind in request["functions"]
        ]
        fields = [(title, arrow_type(kind)) for title, _, kind in request["groups"]]
        self.schema = pa.schema(fields + [(f.title, f.type) for f in self._functions])
        # Titles may occur twice; here columns go by their number.
        self._names = [str(i) for i in range(len(self.schema))]
        self._keys = self._names[: len(fields)]
        self._waiting = Waiting(BATCH_ROWS)
        self._held: list[pa.Table] = []

    def take(self, batch: pa.RecordBatch) -> bool:
        """Take rows; there can always be more."""
        if self._waiting.add(batch):
            self._group()
        return True

    def finish(self) -> None:
        """Send what is held. Without groups there is always a row."""
        self._group()
        if not self._keys and not self._held:
            self._held.append(self._aggregated(self._parts([])))
        self._merge()
        self._flush()

    def _group(self) -> None:
        parts = self._parts(self._waiting.taken())
        if not parts.num_rows:
            return
        ordered = any(f.tells_zeros_apart(part) for f, part in zip(self._functions, self._of(parts), strict=True))
        groups = None if ordered else self._sums(parts)
        if groups is None:
            self._flush()
            self._emit(parts)
            return
        self._held.append(groups)
        if self._full(1):
            self._merge()
            if self._full(2):
                self._flush()

    def _full(self, divisor: int) -> bool:
        """Tell whether the groups fill what there is for them, or a part of it."""
        rows, size = sum(table.num_rows for table in self._held), sum(table.nbytes for table in self._held)
        return bool(rows * divisor > GROUPS or size * divisor > GROUP_BYTES)

    def _merge(self) -> None:
        if len(self._held) > 1:
            merged = self._sums(pa.concat_tables(self._held))
            self._held = self._held if merged is None else [merged]

    def _flush(self) -> None:
        for table in self._held:
            self._emit(table)
        self._held.clear()

    def _emit(self, parts: pa.Table) -> None:
        keys = [parts.column(name).combine_chunks() for name in self._keys]
        values = [f.end(part.combine_chunks()) for f, part in zip(self._functions, self._of(parts), strict=True)]
        self._send(pa.Table.from_arrays([*keys, *values], schema=self.schema))

    def _parts(self, batches: list[pa.RecordBatch]) -> pa.Table:
        arrays: list[list[pa.Array]] = [[] for _ in self._names]
        for batch in batches:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for into, tree in zip(arrays, self._groups, strict=False):
                into.append(evaluate(tree, columns, batch.num_rows))
            for into, function in zip(arrays[len(self._keys) :], self._functions, strict=True):
                into.append(function.begin(columns, batch.num_rows))
        types = self._held_types()
        return pa.Table.from_arrays(
            [pa.chunked_array(one, kind) for one, kind in zip(arrays, types, strict=True)], names=self._names
        )

    def _held_types(self) -> list[pa.DataType]:
        keys = [self.schema.field(i).type for i in range(len(self._keys))]
        return keys + [
            f.held if f.name == "sum" else pa.int64() if f.name == "count" or pa.types.is_floating(f.type) else f.type
            for f in self._functions
        ]

    def _of(self, parts: pa.Table) -> list[pa.ChunkedArray]:
        return [parts.column(name) for name in self._names[len(self._keys) :]]

    def _sums(self, parts: pa.Table) -> pa.Table | None:
        """Put the parts of each group together; None where they might not add up in their type."""
        if not all(f.adds_up(part) for f, part in zip(self._functions, self._of(parts), strict=True)):
            return None
        merged = self._aggregated(parts)
        return merged if all(f.fits(s) for f, s in zip(self._functions, self._of(merged), strict=True)) else None

    def _aggregated(self, parts: pa.Table) -> pa.Table:
        prefix = "hash_" if self._keys else ""
        wanted = [
            ([name], prefix + _MERGE[f.name], _KNOWN, name)
            for name, f in zip(self._names[len(self._keys) :], self._functions, strict=True)
        ]
        found = _group_by(parts, wanted, self._keys, use_threads=False).select(self._names)
        if not self._keys and not parts.num_rows:
            zeros = [
                pa.array([0]) if f.name == "count" else pa.nulls(1, t)
                for f, t in zip(self._functions, self._held_types(), strict=True)
            ]
            found = pa.Table.from_arrays(zeros, names=self._names)
        return found.cast(pa.schema(list(zip(self._names, self._held_types(), strict=True))))


def _unscaled(value: int | Decimal) -> int:
    return int("".join(map(str, value.as_tuple().digits))) if isinstance(value, Decimal) else value
