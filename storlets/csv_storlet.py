"""The CSV storlet: what can be done with a CSV object next to its disk, one split at a time.

A record belongs to the split that holds its first byte. On the object server the input is the object's file, so the
storlet looks back to see whether a record begins at its start, and reads on behind its end until the last record is
whole. Where there is only a pipe (an SLO, on the proxy) the pipe begins a little before the split and goes on to the
object's end; the storlet closes it when it has its last record.

Every request: v, op, csv (Spark's options, as the kernel takes them), header, start, end (of the split; null for the
object's end), and those of storlet_source.open_source.

scan: selection and projection. data_start (offset of the first record, behind byte order mark, header and what is no
    record, or null to find it), aligned (a record begins at `start`), schema ([[name, type], …] of the file), columns
    (names to answer), predicate (or null), early (predicates that Spark evaluates while it parses), mode,
    corrupt_record (name of the column for the text of malformed records, or null), constants ({name: literal}: columns
    that do not stand in the object; or left out), aggregate (see storlet_aggregate,
    or null), top (see storlet_top, or null), limit (how many rows are wanted, or null), names ([[position, name], …]
    that the header must have, or null), fold_case, computed (expressions by the columns that are made of them),
    compress (are the answer's buffers compressed). csv has also now, when the query was planned, in microseconds since
    1970 in UTC.
head: what a planner must know of an object. naming (are the columns' names wanted). Facts: data_start, options (with
    the line separator of a multiLine object); tokens of the line that names the columns (or null), that line (base64).
infer: the types of the columns. columns (how many), names (the line that gave them, base64, or null). Facts: types.
cuts: where records of a multiLine object begin. Facts: outcomes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import csv_filter
import csv_kernel
import pyarrow as pa
import pyarrow.compute as pc
from csv_kernel import Kernel, KernelError, Wanted, arrow_type, tokens
from csv_records import (
    BLOCK,
    Head,
    after_mark,
    blocks,
    data_start,
    first_options,
    first_record,
    naming_line,
    split_begin,
)
from storlet_aggregate import Aggregate
from storlet_batches import Waiting
from storlet_expression import columns_of, evaluate
from storlet_sdk import StorletFailure, TableStorlet, TableWriter
from storlet_source import Source, open_source
from storlet_top import Top

BATCH_ROWS = 1 << 15


class CsvStorlet(TableStorlet):
    """Answers what the request asks of a CSV object."""

    name = "csv_storlet.py"
    version = "2"

    def answer(self, request: dict[str, Any], source: Any, table: TableWriter) -> None:
        """See TableStorlet."""
        data = open_source(source.fileno(), request)
        try:
            _OPERATIONS[request["op"]](request, data, table)
        except KernelError as error:
            raise StorletFailure("unsupported" if error.unsupported else "storlet_failed", str(error)) from error
        finally:
            table.bytes_scanned = data.bytes_read


def scan(request: dict[str, Any], source: Source, table: TableWriter) -> None:
    """Answer what is made of the rows of a split that pass the predicate, with the columns asked for."""
    work = Scan(request)
    made = rows_made(request, work.schema, table)
    table.open(made.schema)
    for scanned, batch in work.batches(source):
        table.rows_scanned += scanned
        if not made.take(batch):
            break
    made.finish()


class RowsMade(Protocol):
    """Makes the answer of the rows found."""

    schema: pa.Schema

    def take(self, batch: pa.RecordBatch) -> bool:
        """Take rows; tell whether more are wanted."""

    def finish(self) -> None:
        """Send what is left."""


def rows_made(request: dict[str, Any], schema: pa.Schema, table: TableWriter) -> RowsMade:
    """Give what makes the answer: aggregates, the first rows in an order, or the rows themselves."""

    def send(rows: pa.Table) -> None:
        for batch in rows.combine_chunks().to_batches():
            table.batch(batch)

    if request["aggregate"]:
        return Aggregate(request["aggregate"], send)
    if request["top"]:
        return Top(request["top"], schema, send)
    return Rows(request["limit"], schema, table)


class Rows:
    """Sends the rows as they are; a batch costs some hundred bytes, whatever is in it, so small ones wait for others.

    Args:
        limit: how many rows at most, or None.
        schema: of the rows.
        table: where they go.
    """

    def __init__(self, limit: int | None, schema: pa.Schema, table: TableWriter) -> None:
        self._limit, self.schema, self._table = limit, schema, table
        self._waiting = Waiting(BATCH_ROWS)

    def take(self, batch: pa.RecordBatch) -> bool:
        """See RowsMade."""
        if self._limit is not None:
            batch = _counted(min(batch.num_rows, self._limit)) if not len(self.schema) else batch[: self._limit]
            self._limit -= batch.num_rows
        if self._waiting.add(batch):
            self.finish()
        return self._limit is None or self._limit > 0

    def finish(self) -> None:
        """See RowsMade."""
        batches = self._waiting.taken()
        rows = sum(batch.num_rows for batch in batches)
        if rows and len(self.schema):
            self._table.batch(pa.Table.from_batches(batches).combine_chunks().to_batches()[0])
        elif rows:
            self._table.batch(_counted(rows))


class Scan:
    """One split's work: which columns, which predicate, which records.

    Args:
        request: see the module.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._types = dict(request["schema"])
        self._corrupt: str | None = (
            request["corrupt_record"] if request["corrupt_record"] in request["columns"] else None
        )
        self._literals: dict[str, Any] = request.get("constants", {})
        # Columns that are made of others, name by name.
        self._computed: dict[str, Any] = {
            n: t for n, t in request.get("computed", {}).items() if n in request["columns"]
        }
        made = {self._corrupt, *self._literals, *self._computed}
        self._output = [name for name in request["columns"] if name not in made]
        arguments = set().union(*map(columns_of, self._computed.values()))
        self._output += [name for name in self._types if name in arguments and name not in self._output]
        self._predicate: dict[str, Any] | None = request["predicate"]
        filtered = columns_of(self._predicate) if self._predicate else set()
        self._comparisons: list[csv_filter.Comparison] = []
        if request["mode"] != "FAILFAST":
            # There, what does not convert counts in records that do not pass, too.
            self._comparisons, self._predicate = csv_filter.split(self._predicate, self._types)
        names = list(self._types)
        # The set of columns that the query needs decides how Spark reads broken records: no more and no less.
        self._required = [name for name in names if name in filtered or name in self._output]
        self._positions = [names.index(name) for name in self._required]
        evaluated = columns_of(self._predicate) if self._predicate else set()
        self._evaluated = self._wanted(name for name in self._required if name in evaluated)
        self._others = self._wanted(name for name in self._output if name not in evaluated)
        fields = {name: arrow_type(self._types[name]) for name in self._output}
        fields |= {name: arrow_type(tree["type"]) for name, tree in (self._literals | self._computed).items()}
        self.schema = pa.schema([(name, fields.get(name, pa.string())) for name in request["columns"]])
        # The kernel's last columns are the answer as they are.
        self._direct = request["mode"] == "PERMISSIVE" and self._others.schema == self.schema

    def batches(self, source: Source) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Give (records scanned, rows that passed) for each block of the split."""
        request, options = self._request, first_options(self._request, source)
        self._check_header(source, options)
        at, at_start = split_begin(request, source, options)
        with Kernel(
            options, columns=len(self._types), required=self._positions, at_start=at_start and not request["header"]
        ) as kernel:
            for records in blocks(kernel, source, at, request["end"]):
                yield records, self._rows(kernel, records)

    def _check_header(self, source: Source, options: dict[str, str]) -> None:
        request = self._request
        # Spark's tokenizer reads the header, and may fail at it, unless lines are only counted.
        counted = not self._required and options.get("column_pruning") == "true"
        if request["start"] == 0 and request["header"] and not counted:
            line = Head(source, options, True).line
            names = tokens(line, options) if line else []
            if names and request["names"]:
                check_names(names, request["names"], len(self._types), request["fold_case"])

    def _rows(self, kernel: Kernel, records: int) -> pa.RecordBatch:
        rows: pa.Array | None = None
        for column, kind, operator, literal in self._comparisons:
            rows = kernel.filter(self._required.index(column), kind, operator, literal, rows)
        made = _named(kernel.columns(self._evaluated, rows)) if len(self._evaluated.schema) else {}
        if self._request["mode"] == "FAILFAST":
            made, rows = self._checked(kernel, made, records)
        if self._predicate is not None:
            count = records if rows is None else len(rows)
            known = {**made, **self._constants(count)}
            passing = pc.indices_nonzero(evaluate(self._predicate, known, count))
            made = {name: made[name].take(passing) for name in made}
            rows = passing if rows is None else rows.take(passing)
        if self._request["mode"] != "FAILFAST":
            others = kernel.columns(self._others, rows)
            if self._direct:
                return others
            made |= _named(others)
        if self._request["mode"] == "DROPMALFORMED":
            sound = pc.invert(kernel.malformed(rows))
            made = {name: made[name].filter(sound) for name in made}
            rows = (pa.array(range(records), pa.uint64()) if rows is None else rows).filter(sound)
        if self._corrupt is not None:
            malformed = kernel.malformed(rows)
            made[self._corrupt] = pc.if_else(malformed, kernel.text(rows), pa.scalar(None, pa.string()))
        if not len(self.schema):
            return _counted(records if rows is None else len(rows))
        count = records if rows is None else len(rows)
        made |= self._constants(count)
        made |= {name: evaluate(tree, made, count) for name, tree in self._computed.items()}
        return pa.record_batch([made[name] for name in self.schema.names], schema=self.schema)

    def _constants(self, rows: int) -> dict[str, pa.Array]:
        return {name: evaluate(literal, {}, rows) for name, literal in self._literals.items()}

    def _wanted(self, names: Iterable[str]) -> Wanted:
        return Wanted((name, self._required.index(name), self._types[name]) for name in names)

    def _checked(self, kernel: Kernel, made: dict[str, pa.Array], records: int) -> tuple[dict[str, pa.Array], pa.Array]:
        """Fail at a malformed record, unless Spark would have dropped it before it saw what is wrong with it.

        While Spark's UnivocityParser converts a record, it evaluates each early predicate as soon as the last of its
        columns has a value. The record is dropped there if it is not true, whatever is wrong with the other columns.
        """
        kept = pa.repeat(pa.scalar(True), records)
        for predicate in self._request["early"]:
            last = max(columns_of(predicate), key=self._required.index)
            passes = pc.fill_null(evaluate(predicate, made, records), False)
            missing = kernel.failed(self._required.index(last))
            kept = pc.and_(kept, pc.or_(passes, missing))
        rows = pc.indices_nonzero(kept)
        made = {name: made[name].take(rows) for name in made}
        made |= _named(kernel.columns(self._others, rows))
        bad = pc.indices_nonzero(kernel.malformed(rows))
        if len(bad):
            text = kernel.text(rows.take(bad[:1]))[0].as_py()
            raise StorletFailure("malformed", f"a record does not fit the schema, and mode is FAILFAST: {text[:80]!r}")
        return made, rows


def _named(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Give a batch's columns by name."""
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _counted(rows: int) -> pa.RecordBatch:
    """Make a batch that has rows but no column."""
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), rows, [None]))


def check_names(found: list[str | None], wanted: list[list[Any]], columns: int, fold: bool) -> None:
    """Fail when a header has not the names of the schema (enforceSchema = false): Spark's CSVHeaderChecker.

    Args:
        found: the header's names.
        wanted: [position, name] of the columns required. Others are not looked at: the tokenizer does not give them.
        columns: how many there are in all.
        fold: upper and lower case are the same.
    """
    if len(wanted) == columns != len(found):
        raise StorletFailure("configuration", f"the header has {len(found)} names and the schema {columns}")
    for position, name in wanted:
        there = found[position] if position < len(found) else None
        if there is None or (there.lower() != name.lower() if fold else there != name):
            raise StorletFailure(
                "configuration", f"the header calls column {position} {there!r} and the schema {name!r}"
            )


def head(request: dict[str, Any], source: Source, table: TableWriter) -> None:
    """Find what a planner must know of an object."""
    options = first_options(request, source)
    table.facts = {"data_start": data_start(source, options, request["header"]), "options": options}
    if request["naming"]:
        begin = after_mark(source, options)
        if "multi_line" in options:
            line = first_record(source, begin, options).text
        else:
            line = naming_line(source, begin, options)
        table.facts |= {"tokens": tokens(line, options) if line else None, "line": base64.b64encode(line).decode()}


def infer(request: dict[str, Any], source: Source, table: TableWriter) -> None:
    """Find the types of all columns, as far as the records of this split tell."""
    options, columns = first_options(request, source), request["columns"]
    line = base64.b64decode(request["line"]) if request["line"] is not None else None
    at, at_start = split_begin(request, source, options)
    types = ["null"] * columns
    with Kernel(
        {**options, "column_pruning": "false"}, columns=columns, required=range(columns), at_start=at_start
    ) as kernel:
        for records in blocks(kernel, source, at, request["end"]):
            rows = None if line is None else pc.indices_nonzero(pc.invert(kernel.lines_equal(line)))
            types = [kernel.infer(slot, so_far, rows) for slot, so_far in enumerate(types)]
            table.rows_scanned += records
    table.facts = {"types": types}


def cuts(request: dict[str, Any], source: Source, table: TableWriter) -> None:
    """Find where the first record of this part of a multiLine object begins, for every state it may begin in."""
    options = first_options(request, source)
    start, end = request["start"], request["end"]
    found, at = csv_kernel.Cuts(options), start
    while at < end:
        source.forget(at)
        data = source.read(at, min(BLOCK, end - at))
        found.feed(data)
        at += len(data)
    table.facts = {
        "outcomes": [
            [before, after, None if offset is None else start + offset] for before, after, offset in found.outcomes()
        ]
    }


_OPERATIONS: dict[str, Callable[[dict[str, Any], Source, TableWriter], None]] = {
    "scan": scan,
    "head": head,
    "infer": infer,
    "cuts": cuts,
}
