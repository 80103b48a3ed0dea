"""Spark's recorded answers: each case is answered as Spark did, or refused by the name of what the store does not do."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from recorded import answer, same_rows

from spark_storlets.errors import StorletError, UnsupportedError

DATA = Path(__file__).resolve().parents[1] / "data"
CASES = [json.loads(line) for line in (DATA / "spark-csv-cases.jsonl").read_text(encoding="utf-8").splitlines()]
REFUSED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def ddl(spark: SparkSession) -> Callable[[str], dict[str, Any]]:
    """The JSON of a schema written as DDL, by Spark's own parser."""
    struct = spark.sparkContext._jvm.org.apache.spark.sql.types.StructType

    def parse(text: str) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(struct.fromDDL(text).json())
        return parsed

    return parse


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any], tmp_path: Path, ddl: Callable[[str], dict[str, Any]]) -> None:
    expected = case["expect"]
    fails = isinstance(expected, dict) and "error" in expected
    try:
        try:
            found, schema = answer(case, tmp_path, ddl)
        except UnsupportedError as refusal:
            REFUSED[str(refusal)] += 1
            pytest.skip(f"refused: {refusal}")
    except StorletError as error:
        assert fails, f"Spark answers, and we fail: {error}"
        return
    except Exception as error:
        assert fails and type(error).__module__.startswith(("pyspark", "py4j")), f"{type(error).__name__}: {error}"
        return
    assert not fails, f"Spark fails with {expected}, and we answer {found}"
    if case["schema"] is None:
        simple = {"integer": "INT", "long": "BIGINT"}
        kinds = [f"{f['name']} {simple.get(f['type'], f['type'].upper())}" for f in (schema or {})["fields"]]
        assert ", ".join(kinds) == case["expect_schema"]
    if isinstance(expected, dict):
        assert found == expected["count"]
    else:
        assert isinstance(found, list)
        if case.get("files"):  # in which order files are read is no rule
            expected, found = sorted(expected, key=repr), sorted(found, key=repr)
        assert same_rows(expected, found), f"Spark: {expected}\nours:  {found}"
