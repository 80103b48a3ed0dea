"""Cases with Spark's recorded answers, and how ours compare with them. The form of a case is that of
tests/data/spark-csv-cases.jsonl: bytes or files, options, schema, columns, filter, confs, and what Spark answered."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from filters import conditions
from store_reading import Reader

from spark_storlets.errors import StorletError

Json = dict[str, Any]
Row = list[Any]


def answer(case: Json, folder: Path, ddl: Callable[[str], Json]) -> tuple[list[Row] | int, Json | None]:
    """Our answer to a case: rows or their number, and the schema found if none is given.

    Args:
        case: the case.
        folder: an empty one, for its files.
        ddl: gives the JSON of a schema written as DDL.

    Raises:
        StorletError: we refuse, or fail.
    """
    files = case.get("files") or [[case.get("file_name", "f.csv"), case["bytes_b64"]]]
    for name, text in files:
        (folder / name).write_bytes(base64.b64decode(text))
    conf = {name: str(value) for name, value in (case.get("conf") or {}).items()}
    cut = conf.get("spark.sql.files.maxPartitionBytes")
    splits = case.get("splits") or ({"minSplitSize": "1", "maxSplitSize": cut} if cut else {})
    reader = Reader(folder, {**splits, **{k: str(v) for k, v in case["options"].items()}}, conf)
    schema = reader.schema() if case["schema"] is None else ddl(case["schema"])
    found = schema if case["schema"] is None else None
    names = [field["name"] for field in schema["fields"]]
    fold: Callable[[str], str] = str if conf.get("spark.sql.caseSensitive") == "true" else str.lower
    select = case["select"] if case["select"] is not None else names
    select = [next(name for name in names if fold(name) == fold(wanted)) for wanted in select]
    if not names:
        return [], found
    parts = [part for parts in reader.read(schema, select, conditions(case.get("where"))).values() for part in parts]
    for part in parts:
        if isinstance(part, StorletError):
            raise part
    if not select:
        return sum(part.num_rows for part in parts), found
    return [row for part in parts for row in recorded(part.select(select))], found


def recorded(table: pa.Table) -> list[Row]:
    """The rows of a table, with values in the form of the recorded answers."""
    columns = [[_recorded(value, column.type) for value in _plain(column)] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(table.num_rows)]


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Python's values; dates and times as numbers, since it has none for all of Spark's years."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def _recorded(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_date(kind):
        return date_text(value)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        days, micros = divmod(value, 86_400_000_000)
        time = f"{micros // 3_600_000_000:02}:{micros // 60_000_000 % 60:02}:{micros // 1_000_000 % 60:02}"
        return f"{date_text(days)} {time}" + f".{micros % 1_000_000:06}".rstrip("0").rstrip(".")
    if isinstance(value, float) and repr(value) in ("nan", "inf", "-inf"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return format(value, "f") if isinstance(value, decimal.Decimal) else value


def date_text(days: int) -> str:
    """Spark's text of a date, in the proleptic Gregorian calendar, also for years that Python has no dates for."""
    cycles, rest = divmod(days - datetime.date(2000, 1, 1).toordinal() + datetime.date(1970, 1, 1).toordinal(), 146097)
    date = datetime.date.fromordinal(datetime.date(2000, 1, 1).toordinal() + rest)
    year = date.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{date:%m-%d}"


def schema_text(schema: Json) -> str:
    """Names and types of a schema found, as recorded."""
    names = {"integer": "int", "long": "bigint"}
    return ", ".join(f"{f['name']} {names.get(f['type'], f['type']).upper()}" for f in schema["fields"])


def same_rows(expected: Sequence[Row], found: Sequence[Row]) -> bool:
    """Equality by type and value."""
    return json.dumps(expected) == json.dumps(found)
