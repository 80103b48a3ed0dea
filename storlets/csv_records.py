"""Where the records of a CSV object begin: byte order mark, header, lines, blocks of whole records.

Numbers in brackets, such as [1.15], are rules of docs/csv.md.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from csv_kernel import Kernel
from storlet_sdk import StorletFailure
from storlet_source import PIECE, Source

BLOCK = 1 << 20
UNSPLIT = 1 << 62

#: univocity looks so many characters far for the first line end of a multiLine object [2.2].
DETECTION_CHARS = 1 << 20


def blocks(kernel: Kernel, source: Source, at: int, end: int | None) -> Iterator[int]:
    """Scan the records that begin at `at` or later and before `end`; give how many there are in each block."""
    buffer, held, end, size = memoryview(bytearray(BLOCK + PIECE)), 0, UNSPLIT if end is None else end, BLOCK
    while at < end:
        behind = at + held
        source.forget(behind)
        wanted = min(size, end - behind) if behind < end else max(PIECE, held)
        if held + wanted > len(buffer):
            larger = memoryview(bytearray(held + wanted))
            larger[:held] = buffer[:held]
            buffer = larger
        held += source.read_into(behind, buffer[held : held + wanted])
        last = source.ends(at + held)
        found = kernel.scan(buffer, 0, held, limit=min(end - at, held), last=last)
        if found.records:
            yield found.records
        at += found.consumed
        buffer[: held - found.consumed] = buffer[found.consumed : held]
        held -= found.consumed
        # A record that is not whole in what is held needs more: twice as much each time.
        size = BLOCK if found.consumed else held
        if last:
            break


class Head:
    """The beginning of an object: byte order mark, and header if there is one.

    Attributes:
        data_start: the offset of the first record behind it.
        line: the header, without its line end; empty without one.
    """

    def __init__(self, source: Source, options: dict[str, str], header: bool) -> None:
        self.data_start = after_mark(source, options)
        self.line = b""
        if header:
            self.line, _, self.data_start = first_record(source, self.data_start, options)


def data_start(source: Source, options: dict[str, str], header: bool) -> int:
    """Give the offset of the first record that Spark's tokenizer sees behind a header, if there is one.

    That record is special: only the split that begins with it may read it so.
    """
    begin = Head(source, options, header).data_start
    return begin if header else first_record(source, begin, options).begin


def split_begin(request: dict[str, Any], source: Source, options: dict[str, str]) -> tuple[int, bool]:
    """Give the offset of a split's first record, and whether it is the object's first."""
    start, data_start = request["start"], request["data_start"]
    if start == 0 and data_start is None:
        data_start = Head(source, options, request["header"]).data_start
    if data_start is not None and start <= data_start:
        return data_start, True
    return start if request["aligned"] else line_begin(source, start, options), False


def first_options(request: dict[str, Any], source: Source) -> dict[str, str]:
    """Give the kernel's options, with the line separator of a multiLine object."""
    options = dict(request["csv"])
    if "multi_line" in options and "line_sep" not in options:
        options |= {"line_sep": line_separator(source, options), "normalize_line_ends": "true"}
    return options


def line_separator(source: Source, options: dict[str, str]) -> str:
    """Give the line separator of a multiLine object as univocity detects it: by the first line end."""
    decoder = codecs.getincrementaldecoder(options.get("encoding", "UTF-8"))("replace")
    at, chars = 0, 0
    while chars < DETECTION_CHARS:
        data = source.read(at, PIECE)
        text = decoder.decode(data)
        found = re.search("\n|\r\n?", text)
        if found and found.group() == "\r" and found.end() == len(text):
            found = re.search("\r\n?", "\r" + decoder.decode(source.read(at + len(data), 4)))
        if found:
            return found.group()
        if source.ends(at + len(data)):
            break
        at, chars = at + len(data), chars + len(text)
    return "\n"


def after_mark(source: Source, options: dict[str, str]) -> int:
    """Give the offset behind the byte order mark, if there is one."""
    # A line reader drops the mark of UTF-8 whatever the encoding is; a multiLine object is decoded first.
    marks = {"UTF-8": codecs.BOM_UTF8, "UTF-16LE": codecs.BOM_UTF16_LE, "UTF-16BE": codecs.BOM_UTF16_BE}
    encoding = options.get("encoding", "UTF-8") if "multi_line" in options else "UTF-8"
    mark = marks.get(encoding)
    if mark is None:
        return 0
    if source.read(0, len(mark)) != mark:
        return 0
    if "multi_line" in options and source.ends(len(mark)):
        raise StorletFailure("unsupported", "what Spark makes of nothing but a byte order mark is an accident")
    return len(mark)


class First(NamedTuple):
    """The first record behind some offset: its text without its line end, where it begins, where the next line does."""

    text: bytes
    begin: int
    next: int


def first_record(source: Source, begin: int, options: dict[str, str]) -> First:
    """Find the first record at or after `begin`; at the object's end there is an empty one."""
    # Lines are counted without a look into them; only multiLine needs it, to find their end.
    counting = options if "multi_line" in options else {**options, "column_pruning": "true"}
    size = PIECE
    # The kernel refuses what univocity makes of some short multiLine objects by accident.
    with Kernel(counting, columns=1, required=[], at_start="multi_line" in options) as kernel:
        while True:
            data, at = source.read(begin, size), 0
            last = source.ends(begin + len(data))
            while at < len(data):
                found = kernel.scan(data, at, len(data), limit=1, last=last)
                end = at + found.consumed
                if found.records:
                    return First(line_end(options).sub(b"", data[at:end]), begin + at, begin + end)
                if not found.consumed:
                    break
                at = end
            if last:
                return First(b"", begin + len(data), begin + len(data))
            begin, size = begin + at, PIECE if at else size * 2


def naming_line(source: Source, begin: int, options: dict[str, str]) -> bytes:
    """Give the first line that is no comment and not only blanks. A tab is no blank here, unlike in data [7.13]."""
    encoding, comment = options.get("encoding", "UTF-8"), options.get("comment")
    while not source.ends(begin):
        end = next_line(source, begin, options)
        line = line_end(options).sub(b"", source.read(begin, end - begin))
        text = line.decode(encoding, "replace")
        if text.strip(" ") and not (comment and text.startswith(comment)):
            return line
        begin = end
    return b""


def next_line(source: Source, at: int, options: dict[str, str]) -> int:
    """Give the offset behind the first line end at or after `at`, or the object's end."""
    separator, size = separator_bytes(options), PIECE
    pattern = re.compile(re.escape(separator) if separator else rb"\r\n|\n|\r(?!\Z)")
    while True:
        data = source.read(at, size)
        last = source.ends(at + len(data))
        found = pattern.search(data) or (re.search(rb"\r\Z", data) if last and not separator else None)
        if found or last:
            return at + (found.end() if found else len(data))
        size *= 2


def line_begin(source: Source, start: int, options: dict[str, str]) -> int:
    """Give where the first line begins at or after `start`, or the object's end."""
    separator = separator_bytes(options)
    if not separator and source.read(start - 1, 1) == b"\r":
        return start  # behind a CR a line begins, if only the empty one in CRLF
    return next_line(source, max(0, start - len(separator or b"\n")), options)


def separator_bytes(options: dict[str, str]) -> bytes | None:
    """Give the line separator that is set, in the object's encoding."""
    separator = options.get("line_sep")
    return separator.encode(options.get("encoding", "UTF-8")) if separator else None


def line_end(options: dict[str, str]) -> re.Pattern[bytes]:
    """Match the line end at the end of a line."""
    separator = separator_bytes(options)
    return re.compile((re.escape(separator) if separator else rb"(\r\n|\n|\r)") + rb"\Z")
