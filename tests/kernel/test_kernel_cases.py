"""Spark's recorded answers, as far as they lie in the kernel's scope.

The rules behind a case are those of docs/csv.md; `tests/data/spark-csv-cases.jsonl` has one case a line.
"""

import base64
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest
from reading import File, rows

CASES = Path(__file__).resolve().parents[1] / "data" / "spark-csv-cases.jsonl"

LEAST = 200
"""The number of cases in scope, so that the filter below cannot quietly let them go."""

DEFAULTS = {
    "mode": "PERMISSIVE",
    "multiLine": "false",
    "encoding": "UTF-8",
    "quote": '"',
    "escape": "\\",
    "charToEscapeQuoteEscaping": "\\",
    "unescapedQuoteHandling": "STOP_AT_DELIMITER",
    "nullValue": "",
    "emptyValue": "",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
    "enforceSchema": "true",
    "nanValue": "NaN",
    "positiveInf": "Inf",
    "negativeInf": "-Inf",
    "maxColumns": "20480",
    "columnPruning": "true",
}
"""Options that change nothing when they have these values."""

SEPARATORS = {"\\t": "\t", **{chr(code): chr(code) for code in range(1, 128) if chr(code) not in '\n\r"\\'}}

TYPES = ("int", "integer", "bigint", "double", "string", "date")
IRRELEVANT = {"spark.sql.ansi.enabled", "spark.sql.session.timeZone", "spark.sql.csv.filterPushdown.enabled"}
"""Session settings that do not reach the kernel's types."""


def fields(case: dict[str, Any]) -> list[tuple[str, str]]:
    """The names and types that the case's schema gives, less NOT NULL and COLLATE, which change no answer."""
    columns = re.split(r",\s*(?![^(]*\))", (case["schema"] or "").lower())
    return [(words[0], words[1]) for words in map(str.split, columns) if len(words) > 1]


def schema(case: dict[str, Any]) -> dict[str, str]:
    """The data columns' names and types. The column of corrupt records takes no token and is left out."""
    return {name: kind for name, kind in fields(case) if name != "_corrupt_record"}


def in_scope(case: dict[str, Any]) -> bool:
    options = {key: value for key, value in case["options"].items() if DEFAULTS.get(key) != value}
    return (
        any(kind in TYPES for kind in schema(case).values())
        and not ({"files", "where"} & {key for key, value in case.items() if value})
        and case.get("file_name", "f.csv").endswith(".csv")
        and set(case.get("conf") or {}) <= IRRELEVANT
        and set(options) <= {"sep", "header"}
        and options.get("sep", ",") in SEPARATORS
        and "error" not in (case["expect"] if isinstance(case["expect"], dict) else {})
    )


SELECTED = [case for case in map(json.loads, CASES.read_text(encoding="utf-8").splitlines()) if in_scope(case)]


def test_enough_cases_are_in_scope() -> None:
    assert len(SELECTED) >= LEAST


def as_recorded(value: object, kind: str) -> object:
    """A kernel's value in the form of the recorded answers: dates as Spark's text, doubles that JSON lacks as text."""
    if kind == "date" and isinstance(value, int):
        return date_text(value)
    if isinstance(value, float) and repr(value) in ("nan", "inf", "-inf"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    return value


def date_text(days: int) -> str:
    """Spark's text of a date, in the proleptic Gregorian calendar, also for years that Python has no dates for."""
    cycles, rest = divmod(days - datetime.date(2000, 1, 1).toordinal() + datetime.date(1970, 1, 1).toordinal(), 146097)
    date = datetime.date.fromordinal(datetime.date(2000, 1, 1).toordinal() + rest)
    year = date.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{date:%m-%d}"


@pytest.mark.parametrize("case", SELECTED, ids=[case["id"] for case in SELECTED])
def test_case(library: str, case: dict[str, Any]) -> None:
    columns = schema(case)
    selected = list(columns) if case["select"] is None else [name.lower() for name in case["select"]]
    required = [name for name in columns if name in selected]
    file = File(
        data=base64.b64decode(case["bytes_b64"]),
        types=tuple(kind if kind in TYPES else "string" for kind in columns.values()),
        required=tuple(list(columns).index(name) for name in required),
        sep=SEPARATORS[case["options"].get("sep", ",")],
        header=case["options"].get("header", "false").lower() == "true",
    )
    found = [dict(zip(required, row, strict=True)) for row in rows(library, file)]
    if isinstance(case["expect"], dict):
        assert case["expect"] == {"count": len(found)}
        return
    everything = [name for name, _ in fields(case)] if case["select"] is None else selected
    expected = [dict(zip(everything, row, strict=True)) for row in case["expect"]]
    compared = [name for name in required if columns[name] in TYPES]
    assert [[row[name] for name in compared] for row in expected] == [
        [as_recorded(row[name], columns[name]) for name in compared] for row in found
    ]
