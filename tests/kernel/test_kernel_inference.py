# ruff: noqa: RUF001, RUF005, SIM905 -- digits of other scripts are the point, and a list of words reads best as text
"""Types inferred from values: random columns, of texts that are several things at once, and Spark's answer to the same."""

import os
import random
from pathlib import Path

import pytest
from csv_kernel import Kernel, KernelError, merge
from pyspark.sql import SparkSession

SEED = int(os.environ.get("KERNEL_FUZZ_SEED", "0"))
COLUMNS = int(os.environ.get("KERNEL_FUZZ_COLUMNS", "150"))

TEXTS = (
    """
1 -2 +3 007 2147483647 2147483648 -2147483649 9223372036854775807 9223372036854775808 -9223372036854775809 99999999999
12345678901234567890 99999999999999999999999999999999999999 100000000000000000000000000000000000000 1. -0. 0e0 1e0 1.5e1
1e20 10e-1 1,000 1.5 .5 1e400 1f 0x1p3 NaN nan Inf -Inf +Inf Infinity 2020 12020 123456 999999 20200102 1999 true FALSE
True t yes 2020-01-02 2021-12-31 2020-1-2 2020-01 2020-02-30 1500-02-29 0000-01-01 +10000-01-01 +1000000-01-01
-2020-01-02 2020-01-02T 2020-01-02T03 2020-01-02T03:04 2020-01-02T03:04:05.1234567 2020-01-02T03:04:05Z 294248-01-01
2020-01-02T03:04:05+01:30 2020-03-08T02:30:00America/Los_Angeles 2020-01-02T03:04:05Nowhere/Land 12:34 T12:34 24:00 99:05
13:05PM 13:05AM 1:05pm 02/01/2020 2/1/2020 31/02/2020 2020/01/02 GMT2020-01-02 NA E x - e1 N.A. ١ ١. ١.5 １２ 𝟙 é today
2020-01-02X03:04 2020-01-02X13:04Z 2020-01-02X03:04-0200
""".split()
    + ["", " 1", "1 ", " ", " 2020-01-02", "2020-01-02 03:04:05", "2020-01-02  03", "2 Jan 2020", "2020-01-02 12"]
)

OPTIONS: list[dict[str, str]] = [
    {},
    {"nullValue": "NA"},
    {"nullValue": "1", "nanValue": "nan", "positiveInf": "x", "negativeInf": "2020-01-02"},
    {"preferDate": "false"},
    {"dateFormat": "dd/MM/yyyy"},
    {"dateFormat": "d/M/y", "timestampFormat": "yyyy-MM-dd'X'HH:mm[XXX]"},
    {"dateFormat": "yyyy-M-d"},
    {"dateFormat": "yyyy", "preferDate": "false"},
    {"dateFormat": "yyyyMMdd"},
    {"timestampFormat": "yyyy-MM-dd[ HH:mm:ss]"},
    {"timestampFormat": "hh:mm[a]"},
    {"timestampFormat": "HH:mm[a]"},
    {"timestampFormat": "h:mma", "timeZone": "America/Los_Angeles"},
    {"timestampFormat": "'true'", "dateFormat": "'x'"},
    {"timeZone": "Europe/Berlin"},
    {"enableDateTimeParsingFallback": "true", "dateFormat": "dd/MM/yyyy", "timestampFormat": "dd/MM/yyyy"},
    {"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"},
]
NTZ_OPTIONS: list[dict[str, str]] = [
    {},
    {"dateFormat": "yyyy/MM/dd"},
    {"timestampNTZFormat": "yyyy-MM-dd'X'HH:mm[XXX]"},
    {"timestampNTZFormat": "h:mm[a]", "timestampFormat": "yyyy-MM-dd[ HH:mm:ss]"},
    {"timestampFormat": "yyyy-MM-dd'X'HH:mm[XXX]", "preferDate": "false"},
]
CASES = [(options, False) for options in OPTIONS] + [(options, True) for options in NTZ_OPTIONS]


def columns(seed: int) -> list[list[str]]:
    """Columns of a few texts each, likely in a row in the list above: these have something in common."""
    dice = random.Random(seed)
    made = [[text] for text in TEXTS]
    while len(made) < COLUMNS + len(TEXTS):
        near = dice.randrange(len(TEXTS))
        pool = TEXTS if dice.random() < 0.3 else TEXTS[max(0, near - 8) : near + 8]
        made.append([dice.choice(pool) for _ in range(dice.randint(2, 5))])
    return made


def file_of(made: list[list[str]]) -> bytes:
    rows = max(map(len, made))
    padded = [column + [""] * (rows - len(column)) for column in made]
    return "".join("|".join(row) + "|z\n" for row in zip(*padded, strict=True)).encode()


def kernel_options(options: dict[str, str], ntz: bool) -> dict[str, str]:
    names = {"timeZone": "time_zone", "nullValue": "null_value", "nanValue": "nan_value"}
    names |= {"positiveInf": "positive_inf", "negativeInf": "negative_inf", "preferDate": "prefer_date"}
    names |= {"dateFormat": "date_format", "timestampFormat": "timestamp_format"}
    names |= {"timestampNTZFormat": "timestamp_ntz_format"}
    names |= {"enableDateTimeParsingFallback": "enable_date_time_parsing_fallback"}
    names |= {"ignoreLeadingWhiteSpace": "ignore_leading_white_space"}
    names |= {"ignoreTrailingWhiteSpace": "ignore_trailing_white_space"}
    return {names[k]: v for k, v in options.items()} | ({"timestamp_type": "TIMESTAMP_NTZ"} if ntz else {})


def inferred(library: str, data: bytes, width: int, options: dict[str, str]) -> list[str]:
    with Kernel({"sep": "|", **options}, columns=width, required=range(width), library=library) as kernel:
        kernel.scan(data, 0, len(data), limit=len(data), last=True)
        return [kernel.infer(slot, "null") for slot in range(width)]


@pytest.mark.parametrize(("options", "ntz"), CASES, ids=[f"{o}{' ntz' * n}" for o, n in CASES])
def test_random_columns(spark: SparkSession, library: str, tmp_path: Path, options: dict[str, str], ntz: bool) -> None:
    made = columns(SEED)
    path = tmp_path / "file.csv"
    path.write_bytes(file_of(made))
    spark.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ" if ntz else "TIMESTAMP_LTZ")
    try:
        schema = spark.read.options(sep="|", inferSchema="true", **options).csv(str(path)).schema
    finally:
        spark.conf.unset("spark.sql.timestampType")
    expected = [field.dataType.simpleString() for field in schema.fields]
    found = inferred(library, file_of(made), len(expected), kernel_options(options, ntz))
    found = ["string" if kind == "null" else kind for kind in found]
    wrong = [case for case in zip([*made, ["z"]], expected, found, strict=True) if case[1] != case[2]]
    assert not wrong, f"{len(wrong)} columns, Spark's type and ours: {wrong[:5]}"


def test_inference_goes_on_behind_what_a_column_is(library: str) -> None:
    with Kernel({}, columns=2, required=[0, 1], library=library) as kernel:
        data = b"1,2020\n2,2021\nx,\n"
        kernel.scan(data, 0, len(data), limit=len(data), last=True)
        assert kernel.infer(0, "null") == "string"
        assert kernel.infer(1, "null") == "int"
        assert kernel.infer(1, "date") == "timestamp"
        assert kernel.infer(1, "boolean") == "string"
        rows = kernel.lines_equal(b"x,")
        assert rows.to_pylist() == [False, False, True]
        for slot, so_far in ((2, "null"), (0, "integer"), (0, "float")):
            with pytest.raises(KernelError):
                kernel.infer(slot, so_far)


def test_merge_goes_by_the_options(library: str) -> None:
    assert merge("date", "timestamp", {}, library) == "timestamp"
    assert merge("date", "timestamp", {"timestamp_format": "yyyy", "multi_line": "true"}, library) == "string"
    assert merge("int", "boolean", {}, library) == "null"
    with pytest.raises(KernelError):
        merge("int", "what", {}, library)
