"""The first rows of a split in an order: those among which the first of the whole table must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from storlet_batches import BYTES, Waiting
from storlet_expression import evaluate, sort_key

#: Rows that are sorted at once.
BATCH_ROWS = 1 << 16
#: What is held of them at most.
HELD_BYTES = BYTES // 2


class Top:
    """Takes the rows of a split and sends its first ones.

    Args:
        request: rows (how many) and keys ([[expression, ascending, nulls first], …]).
        schema: of the rows.
        send: takes what is to be sent.
    """

    def __init__(self, request: dict[str, Any], schema: pa.Schema, send: Callable[[pa.Table], None]) -> None:
        self._rows, self._keys = request["rows"], request["keys"]
        self.schema = schema
        self._send = send
        self._waiting = Waiting(BATCH_ROWS + self._rows)

    def take(self, batch: pa.RecordBatch) -> bool:
        """Take rows; there can always be more."""
        if self._waiting.add(batch):
            self._reduce()
        return True

    def finish(self) -> None:
        """Send the first rows."""
        self._send(self._first(self._waiting.taken()))

    def _reduce(self) -> None:
        first = self._first(self._waiting.taken())
        # Rows too long to be held are sent: Spark looks for the first rows of all that it gets.
        if first.nbytes > HELD_BYTES:
            self._send(first)
        else:
            for batch in first.to_batches():
                self._waiting.add(batch)

    def _first(self, batches: list[pa.RecordBatch]) -> pa.Table:
        rows = pa.Table.from_batches(batches, self.schema).combine_chunks()
        columns = {name: one.combine_chunks() for name, one in zip(rows.schema.names, rows.columns, strict=True)}
        keys: dict[str, pa.Array] = {}
        order: list[tuple[str, str]] = []
        for tree, ascending, nulls_first in self._keys:
            value = evaluate(tree, columns, rows.num_rows)
            key = sort_key(value)
            if pa.types.is_floating(value.type):
                key = pc.if_else(pc.equal(key, -1), 0, key)  # negative zero is no less than zero
            null, name = f"null{len(order)}", f"key{len(order)}"
            keys |= {null: pc.is_null(value).cast(pa.int8()), name: key}
            order += [(null, "descending" if nulls_first else "ascending"),
                      (name, "ascending" if ascending else "descending")]  # fmt: skip
        return rows.take(pc.sort_indices(pa.table(keys), sort_keys=order)[: self._rows])
