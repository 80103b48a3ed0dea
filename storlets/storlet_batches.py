"""Record batches that wait to be worked on together: a call costs some microseconds, however few rows it is for."""

from __future__ import annotations

import pyarrow as pa

#: Rows can be long: what waits is bounded by its bytes too.
BYTES = 16 << 20


class Waiting:
    """Batches, until there are enough of them.

    Args:
        rows: how many rows are enough.
    """

    def __init__(self, rows: int) -> None:
        self._enough = rows
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> bool:
        """Add a batch; tell whether these are enough."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        return self._rows >= self._enough or self._bytes >= BYTES

    def taken(self) -> list[pa.RecordBatch]:
        """Give the batches, and hold none any more."""
        batches, self._batches = self._batches, []
        self._rows = self._bytes = 0
        return batches
