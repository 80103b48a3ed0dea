"""The CSV storlet: selection and projection of one split of a CSV object, next to its disk.

A record belongs to the split that holds its first byte. On the object server the input is the object's file, so the
storlet looks one byte back to see whether a record begins at its start, and reads on behind its end until the last
record is whole. Where there is only a pipe (an SLO, on the proxy) the pipe begins one byte before the split and goes
on to the object's end; the storlet closes it when it has its last record.

Request: v, size (bytes of the object), start, end (of the split), data_start (offset of the first record, behind byte
order mark and header, or null to find it), header, sep, schema ([[name, type], …] of the file), columns (names to
answer), predicate (or null).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from csv_kernel import TYPES, Kernel
from storlet_predicate import columns_of, evaluate
from storlet_sdk import StorletFailure, TableStorlet, TableWriter

BLOCK = 1 << 20
TAIL = 1 << 16
BATCH_ROWS = 1 << 15
BOM = b"\xef\xbb\xbf"
BLANK = bytes(range(33))


class CsvStorlet(TableStorlet):
    """Answers the rows of a split that pass the predicate, with the columns asked for."""

    name = "csv_storlet.py"
    version = "1"

    def answer(self, request: dict[str, Any], source: Any, table: TableWriter) -> None:
        """See TableStorlet."""
        scan = Scan(request)
        table.open(scan.schema)
        data = open_source(source.fileno(), request)
        try:
            waiting: list[pa.RecordBatch] = []
            for scanned, batch in scan.batches(data):
                table.rows_scanned += scanned
                waiting.append(batch)
                if sum(b.num_rows for b in waiting) >= BATCH_ROWS:
                    send(waiting, scan.schema, table)
            send(waiting, scan.schema, table)
        finally:
            table.bytes_scanned = data.bytes_read


def send(waiting: list[pa.RecordBatch], schema: pa.Schema, table: TableWriter) -> None:
    """Send the rows that wait as one batch; a batch costs some hundred bytes, whatever is in it."""
    rows = sum(b.num_rows for b in waiting)
    if rows and len(schema):
        table.batch(pa.Table.from_batches(waiting).combine_chunks().to_batches()[0])
    elif rows:
        table.batch(_counted(rows))
    waiting.clear()


class Scan:
    """One split's work: which columns, which predicate, which records.

    Args:
        request: see the module.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        types = dict(request["schema"])
        self._output: list[str] = request["columns"]
        self._predicate: dict[str, Any] | None = request["predicate"]
        filtered = columns_of(self._predicate) if self._predicate else set()
        names = list(types)
        # The set of columns that the query needs decides how Spark reads broken records: no more and no less.
        self._required = [name for name in names if name in filtered or name in self._output]
        self._positions = [names.index(name) for name in self._required]
        self._types, self._filtered = types, filtered
        self.schema = pa.schema([(name, TYPES[types[name]]) for name in self._output])

    def batches(self, source: Source) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Give (records scanned, rows that passed) for each block of the split."""
        request, end = self._request, self._request["end"]
        at, first = self._first_record(source)
        with Kernel(
            {"sep": request["sep"]},
            columns=len(self._types),
            required=self._positions,
            at_start=first and not request["header"],
        ) as kernel:
            held = b""
            while at < end:
                behind = at + len(held)
                size = min(BLOCK, end - behind) if behind < end else max(TAIL, len(held))
                held += source.read(behind, size)
                last = at + len(held) >= request["size"]
                found = kernel.scan(held, 0, len(held), limit=end - at, last=last)
                if found.records:
                    yield found.records, self._rows(kernel, found.records)
                at += found.consumed
                held = held[found.consumed :]
                if last:
                    break

    def _first_record(self, source: Source) -> tuple[int, bool]:
        """Give the offset of the first record at or after the split's start, and whether it is the object's first."""
        start, data_start = self._request["start"], self._request["data_start"]
        if data_start is None:
            data_start = after_header(source) if self._request["header"] else after_mark(source)
        return (data_start, True) if start <= data_start else (line_end(source, start - 1), False)

    def _rows(self, kernel: Kernel, records: int) -> pa.RecordBatch:
        made: dict[str, pa.Array] = {}
        rows: pa.Array | None = None
        if self._predicate is not None:
            for name in self._filtered:
                made[name] = kernel.column(self._required.index(name), self._types[name])
            rows = pc.indices_nonzero(evaluate(self._predicate, made, records))
        if not self._output:
            return _counted(records if rows is None else len(rows))
        columns = []
        for name in self._output:
            if name not in made:
                columns.append(kernel.column(self._required.index(name), self._types[name], rows))
            else:
                columns.append(made[name].take(rows))
        return pa.record_batch(columns, schema=self.schema)


def _counted(rows: int) -> pa.RecordBatch:
    """Make a batch that has rows but no column."""
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), rows, [None]))


def line_end(source: Source, at: int) -> int:
    """Give the offset behind the first line end at or after `at`, or the object's end."""
    while piece := source.read(at, TAIL):
        ends = [i for i in (piece.find(b"\n"), piece.find(b"\r")) if i >= 0]
        if ends:
            return at + min(ends) + 1
        at += len(piece)
    return at


def after_mark(source: Source) -> int:
    """Give the offset behind the byte order mark, if there is one."""
    return len(BOM) if source.read(0, len(BOM)) == BOM else 0


def after_header(source: Source) -> int:
    """Give the offset behind the header: the first line that is not blank. The object's end if there is none."""
    at = after_mark(source)
    while piece := source.read(at, TAIL):
        text = piece.lstrip(BLANK)
        at += len(piece) - len(text)
        if text:
            return line_end(source, at)
    return at


class Source:
    """The object's bytes, read at rising offsets.

    Args:
        fd: where to read.
        size: the object's size that was planned.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self._size = fd, size
        self.bytes_read = 0

    def read(self, at: int, size: int) -> bytes:
        """Read up to size bytes at an offset; fewer only at the object's end."""
        raise NotImplementedError


class FileSource(Source):
    """The object's own file, on its object server."""

    def read(self, at: int, size: int) -> bytes:
        """See Source."""
        data = os.pread(self._fd, size, at)
        self.bytes_read += len(data)
        if len(data) < min(size, self._size - at):
            raise StorletFailure("incomplete", f"the object's file ends at byte {at + len(data)} of {self._size}")
        return data


class PipeSource(Source):
    """A stream of the object that begins at `begin`; what was read last is kept, to look at it again."""

    def __init__(self, fd: int, size: int, begin: int) -> None:
        super().__init__(fd, size)
        self._kept, self._kept_at = b"", begin

    def read(self, at: int, size: int) -> bytes:
        """See Source."""
        if at < self._kept_at:
            raise StorletFailure("storlet_failed", f"byte {at} of a stream that is at {self._kept_at} already")
        end = min(at + size, self._size)
        while (behind := self._kept_at + len(self._kept)) < end:
            if behind <= at:
                self._kept, self._kept_at = b"", behind
            data = os.read(self._fd, max(TAIL, end - behind))
            if not data:
                raise StorletFailure("incomplete", f"the object's stream ends at byte {behind} of {self._size}")
            self.bytes_read += len(data)
            self._kept += data
        self._kept, self._kept_at = self._kept[at - self._kept_at :], at
        return self._kept[: max(0, end - at)]


def open_source(fd: int, request: dict[str, Any]) -> Source:
    """Take the engine's input for what it is: the object's file or a pipe.

    Raises:
        StorletFailure: the file is not as long as the object that was planned.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return PipeSource(fd, request["size"], max(0, request["start"] - 1))
    if status.st_size != request["size"]:
        raise StorletFailure(
            "changed",
            f"the object has {status.st_size} bytes now and had {request['size']} when the query was planned: "
            "run the query again",
        )
    return FileSource(fd, request["size"])
