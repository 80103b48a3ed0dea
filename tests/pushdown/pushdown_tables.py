"""A table with a column of every type, and in each the values at which engines differ."""

import random

#: Names and types.
COLUMNS = {
    "i": "int", "i2": "int", "l": "bigint", "by": "tinyint", "sh": "smallint", "x": "double", "x2": "double",
    "f": "float", "b": "boolean", "s": "string", "s2": "string", "d": "date", "d2": "date", "ts": "timestamp",
    "tn": "timestamp_ntz", "dec": "decimal(15,2)", "dec2": "decimal(5,2)", "whole": "string",
    "real": "string", "day": "string", "bin": "binary", "g": "int", "n": "int",
}  # fmt: skip
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())

_NUMBERS = ["0", "1", "-1", "2", "3", "5", "7", "100", "-100", "127", "-128"]
_DOUBLES = ["0.0", "-0.0", "1.5", "-1.5", "2.0", "3.0", "NaN", "Inf", "-Inf", "1e300", "1e-300", "2.5", "1e19", "x"]
_WORDS = [
    "a", "b", "ab", "abc", "A", "Ab", " a", "a ", " ab ", "aXc", "ac", "é", "É", "straße", "日本", "a日", "😀", "10",
]  # fmt: skip
_DATES = [
    "1995-01-01", "1995-03-15", "1969-12-31", "2020-02-29", "0001-01-01", "9999-12-31", "1582-10-10", "2024-12-30",
]  # fmt: skip
_YEARS = ["-0044-03-15", "+12020-01-02", "123456-07-08"]
_TIMES = ["2020-01-02 03:04:05.123456", "1995-01-01 12:00:00", "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00"]
_VALUES = {
    "int": [*_NUMBERS, "2147483647", "-2147483648", "1234567"],
    "bigint": [*_NUMBERS, "9007199254740993", "4294967296"],
    "tinyint": _NUMBERS,
    "smallint": [*_NUMBERS, "32767", "-32768"],
    "double": _DOUBLES,
    "float": ["0.0", "-0.0", "1.5", "0.1", "3.4e38", "NaN", "-Inf", "7"],
    "boolean": ["true", "false", "TRUE"],
    "string": _WORDS,
    "binary": _WORDS,
    "date": _DATES,
    "timestamp": _TIMES,
    "timestamp_ntz": _TIMES,
    "decimal(15,2)": ["0", "1.00", "1.50", "-1.5", "9999999999999.99", "12.34", "100"],
    "decimal(5,2)": ["0", "999.99", "-999.99", "1.005", "12.34"],
    "d2": [*_DATES, *_YEARS],
    # Texts that Spark can cast.
    "whole": ["5", "-7", "007", "+3", " 12", "4 ", "-0", "2147483647", "999999999", "-2147483648"],
    "real": ["1.5", "-0.25", "1e3", "Infinity", " 2.5 ", "7", "NaN", "123456789012345.123456789012345", "0.1", "-0"],
    "day": ["1995-01-01", "1995-01-31", "1995-1-2", " 2020-02-29", "0001-01-01", "+12020-01-02", "1995", "1995-12-28"],
}


def content(rows: int, seed: int = 4) -> bytes:
    """Make the table's CSV: some values are null, some do not convert; g is one of four groups, n the row's number."""
    chance = random.Random(seed)
    lines = []
    for row in range(rows):
        tokens = [
            "" if chance.random() < 0.1 else chance.choice(_VALUES.get(name, _VALUES.get(kind)))
            for name, kind in COLUMNS.items()
        ]
        tokens[-2:] = [str(chance.randrange(4)), str(row)]
        lines.append(",".join(f'"{token}"' if token != token.strip() else token for token in tokens))
    return "\n".join(lines).encode() + b"\n"
