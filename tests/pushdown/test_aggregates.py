"""Aggregates put together of parts made in the store are Spark's own."""

import pytest

QUESTIONS = [
    "SELECT count(*) FROM {t}",
    "SELECT count(*), count(i), sum(i), min(i), max(i), avg(i) FROM {t}",
    "SELECT count(*) FROM {t} WHERE i > 1000000000 AND i < 1000000001",
    "SELECT sum(i), count(s), min(x), avg(x) FROM {t} WHERE i > 1000000000 AND i < 1000000001",
    "SELECT g, count(*), sum(l), min(l), max(l) FROM {t} GROUP BY g",
    "SELECT g, s, count(*), sum(by), sum(sh), avg(by) FROM {t} GROUP BY g, s",
    "SELECT g, min(x), max(x), count(x) FROM {t} GROUP BY g",
    "SELECT min(x), max(x), min(f), max(f) FROM {t} WHERE x > 0 AND f > 0",
    "SELECT max(x) FROM {t} WHERE x < 5",
    "SELECT g, sum(f), avg(f) FROM {t} WHERE f < 10 GROUP BY g",
    "SELECT x, count(*) FROM {t} GROUP BY x",
    "SELECT f, count(*) FROM {t} GROUP BY f",
    "SELECT DISTINCT g, b FROM {t}",
    "SELECT DISTINCT s FROM {t}",
    "SELECT s, count(*) FROM {t} WHERE i > 1 GROUP BY s",
    "SELECT g, min(s), max(s), min(d), max(d2), min(ts), max(tn), min(b), max(b) FROM {t} GROUP BY g",
    "SELECT b, d, ts, tn, dec, by, sh, count(*) FROM {t} GROUP BY b, d, ts, tn, dec, by, sh",
    "SELECT g, min(bin), max(bin), count(bin) FROM {t} GROUP BY g",
    "SELECT bin, count(*) FROM {t} GROUP BY bin",
    "SELECT sum(dec), avg(dec), min(dec), max(dec) FROM {t}",
    "SELECT g, sum(dec), sum(dec2), min(dec2) FROM {t} GROUP BY g",
    "SELECT avg(dec2) FROM {t}",
    "SELECT sum(dec * dec2), sum(dec + dec2), sum(dec2 - 1) FROM {t}",
    "SELECT year(d), count(*) FROM {t} GROUP BY year(d)",
    "SELECT year(d2), month(d2), count(*) FROM {t} GROUP BY year(d2), month(d2)",
    "SELECT g, sum(x * x2) FROM {t} WHERE x < 5 AND x2 < 5 GROUP BY g",
    "SELECT sum(i + i2) FROM {t} WHERE i BETWEEN -99 AND 99 AND i2 BETWEEN -99 AND 99",
    "SELECT count(DISTINCT s), sum(DISTINCT g) FROM {t}",
    "SELECT g, count(DISTINCT s), count(*) FROM {t} GROUP BY g",
    "SELECT count(*) FILTER (WHERE i > 1) FROM {t}",
    "SELECT g, count(*) AS n FROM {t} GROUP BY g HAVING n > 150",
    "SELECT g, count(*) AS n FROM {t} GROUP BY g ORDER BY n DESC, g LIMIT 2",
    "SELECT count(*) FROM {t} WHERE upper(s) = 'AB'",
    "SELECT g, stddev(x2), first(g) FROM {t} WHERE x2 < 5 GROUP BY g",
    "SELECT sum(CASE WHEN i > 1 THEN 1 ELSE 0 END), count(CASE WHEN b THEN 1 END) FROM {t}",
    "SELECT CASE WHEN i > 1 THEN 'big' ELSE 'small' END, count(*) FROM {t} GROUP BY 1",
    "SELECT i > 1, b AND i2 > 1, count(*) FROM {t} GROUP BY i > 1, b AND i2 > 1",
    "SELECT length(s), count(*), max(length(s2)) FROM {t} GROUP BY length(s)",
    "SELECT substring(s, 1, 1), count(*) FROM {t} GROUP BY 1",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_aggregates_are_those_of_spark(ask, question):
    assert ask.rows(question, "on") == ask.rows(question, "csv")


@pytest.mark.parametrize(
    "question",
    [
        "SELECT count(*) FROM {t}",
        "SELECT g, sum(i), avg(x), min(s), max(dec) FROM {t} WHERE i > 1 AND s LIKE 'a%' GROUP BY g",
        "SELECT DISTINCT year(d) FROM {t}",
        "SELECT sum(dec * dec2), sum(x * (1 - x2)) FROM {t}",
    ],
)
def test_aggregates_are_made_in_the_store(ask, question):
    assert "aggregated" in ask.description(question)


@pytest.mark.parametrize(
    "question",
    [
        "SELECT count(DISTINCT s) FROM {t}",
        "SELECT avg(dec) FROM {t}",  # Spark adds up in a wider type than the one that it would have from the store
        "SELECT avg(l) FROM {t}",  # Spark adds up in double, and would have a sum that overflows from the store
        "SELECT sum(i + i2) FROM {t}",  # may overflow
        "SELECT count(*) FROM {t} WHERE upper(s) = 'AB'",
    ],
)
def test_aggregates_that_the_store_does_not_make_exactly_stay_with_spark(ask, question):
    assert "aggregated" not in ask.description(question)


def test_an_empty_object_counts_nothing(ask, put):
    ask.read(put("empty.csv", b""), "a int, b string")
    assert [tuple(row) for row in ask.spark.sql("SELECT count(*), count(a), sum(a), min(b) FROM read").collect()] == [
        (0, 0, None, None)
    ]
    assert ask.spark.sql("SELECT b, count(*) FROM read GROUP BY b").collect() == []
