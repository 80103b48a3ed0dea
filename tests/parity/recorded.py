"""Cases with Spark's recorded answers, and how ours compare with them. The form of a case is that of
tests/data/spark-csv-cases.jsonl: bytes or files, options, schema, columns, filter, confs, and what Spark answered."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from store_reading import Reader

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
    conf = {k: v for k, v in (case.get("conf") or {}).items() if k not in _OWN}
    own = {_OWN[k]: v for k, v in (case.get("conf") or {}).items() if k in _OWN}
    own = {k: str(v).lower() == "true" if k in ("ansi", "caseSensitive") else v for k, v in own.items()}
    cut = conf.get("spark.sql.files.maxPartitionBytes")
    splits = {"minSplitSize": "1", "maxSplitSize": cut} if cut else {}
    reader = Reader(folder, {**splits, **{k: str(v) for k, v in case["options"].items()}}, {**conf, **own})
    schema = reader.schema() if case["schema"] is None else ddl(case["schema"])
    found = schema if case["schema"] is None else None
    types = {f["name"]: f["type"] if isinstance(f["type"], str) else "other" for f in schema["fields"]}
    fold = (lambda s: s) if own.get("caseSensitive") else str.lower
    select = case["select"] if case["select"] is not None else list(types)
    select = [next(name for name in types if fold(name) == fold(wanted)) for wanted in select]
    if not types:
        return [], found
    predicates, keeps = parsed(case.get("where"), types)
    tables, left = reader.read(schema, [n for n in types if n in select], [p for ps in predicates for p in ps])
    if left:
        needed = {atom[0] for atoms in keeps for atom in atoms}
        columns = [n for n in types if n in select or n in needed]
        tables, _ = reader.read(schema, columns, [])
    if case["select"] == []:
        return sum(table.num_rows for table in tables), found
    rows = [dict(zip(table.column_names, values, strict=True)) for table in tables for values in recorded(table)]
    kept = [row for row in rows if not left or all(any(_holds(row, *atom) for atom in atoms) for atoms in keeps)]
    return [[row[name] for name in select] for row in kept], found


_OWN = {
    "spark.sql.session.timeZone": "timeZone",
    "spark.sql.caseSensitive": "caseSensitive",
    "spark.sql.ansi.enabled": "ansi",
}


def parsed(
    where: str | None, types: dict[str, str]
) -> tuple[list[list[Json]], list[list[tuple[str, str, int | None]]]]:
    """A filter as the connector offers it, a list for each of its conjuncts, and as alternatives to be evaluated here."""
    offered: list[list[Json]] = []
    atoms: list[list[tuple[str, str, int | None]]] = []
    for conjunct in where.split(" and ") if where else []:
        parts = [_atom(text) for text in conjunct.split(" or ")]
        atoms.append(parts)
        forms = [_offered(*part, types) for part in parts]
        if len(parts) == 1 and parts[0][1] not in ("IS_NULL", "IS_NOT_NULL"):
            offered.append([_offered(parts[0][0], "IS_NOT_NULL", None, types), forms[0]])
        else:
            offered.append([forms[0] if len(forms) == 1 else {"pred": "OR", "args": forms}])
    return offered, atoms


def _atom(text: str) -> tuple[str, str, int | None]:
    found = re.fullmatch(r"(\w+) is (not )?null", text)
    if found:
        return found[1], "IS_NOT_NULL" if found[2] else "IS_NULL", None
    name, op, value = re.fullmatch(r"(\w+) ?([=<>]+) ?(-?\d+)", text).groups()  # type: ignore[union-attr]
    return name, op, int(value)


def _offered(name: str, op: str, value: int | None, types: dict[str, str]) -> Json:
    kind = {"integer": "int", "long": "bigint"}.get(types[name], types[name])
    literal = [] if value is None else [{"lit": str(value), "type": kind}]
    return {"pred": op, "args": [{"col": name}, *literal]}


def _holds(row: dict[str, Any], name: str, op: str, value: int | None) -> bool:
    there = row[name]
    if op in ("IS_NULL", "IS_NOT_NULL"):
        return (there is None) == (op == "IS_NULL")
    return there is not None and {"=": there == value, ">": there > value}[op]


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
