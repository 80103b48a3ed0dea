"""The Python face of the CSV kernel: CSV bytes in, Arrow columns out, exactly as Spark reads them.

A scan takes the records of a block; columns are made afterwards, of all these records or only of some, so that
predicates can be evaluated on a few columns before the others are parsed for the rows that pass:

    with Kernel({"sep": "|"}, columns=16, required=[4, 10, 5]) as kernel:
        found = kernel.scan(block, 0, len(block), limit=len(block), last=True)
        quantity = kernel.column(0, "double")
        rows = pc.indices_nonzero(pc.greater(quantity, 40))
        others = kernel.columns(Wanted([("price", 2, "decimal(15,2)"), ("shipped", 1, "date")]), rows)

This module is uploaded beside the storlet and imports nothing but pyarrow. The kernel is the Rust crate in `kernel/`;
its library lies beside this file, or where the caller says.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.resources
import json
import os
import re
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

import pyarrow as pa

__all__ = [
    "ABI_VERSION",
    "LIBRARY",
    "Cuts",
    "Kernel",
    "KernelError",
    "Outcome",
    "Scanned",
    "Wanted",
    "arrow_type",
    "check_pattern",
    "compose",
    "load",
    "merge",
    "record_index",
    "tokens",
]

LIBRARY = "libstorlets_csv_kernel.so"
"""The file name of the kernel's library."""

ABI_VERSION = 9
"""The version of the library's C interface that this module speaks."""

_TYPES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "boolean": pa.bool_(),
        "tinyint": pa.int8(),
        "smallint": pa.int16(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "string": pa.string(),
        "binary": pa.binary(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
        "timestamp_ntz": pa.timestamp("us"),
    }
)

_ERRORS = {
    -1: "invalid argument: a slot, a row index, a type or an option that the kernel does not know",
    -2: "a record has more than maxColumns tokens, which Spark refuses as well",
    -3: "the buffer, or the text of its quoted fields, is larger than 2 GiB: scan smaller blocks",
    -4: "a text column holds more than 2 GiB: scan smaller blocks, or ask for fewer rows at a time",
    -5: "the kernel failed internally, please report this with the data if you can",
    -6: "the kernel does not read these bytes with these options as Spark does",
    -7: "a token has more than maxCharsPerColumn characters, which Spark refuses as well",
    -8: "a quote inside a quoted field is not escaped; unescapedQuoteHandling RAISE_ERROR refuses it, as in Spark",
    -9: "its lines end in several ways: what Spark makes of them with multiLine depends on the size of a buffer. "
    "Write them all with the same line end, or give lineSep",
}


_UNSUPPORTED = (-6, -9)
_ZONE_NEEDED = -10


class KernelError(ValueError):
    """The kernel refused a call. The message says why.

    Attributes:
        unsupported: Spark would read this, the kernel does not.
    """

    def __init__(self, message: str, unsupported: bool = False) -> None:
        super().__init__(message)
        self.unsupported = unsupported


class Scanned(NamedTuple):
    """What a scan found."""

    records: int
    """The number of records taken. Blank lines are no records."""
    consumed: int
    """The bytes, counted from `start`, of the records taken and the blank lines passed."""


class Wanted:
    """Columns that are made together.

    Args:
        columns: each one's name, slot, and Spark's name of its type, such as `decimal(15,2)`.

    Raises KernelError for a type that the kernel does not make.
    """

    def __init__(self, columns: Iterable[tuple[str, int, str]]) -> None:
        columns = list(columns)
        self.schema = pa.schema([(name, arrow_type(type)) for name, _, type in columns])
        self.named = "\0".join(f"{slot} {type}" for _, slot, type in columns).encode()


class _CScanned(ctypes.Structure):
    _fields_ = [("records", ctypes.c_uint64), ("consumed", ctypes.c_uint64)]


class Outcome(NamedTuple):
    """What reading a part from one of the tokenizer's states comes to."""

    start: int
    """The state before the part. In state 0 a record begins."""
    end: int
    """The state behind it."""
    first: int | None
    """Where the first record begins in the part, or an empty line or a comment; none if none begins in it."""


class _COutcome(ctypes.Structure):
    _fields_ = [("end", ctypes.c_uint64), ("first", ctypes.c_int64)]


class _CArray(ctypes.Structure):
    """`struct ArrowArray` of the Arrow C data interface."""

    _fields_ = [
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.c_void_p),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


# A scanner, a slot, a text and its length, indexes and how many, the place of the answer.
_OF_A_COLUMN = (
    ctypes.c_int32,
    [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_char_p,
        ctypes.c_uint64,
        ctypes.c_void_p,
        ctypes.c_uint64,
        ctypes.c_void_p,
    ],
)

_SIGNATURES = {
    "csv_abi_version": (ctypes.c_uint32, []),
    "csv_new": (
        ctypes.c_int32,
        [
            ctypes.c_char_p,
            ctypes.c_uint64,
            ctypes.c_uint32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_uint8,
            ctypes.c_void_p,
        ],
    ),
    "csv_free": (None, [ctypes.c_void_p]),
    "csv_scan": (
        ctypes.c_int32,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint8, ctypes.c_void_p],
    ),
    "csv_columns": (
        ctypes.c_int32,
        [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint64,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.c_void_p,
        ],
    ),
    "csv_filter": _OF_A_COLUMN,
    "csv_infer": _OF_A_COLUMN,
    "csv_merge": (ctypes.c_int32, [ctypes.c_char_p, ctypes.c_uint64] * 3 + [ctypes.c_void_p]),
    "csv_lines_equal": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p]),
    "csv_failed": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p]),
    "csv_zone_needed": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_void_p]),
    "csv_zone": (
        ctypes.c_int32,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64],
    ),
    "csv_regions": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64]),
    "csv_check_pattern": (ctypes.c_int32, [ctypes.c_char_p, ctypes.c_uint64]),
    "csv_malformed": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p]),
    "csv_text": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p]),
    "csv_cuts_new": (ctypes.c_int32, [ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p]),
    "csv_cuts_free": (None, [ctypes.c_void_p]),
    "csv_cuts_feed": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64]),
    "csv_cuts_states": (ctypes.c_uint64, [ctypes.c_void_p]),
    "csv_cuts_outcome": (ctypes.c_int32, [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p]),
    "csv_tokens": (
        ctypes.c_int32,
        [ctypes.c_char_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p],
    ),
}


def load(path: str | None = None) -> ctypes.CDLL:
    """The kernel's library, loaded from `path` or else from this file's folder.

    Raises KernelError when there is no library, when it cannot be loaded, or when it is of another version.
    """
    return _load(os.fspath(path) if path else str(Path(__file__).resolve().with_name(LIBRARY)))


@functools.cache
def _load(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)
        version = library.csv_abi_version
    except (OSError, AttributeError) as error:
        raise KernelError(
            f"cannot load the CSV kernel from {path}: {error}. "
            "Build it with `cargo build --release` in storlets/kernel, then "
            f"put {LIBRARY} beside {Path(__file__).name} or give its path."
        ) from error
    version.restype = ctypes.c_uint32
    if version() != ABI_VERSION:
        raise KernelError(
            f"the CSV kernel at {path} speaks version {version()} of its interface, this code version {ABI_VERSION}: "
            "take both from the same release."
        )
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Kernel:
    """Reads the records of one object, block after block. For one thread at a time.

    `options` are Spark's, by their names in snake case; what is not given is as in Spark. `columns` is the number of
    columns in the file's schema. `required` are the 0-based positions of the columns that Spark's query uses: all
    that are selected or filtered on, and no other, since in broken records Spark's answer depends on this set. A
    column's index in `required` is its slot. With none required, records are only counted.

    With `at_start` the first record scanned is the first line of the object that Spark's tokenizer sees: the scan
    begins with the object, behind its byte order mark, and the object has no header (which the tokenizer would see
    first). That line is read as if all columns were required, and a second byte order mark is dropped from it.

    Raises KernelError when an argument is invalid.
    """

    def __init__(
        self,
        options: Mapping[str, str],
        *,
        columns: int,
        required: Sequence[int],
        at_start: bool = False,
        library: str | None = None,
    ) -> None:
        self._handle: int | None = None
        self._library = load(library)
        self._buffer: pa.Buffer | None = None
        try:
            positions = (ctypes.c_uint32 * len(required))(*required)
        except TypeError as error:
            raise KernelError(f"required holds something other than positions: {required!r}") from error
        handle = ctypes.c_void_p()
        given = encoded(options)
        code = self._library.csv_new(
            given, len(given), columns, positions, len(required), at_start, ctypes.addressof(handle)
        )
        _check(code, f": {dict(options)!r}, columns {list(required)} of {columns}")
        self._handle = handle.value

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Frees the kernel's memory. Arrays made by it live on."""
        if self._handle is not None:
            self._library.csv_free(self._handle)
            self._handle = self._buffer = None

    def scan(self, buffer: object, start: int, end: int, *, limit: int, last: bool) -> Scanned:
        """Takes the records of `buffer[start:end]` that begin before `start + limit` and are complete.

        `buffer` is any object with the buffer protocol; it is not copied, but held until the next scan or `close`,
        and must keep its bytes so long. A record begins at `start`; an object's byte order mark lies before it.
        With `last`, `end` is the object's end and ends the last record too.

        Raises KernelError for a buffer of 2 GiB or more, and for a record that Spark refuses as well.
        """
        memory = pa.py_buffer(buffer)
        if not 0 <= start <= end <= memory.size or limit < 0:
            raise KernelError(f"invalid argument: [{start}, {end}) of {memory.size} bytes, limit {limit}")
        found = _CScanned()
        code = self._library.csv_scan(
            self._live(), memory.address + start, end - start, limit, last, ctypes.addressof(found)
        )
        self._buffer = memory
        _check(code)
        return Scanned(found.records, found.consumed)

    def columns(self, wanted: Wanted, rows: pa.UInt64Array | None = None) -> pa.RecordBatch:
        """Columns of the last scan's records, or only of those with the indexes `rows`, in the order given.

        A value that does not convert is null, and its record is malformed. Raises KernelError for an unknown slot or
        row, and for more than 2 GiB of text.
        """
        _array, place = _new_array()
        indexes, count, _kept = _indexes(rows)
        named = wanted.named
        while True:
            code = self._library.csv_columns(self._live(), named, len(named), indexes, count, place)
            if code != _ZONE_NEEDED:
                break
            self._give_zone()
        _check(code)
        return pa.RecordBatch._import_from_c(place, wanted.schema)

    def column(self, slot: int, type: str, rows: pa.UInt64Array | None = None) -> pa.Array:
        """One column, see `columns`."""
        return self.columns(Wanted([("", slot, type)]), rows).column(0)

    def filter(
        self, slot: int, type: str, operator: str, literal: str, rows: pa.UInt64Array | None = None
    ) -> pa.UInt64Array:
        """The indexes of the last scan's records, or of those of them in `rows`, of which a comparison is true.

        That is `=`, `<`, `<=`, `>` or `>=` with a literal, on a column of whole numbers, doubles, decimals, dates
        (`yyyy-MM-dd`) or strings. It is never true of null, nor of a value that does not convert; records with such a
        value are not noted as malformed.
        """
        _array, place = _new_array()
        comparison = f"{type}\0{operator}\0{literal}".encode()
        indexes, count, _kept = _indexes(rows)
        code = self._library.csv_filter(self._live(), slot, comparison, len(comparison), indexes, count, place)
        _check(code, f": {type} {operator} {literal!r}")
        return pa.Array._import_from_c(place, pa.uint64())

    def failed(self, slot: int) -> pa.BooleanArray:
        """Which of the last scan's records have no value in this column, which was made for all of them.

        Null is a value; none is there when the record is too short, or when what is there does not convert.
        """
        _array, place = _new_array()
        _check(self._library.csv_failed(self._live(), slot, place))
        return pa.Array._import_from_c(place, pa.bool_())

    def malformed(self, rows: pa.UInt64Array | None = None) -> pa.BooleanArray:
        """Which of the last scan's records are malformed, or of those with the indexes `rows`.

        They are by the number of their tokens, where all columns are required or none is pruned, and by the values
        that did not convert in the columns made so far.
        """
        _array, place = _new_array()
        indexes, count, _kept = _indexes(rows)
        _check(self._library.csv_malformed(self._live(), indexes, count, place))
        return pa.Array._import_from_c(place, pa.bool_())

    def text(self, rows: pa.UInt64Array | None = None) -> pa.StringArray:
        """The text of the last scan's records, or of those with the indexes `rows`, without their line ends."""
        _array, place = _new_array()
        indexes, count, _kept = _indexes(rows)
        _check(self._library.csv_text(self._live(), indexes, count, place))
        return pa.Array._import_from_c(place, pa.string())

    def infer(self, slot: int, so_far: str, rows: pa.UInt64Array | None = None) -> str:
        """What type Spark infers for a column from the last scan's records, or from those with the indexes `rows`.

        `so_far` is the type that it has by the records before these, `null` if there are none. The result depends on
        their order, as in Spark. It is `null` as long as there are only nulls.
        """
        _array, place = _new_array()
        name = so_far.encode()
        indexes, count, _kept = _indexes(rows)
        while True:
            code = self._library.csv_infer(self._live(), slot, name, len(name), indexes, count, place)
            if code != _ZONE_NEEDED:
                break
            self._give_zone()
        _check(code)
        return _text(place)

    def lines_equal(self, line: bytes) -> pa.BooleanArray:
        """Which of the last scan's records have the same text as `line`, which has no line end."""
        _array, place = _new_array()
        _check(self._library.csv_lines_equal(self._live(), line, len(line), place))
        return pa.Array._import_from_c(place, pa.bool_())

    def _give_zone(self) -> None:
        """Give the kernel the rules of the region that it needs, or the names of all regions if there is none such.

        From then on it asks for no other name: there are never more calls than regions, and one.
        """
        _array, place = _new_array()
        _check(self._library.csv_zone_needed(self._live(), place))
        region = _text(place)
        if region in regions():
            name, rules = region.encode(), zone_rules(region)
            _check(self._library.csv_zone(self._live(), name, len(name), rules, len(rules)))
        else:
            names = "\0".join(regions()).encode()
            _check(self._library.csv_regions(self._live(), names, len(names)))

    def _live(self) -> int:
        if self._handle is None:
            raise KernelError("the kernel is closed")
        return self._handle


@functools.cache
def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a column of Spark's type `name`. Raises KernelError when the kernel does not make it."""
    if name in _TYPES:
        return _TYPES[name]
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", name)
    if not found or not 1 <= int(found[1]) <= 38 or int(found[2]) > int(found[1]):
        raise KernelError(f"the kernel makes no {name} columns, only {', '.join(_TYPES)} and decimal(p,s)")
    return pa.decimal128(int(found[1]), int(found[2]))


def check_pattern(pattern: str) -> None:
    """Raises KernelError for a date or time pattern that the kernel does not read as Spark does."""
    text = pattern.encode()
    _check(load(None).csv_check_pattern(text, len(text)), f": the pattern {pattern!r}")


@functools.cache
def regions() -> frozenset[str]:
    """All regions of time zones. They are looked up once, since that opens hundreds of files."""
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


@functools.cache
def zone_rules(region: str) -> bytes:
    """The TZif file of one of the regions."""
    for directory in zoneinfo.TZPATH:
        with contextlib.suppress(OSError):
            return Path(directory, region).read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", *region.split("/")).read_bytes()


class Cuts:
    """Reads a part of a multiLine object to see where its first record begins, whatever came before the part.

    The object's parts are read apart from each other, each with the same options, which name the line separator; the
    first one begins with a record. `compose` puts together what came of them.

    Raises KernelError for options with which an object cannot be cut: it is to be read in one piece.
    """

    def __init__(self, options: Mapping[str, str], library: str | None = None) -> None:
        self._handle: int | None = None
        self._library = load(library)
        handle = ctypes.c_void_p()
        given = encoded(options)
        _check(self._library.csv_cuts_new(given, len(given), ctypes.addressof(handle)), f": {dict(options)!r}")
        self._handle = handle.value

    def __del__(self) -> None:
        if self._handle is not None:
            self._library.csv_cuts_free(self._handle)

    def feed(self, block: object) -> None:
        """Read the part's next bytes: any object with the buffer protocol."""
        memory = pa.py_buffer(block)
        _check(self._library.csv_cuts_feed(self._handle, memory.address, memory.size))

    def outcomes(self) -> list[Outcome]:
        """What comes of every state. Offsets count from the part's beginning."""
        outcomes, found = [], _COutcome()
        for start in range(self._library.csv_cuts_states(self._handle)):
            _check(self._library.csv_cuts_outcome(self._handle, start, ctypes.addressof(found)))
            outcomes.append(Outcome(start, found.end, None if found.first < 0 else found.first))
        return outcomes


def compose(parts: Iterable[Iterable[tuple[int, int, int | None]]]) -> list[int]:
    """Where the first record begins in each part of an object, where one does.

    `parts` are the outcomes of all parts in a row, their offsets counted from the object's beginning.
    """
    state, offsets = 0, []
    for outcomes in parts:
        state, first = {start: (end, first) for start, end, first in outcomes}[state]
        if first is not None:
            offsets.append(first)
    return offsets


#: The options by which records are told from each other.
_OF_RECORDS = (
    "sep",
    "quote",
    "escape",
    "char_to_escape_quote_escaping",
    "comment",
    "line_sep",
    "normalize_line_ends",
    "multi_line",
    "unescaped_quote_handling",
    "ignore_leading_white_space",
    "ignore_trailing_white_space",
    "encoding",
)


def record_index(etag: str, data_start: int, options: Mapping[str, str]) -> str:
    """Name what an index of records is true for: an object's content, its first record, and how records are written."""
    dialect = {name: options[name] for name in _OF_RECORDS if name in options}
    return hashlib.sha256(json.dumps([etag, data_start, dialect], sort_keys=True).encode()).hexdigest()


def tokens(line: bytes, options: Mapping[str, str], library: str | None = None) -> list[str | None]:
    """All tokens of one line, without its line end, null where Spark's token is null: for reading a header.

    Raises KernelError for invalid options and for more than `max_columns` tokens.
    """
    given = encoded(options)
    _array, place = _new_array()
    _check(load(library).csv_tokens(given, len(given), line, len(line), place), f": {dict(options)!r}")
    names: list[str | None] = pa.Array._import_from_c(place, pa.string()).to_pylist()
    return names


def merge(one: str, other: str, options: Mapping[str, str], library: str | None = None) -> str:
    """The type of a column that Spark infers from what it inferred for two partitions, `null` for only nulls.

    It is `null` too when no type can hold both: Spark forgets then what they were.
    """
    given, names = encoded(options), (one.encode(), other.encode())
    _array, place = _new_array()
    sized = [part for name in names for part in (name, len(name))]
    _check(load(library).csv_merge(given, len(given), *sized, place), f": {one!r}, {other!r}, {dict(options)!r}")
    return _text(place)


def _text(place: int) -> str:
    """The text in a column of one."""
    (text,) = pa.Array._import_from_c(place, pa.string()).to_pylist()
    return str(text)


def _new_array() -> tuple[_CArray, int]:
    """A place for an array, and its address; the import takes over what is in it."""
    array = _CArray()
    return array, ctypes.addressof(array)


def _indexes(rows: pa.UInt64Array | None) -> tuple[int | None, int, Any]:
    """The address and number of row indexes, and what keeps them where they are."""
    if rows is None:
        return None, 0, None
    if rows.type != pa.uint64() or rows.null_count:
        raise KernelError(f"row indexes are uint64 without nulls, not {rows.type}")
    # An empty array may have no buffer at all, but must not read as "all rows".
    memory = rows.buffers()[1] or pa.py_buffer(bytes(8))
    return memory.address + rows.offset * 8, len(rows), memory


def encoded(options: Mapping[str, str]) -> bytes:
    """Options as the C interface takes them: names and values, each after its length."""
    pieces = [text.encode() for option in options.items() for text in option]
    return b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)


def _check(code: int, details: str = "") -> None:
    if code:
        message = _ERRORS.get(code, f"the kernel failed with the unknown code {code}") + details
        raise KernelError(message, unsupported=code in _UNSUPPORTED)
