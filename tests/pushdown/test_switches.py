"""Every pushdown can be switched off; EXPLAIN shows what is pushed and what is left."""

import pytest

import spark_storlets
from spark_storlets.errors import ConfigurationError

QUESTIONS = {
    "pushPredicates": ("SELECT n FROM read WHERE n > 3 AND s LIKE 'a%'", "pushed=[n IS NOT NULL, "),
    "pushAggregates": ("SELECT s, count(*) FROM read GROUP BY s", "aggregated"),
    "pushLimit": ("SELECT s FROM read ORDER BY n LIMIT 2", "top=[n ASC NULLS FIRST] limit=2"),
}
CONTENT = b"".join(b"%d,%s\n" % (n, b"abc"[n % 3 : n % 3 + 2]) for n in range(50))


@pytest.mark.parametrize("option", QUESTIONS)
def test_pushdown_is_on_unless_it_is_switched_off(option, ask, put):
    question, shown = QUESTIONS[option]
    path, answers = put("switches.csv", CONTENT), []
    for value in ("true", "FALSE"):
        ask.read(path, "n int, s string", **{option: value})
        answers.append(spark_storlets.answer(ask.spark.sql(question)))
    on, off = answers
    assert sorted(on.rows) == sorted(off.rows) != []
    assert shown in on.scans[0].description and shown not in off.scans[0].description
    assert on.scans[0].rows_returned < off.scans[0].rows_returned == 50


def test_a_switch_that_is_neither_on_nor_off_is_an_error(ask, put):
    path = put("switches.csv", CONTENT)
    with pytest.raises(Exception, match="pushLimit is true or false, not 'maybe'") as caught:
        ask.read(path, "n int, s string", pushLimit="maybe")
        ask.spark.sql("SELECT * FROM read LIMIT 1").collect()
    assert isinstance(spark_storlets.error_from_spark(caught.value), ConfigurationError)


def test_explain_shows_what_is_pushed_and_what_is_left(ask):
    plan = ask.description("SELECT i FROM {t} WHERE i > 3 AND isnan(x) AND upper(s) = 'AB'")
    assert "pushed=[i IS NOT NULL, s IS NOT NULL, i > 3, " in plan
    assert "left=[UPPER(s) = 'AB']" in plan  # isnan is not even offered
    assert "isnan(x" in plan


def test_filters_too_long_for_a_request_become_a_range_that_spark_sifts_again(ask):
    numbers = ", ".join(map(str, range(10_000_000, 90_000_000, 8_009)))
    texts = numbers.replace(", ", "', '")
    for test in (f"l IN (1, 5, 4294967296, {numbers})", f"NOT l IN (1, 5, {numbers})", f"s IN ('ab', 'é', '{texts}')"):
        question = f"SELECT n FROM {{t}} WHERE {test}"
        found = ask.rows(question, "on")
        assert found == ask.rows(question, "csv") and len(found) > 10
    plan = ask.description(f"SELECT n FROM {{t}} WHERE l IN (1, 5, {numbers})")
    assert "pushed=[(l >= 1 AND l <= 89" in plan and "left=[l IN " in plan
