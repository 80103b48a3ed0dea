"""Pushdown in the other modes for malformed records, and in another time zone: the same answers, or the same failure."""

import pytest

QUESTIONS = [
    "SELECT n, i, x FROM {} WHERE i > 1 AND s LIKE 'a%'",
    "SELECT n FROM {} WHERE x > 1 OR d IS NULL",
    "SELECT n FROM {} WHERE year(d2) > 2000 AND length(s) = 1",
    "SELECT n FROM {} WHERE upper(s) = 'AB'",
    "SELECT count(*) FROM {}",
    "SELECT g, count(*), sum(i), max(x) FROM {} GROUP BY g",
    "SELECT g, count(*), sum(l) FROM {} WHERE sh > 1 GROUP BY g",
    "SELECT n, x FROM {} ORDER BY x DESC, n LIMIT 9",
    "SELECT n, s FROM {} WHERE i = 3 ORDER BY s, n LIMIT 9",
]
ZONED = [
    "ts >= '1995-01-01'", "ts < TIMESTAMP '1995-01-01 12:00:00'", "ts = TIMESTAMP '2020-01-02 03:04:05.123456'",
    "hour(ts) = 12", "year(ts) = 1995", "CAST(ts AS DATE) = DATE '1995-01-01'", "hour(tn) = 12", "year(tn) = 1995",
    "tn >= '1995-01-01'", "CAST(tn AS DATE) = DATE '1995-01-01'", "d >= '1995-01-01'", "month(d) = 3", "ts > tn",
]  # fmt: skip


@pytest.fixture(scope="module", params=["DROPMALFORMED", "FAILFAST"])
def mode(ask, request):
    name = request.param.lower()
    ask.view(name, *ask.table, mode=request.param, minSplitSize="40000", maxSplitSize="40000")
    return name


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_in_other_modes_are_those_of_spark(ask, mode, question):
    question = question.replace("{}", "{" + mode + "}")
    failure = ask.failure(question, "csv")
    assert ask.failure(question, "on") == failure
    if failure is None:
        assert ask.rows(question, "on") == ask.rows(question, "csv")


@pytest.mark.parametrize("question", ["SELECT n FROM t_on WHERE hour(ts) = 12", "SELECT max(year(ts)) FROM t_on"])
def test_a_query_planned_in_one_time_zone_is_not_run_in_another(ask, question):
    frame = ask.spark.sql(question)
    frame.explain()
    ask.spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        with pytest.raises(Exception, match="settings, such as its time zone, have changed"):
            frame.collect()
    finally:
        ask.spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert ask.spark.sql(question).collect()


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kolkata"])
def test_filters_are_exact_in_another_time_zone(ask, zone):
    ask.spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        for condition in ZONED:
            question = f"SELECT n FROM {{t}} WHERE {condition}"
            assert ask.rows(question, "on") == ask.rows(question, "csv") != [], condition
        assert "left=[" not in ask.description("SELECT n FROM {t} WHERE year(tn) = 1995")
        assert "left=[" in ask.description("SELECT n FROM {t} WHERE year(ts) = 1995")
    finally:
        ask.spark.conf.set("spark.sql.session.timeZone", "UTC")
