"""Reading a whole object with the kernel, as the tests do it: header, byte order mark, blocks and slack."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from csv_kernel import Kernel, Wanted, arrow_type

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class File:
    """An object, and how it is to be read."""

    data: bytes
    types: tuple[str, ...]
    required: tuple[int, ...]
    sep: str = ","
    header: bool = False


def start(file: File) -> int:
    """Where the first data record, or a blank line before it, begins."""
    at = len(BOM) if file.data.startswith(BOM) else 0
    return past_header(file.data, at) if file.header else at


def past_header(data: bytes, at: int) -> int:
    """Past leading blank lines and one line more [1.15]."""
    for line in data[at:].replace(b"\r", b"\n").splitlines(keepends=True):
        at += len(line)
        if line.strip(bytes(range(33))):
            break
    return at


def columns(library: str, file: File, block: int | None = None) -> tuple[int, list[pa.ChunkedArray]]:
    """The number of records and the required columns. With `block`, read in blocks of that many bytes."""
    batches = list(scans(library, file, block))
    types = [arrow_type(file.types[column]) for column in file.required]
    arrays = [pa.chunked_array([batch[1][slot] for batch in batches], kind) for slot, kind in enumerate(types)]
    return sum(records for records, _ in batches), arrays


def scans(library: str, file: File, block: int | None) -> Iterator[tuple[int, list[pa.Array]]]:
    """Every scan's records and columns."""
    data, at = file.data, start(file)
    step = block or max(1, len(data))
    wanted = Wanted((str(slot), slot, file.types[c]) for slot, c in enumerate(file.required))
    with Kernel(
        {"sep": file.sep},
        columns=len(file.types),
        required=file.required,
        at_start=not file.header,
        library=library,
    ) as kernel:
        slack = 0
        while at < len(data):
            end = min(at + step + slack, len(data))
            found = kernel.scan(data, at, end, limit=step, last=end == len(data))
            arrays = kernel.columns(wanted).columns
            for array in arrays:
                array.validate(full=True)
                assert len(array) == found.records
            yield found.records, arrays
            at += found.consumed
            # A record that is not complete in the block needs more of what follows.
            slack = 0 if found.consumed else slack + step


def rows(library: str, file: File, block: int | None = None) -> list[tuple[object, ...]]:
    """The rows of the required columns, dates in days and all else as Python has it."""
    count, arrays = columns(library, file, block)
    days = [array.cast(pa.int32()) if array.type == pa.date32() else array for array in arrays]
    return list(zip(*(array.to_pylist() for array in days), strict=True)) if days else [()] * count


def same(left: Sequence[object], right: Sequence[object]) -> bool:
    """Equality under which NaN is itself and -0.0 is not 0.0."""
    return repr(left) == repr(right)
