"""Comparisons made in the kernel pass what the columns' values say, and a predicate is split between kernel and pyarrow."""

import datetime
import math
import operator
from decimal import Decimal

import csv_filter
import pyarrow as pa
import pytest
from csv_filter import Comparison
from csv_kernel import Kernel, KernelError

NUMBERS = "0 -0 +5 5 05 -5 5. 5.0 5.00 0.05 0.5e1 1e400 NaN nan Inf -Inf x 127 128 -128 32768 2147483648 \uff15 1,5 1.555 1.56"
DATES = (
    "1995-03-15|1995-3-15| 1995-03-15|1995-03-15 |1995-03-15T1|1995-03-14|1995-03-31|1995-02-29|1996-02-29|1995-00-10|1995-13-10"
    "|1995-12-00|1995-12-32|1995-03|1995|0001-01-01|9999-12-31|+1995-03-15|12345-01-01|19950315|199503-15x|1995-03-1\u0665"
)
TEXTS = "a|b|ab|abc|B|\u00e9|e\u0301|\ufffd|\U0001d7d9|\uff15| a|a |NULL|NaN"
OPERATORS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def passes(value: object, name: str, literal: object) -> bool:
    """Spark's comparison: null never passes, NaN is equal to itself and above all numbers."""
    if value is None:
        return False
    if isinstance(value, float):
        value, literal = (
            (math.isnan(value), 0 if math.isnan(value) else value),
            (math.isnan(literal), 0 if math.isnan(literal) else literal),
        )
    if isinstance(literal, datetime.date):
        literal = literal.toordinal() - datetime.date(1970, 1, 1).toordinal()
    if isinstance(value, str):
        value, literal = value.encode(), literal.encode()
    return OPERATORS[name](value, literal)


@pytest.mark.parametrize(
    ("kind", "texts", "literals"),
    [
        *((kind, NUMBERS.split(), [0, 5, -5, 127]) for kind in ("tinyint", "smallint", "int", "bigint")),
        ("double", NUMBERS.split(), [0.0, -0.0, 5.0, 1.5e16, math.nan, math.inf, -math.inf]),
        ("decimal(5,2)", NUMBERS.split(), [Decimal("0.05"), Decimal("5"), Decimal("-5.00"), Decimal("1.56")]),
        ("date", DATES.split("|"), [datetime.date(1995, 3, 15), datetime.date(1996, 2, 29), datetime.date.max]),
        ("string", TEXTS.split("|"), ["a", "ab", "", "\ufffd", "\u00e9", "NULL"]),
    ],
)
def test_filter_passes_what_the_columns_values_say(library, kind, texts, literals):
    data = "".join(f"k|{text}\n" for text in texts).encode() + b'k|a\xff\nk|""\nk\nk|\n'
    for options in (
        {},
        {"null_value": "5"},
        {"null_value": "1995-03-15", "empty_value": "a"},
        {"escape": '"', "null_value": "a"},
    ):
        with Kernel({"sep": "|", **options}, columns=2, required=[0, 1], library=library) as kernel:
            records = kernel.scan(data, 0, len(data), limit=len(data), last=True).records
            column = kernel.column(1, kind)
            values = (column.cast(pa.int32()) if kind == "date" else column).to_pylist()
            some = pa.array([0, *range(records - 1, 2, -2)], pa.uint64())
            for literal in literals:
                for name in OPERATORS:
                    text = f"{literal:f}" if isinstance(literal, Decimal) else str(literal)
                    expected = [at for at in range(records) if passes(values[at], name, literal)]
                    assert kernel.filter(1, kind, name, text).to_pylist() == expected, (options, name, text)
                    assert kernel.filter(1, kind, name, text, some).to_pylist() == [
                        at for at in some.to_pylist() if at in expected
                    ]


@pytest.mark.parametrize(
    ("kind", "name", "literal"),
    [
        ("int", "<>", "1"),
        ("int", "=", "x"),
        ("boolean", "=", "true"),
        ("date", "=", "1995-3-15"),
        ("decimal(5,2)", "=", "0.001"),
    ],
)
def test_other_comparisons_are_refused(library, kind, name, literal):
    with Kernel({}, columns=1, required=[0], library=library) as kernel:
        kernel.scan(b"1\n", 0, 2, limit=2, last=True)
        with pytest.raises(KernelError, match="invalid argument"):
            kernel.filter(0, kind, name, literal)


TYPES = {"a": "int", "d": "date", "m": "decimal(15,2)", "t": "timestamp", "f": "double"}


def compare(op, column, literal, kind):
    return {"op": op, "args": [{"col": column}, {"lit": literal, "type": kind}], "type": "boolean"}


def test_a_predicate_is_split_into_comparisons_and_the_rest():
    ours = [compare("=", "a", 1, "int"), compare("<", "d", 9204, "date"), compare(">=", "m", "1E+1", "decimal(15,2)")]
    given = {"op": "is_not_null", "args": [{"col": "a"}]}
    other = {"op": "or", "args": [ours[0], ours[1]]}
    tree = {
        "op": "and",
        "args": [
            {"op": "and", "args": [given, ours[0]]},
            {"op": "and", "args": [other, {"op": "and", "args": ours[1:]}]},
        ],
    }
    made, rest = csv_filter.split(tree, TYPES)
    assert made == [
        Comparison("a", "int", "=", "1"),
        Comparison("d", "date", "<", "1995-03-15"),
        Comparison("m", "decimal(15,2)", ">=", "10"),
    ]
    assert rest == other


@pytest.mark.parametrize(
    "tree",
    [
        compare("=", "a", None, "int"),
        compare("=", "t", 0, "timestamp"),
        compare("=", "a", 1, "bigint"),
        compare("<=>", "a", 1, "int"),
        compare("<", "d", 1 << 30, "date"),
        {"op": "=", "args": [{"col": "a"}, {"col": "a"}]},
        {"op": "=", "args": [{"lit": 1, "type": "int"}, {"col": "a"}]},
        {"op": "is_not_null", "args": [{"col": "a"}]},
    ],
)
def test_all_else_is_left(tree):
    assert csv_filter.split(tree, TYPES) == ([], tree)


def test_no_predicate_is_none():
    assert csv_filter.split(None, TYPES) == ([], None)
