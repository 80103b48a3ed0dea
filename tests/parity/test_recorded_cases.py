"""Spark's recorded answers: each case is answered as Spark did, or refused by the name of what the store does not do.

named_cases.jsonl holds, in the same form, what the differential test has found and shrunk.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from recorded import answer, same_rows, schema_text

from spark_storlets.errors import StorletError, UnsupportedError

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = [DATA / "spark-csv-cases.jsonl", Path(__file__).with_name("named_cases.jsonl")]
CASES = [json.loads(line) for file in FILES for line in file.read_text(encoding="utf-8").splitlines()]

#: What may be refused where Spark answers: a part of the message, and why.
REFUSALS = {
    r"option inputbuffersize": "how Spark cuts its buffer decides what it answers [0.2]",
    r"option singlevariantcolumn|of type variant": "each value depends on the rows before it in Spark's task [5.14]",
    r"timeParserPolicy = (LEGACY|EXCEPTION)": "another parser, of the Julian calendar [5.16]",
    r"ignoreCorruptFiles": "which rows come before the damage depends on Spark's buffers",
    r"encoding = '(UTF-16|UTF-32|windows-1252)'": "UTF-16 reads only one record [1.12]; the others are hardly used",
    r"locale = ": "numbers and names of months of java.text [5.6]",
    r"timeType.enabled": "columns of type time are not made",
    r"samplingRatio": "which lines Spark samples depends on its splits [7.11]",
    r"of type (time\(|interval|void|array|map|struct|geometry|(var)?char\(|string with)": "not made",
    r"the pattern .* has parts": "custom patterns beyond the list [0.2]",
    r"these bytes with these options|does not read these options": "what Spark does by accident [0.2]",
    r"lines end in several ways": "multiLine with mixed line ends depends on a buffer [2.3]",
    r"only the column .* is selected": "Spark refuses that as well, if under another name [6.4]",
}
#: Where Spark cut the file into splits of 4 bytes, and took the header for data since it was not in the first [1.16].
CUT_BY_SPARK = {"lines-098", "lines-099", "lines-100"}
REFUSED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def ddl(spark: SparkSession) -> Callable[[str], dict[str, Any]]:
    """The JSON of a schema written as DDL, by Spark's own parser."""
    struct = spark.sparkContext._jvm.org.apache.spark.sql.types.StructType

    def parse(text: str) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(struct.fromDDL(text).json())
        return parsed

    return parse


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in CASES if case["id"] not in CUT_BY_SPARK]
)
def test_case(case: dict[str, Any], tmp_path: Path, ddl: Callable[[str], dict[str, Any]]) -> None:
    expected = case["expect"]
    fails = isinstance(expected, dict) and "error" in expected
    try:
        try:
            found, schema = answer(case, tmp_path, ddl)
        except UnsupportedError as refusal:
            reasons = [reason for part, reason in REFUSALS.items() if re.search(part, str(refusal), re.I)]
            assert reasons or fails, f"refused: {refusal}"
            REFUSED[reasons[0] if reasons else "Spark fails as well"] += 1
            return
    except StorletError as error:
        assert fails, f"Spark answers, and we fail: {error}"
        return
    except Exception as error:
        assert fails and type(error).__module__.startswith(("pyspark", "py4j")), f"{type(error).__name__}: {error}"
        return
    assert not fails, f"Spark fails with {expected}, and we answer {found}"
    if schema is not None:
        assert schema_text(schema) == case["expect_schema"]
    if isinstance(expected, dict):
        assert found == expected["count"]
    else:
        assert isinstance(found, list)
        if case.get("files"):
            # Spark reads large files first; which rows come first from several files is nobody's promise.
            expected, found = sorted(expected, key=repr), sorted(found, key=repr)
        differing = [pair for pair in zip_longest(expected, found) if not same_rows(*pair)]
        assert not differing, f"{len(differing)} rows differ (Spark's, ours): {differing[:3]}"


@pytest.mark.parametrize("name", sorted(CUT_BY_SPARK))
def test_header_behind_comments_is_no_data_however_the_file_is_cut(
    name: str, spark: SparkSession, tmp_path: Path, ddl: Callable[[str], dict[str, Any]]
) -> None:
    case = next(case for case in CASES if case["id"] == name)
    found, _ = answer(case, tmp_path, ddl)
    whole = spark.read.options(**case["options"]).csv(str(tmp_path / "f.csv"), schema=case["schema"])
    assert found == [list(row) for row in whole.collect()]
    assert found != case["expect"]


def test_refusals_are_few() -> None:
    """What is refused is printed, by reason, with -rP."""
    for reason, count in REFUSED.most_common():
        print(f"{count:5} {reason}")
    assert sum(REFUSED.values()) < len(CASES) / 7
