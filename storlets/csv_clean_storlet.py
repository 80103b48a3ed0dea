"""A storlet for uploads: CSV of any kind is stored as plain CSV, which every reader understands and splits.

What is stored is UTF-8 without a byte order mark, with commas between fields, quotes only where they are needed (a
quote in a field is doubled, as RFC 4180 says; Spark reads it with escape='"'), a line feed behind each record, and
without empty lines. Every record has as many fields as the first one.

Parameters: encoding (of what is uploaded; utf-8), sep (its separator; ,), trim (true: no spaces around fields), ragged
(what becomes of a record with another number of fields: fail, drop, or fit: cut it or fill it up; fail).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

RAGGED = ("fail", "drop", "fit")
MAX_FIELD = 64 << 20


class CsvCleanStorlet:
    """Rewrites CSV."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, in_files: list[Any], out_files: list[Any], params: dict[str, str]) -> None:
        """Run for the engine.

        Raises:
            ValueError: a parameter cannot be understood, or a record has another number of fields.
        """
        encoding, sep = params.get("encoding", "utf-8"), params.get("sep", ",")
        ragged, trim = params.get("ragged", "fail"), params.get("trim", "false") == "true"
        if ragged not in RAGGED or len(sep) != 1:
            raise ValueError(f"ragged is one of {', '.join(RAGGED)}, and sep one character")
        csv.field_size_limit(MAX_FIELD)
        with open(in_files[0].fileno(), "rb", closefd=False) as data:
            lines = without_mark(io.TextIOWrapper(data, encoding, newline=""))
            records = cleaned(csv.reader(lines, delimiter=sep, strict=True), trim, ragged)
            out_files[0].set_metadata({"Content-Type": "text/csv; charset=utf-8"})
            with open(out_files[0].fileno(), "w", encoding="utf-8", newline="", closefd=False) as output:
                csv.writer(_LineFeeds(output), lineterminator="\r\n").writerows(records)


class _LineFeeds:
    """Ends records by line feeds: csv.writer quotes only those ends of lines that it writes itself.

    Args:
        output: takes the records.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, record: str) -> None:
        """Take a record with \\r\\n behind it."""
        self._output.write(record[:-2] + "\n")


def without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Give lines, the first one without a byte order mark."""
    for number, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if number == 0 else line


def cleaned(records: Iterable[list[str]], trim: bool, ragged: str) -> Iterator[list[str]]:
    """Give the records that are to be stored.

    Raises:
        ValueError: one has not as many fields as the first one.
    """
    width = None
    for number, record in enumerate(filter(None, records), 1):
        fields = [field.strip() for field in record] if trim else record
        width = len(fields) if width is None else width
        if len(fields) == width:
            yield fields
        elif ragged == "fit":
            yield [*fields, *[""] * width][:width]
        elif ragged == "fail":
            raise ValueError(
                f"record {number} has {len(fields)} fields and the first one {width}: {','.join(fields)[:80]!r}"
            )
