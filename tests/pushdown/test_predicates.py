"""Filters evaluated in the store keep the rows that Spark keeps; what is pushed, and what is left, shows in the plan."""

import os
import random

import pytest
from predicates_pushed import EXACT, FAILING, LEFT, SIEVED

TOGETHER = 12
SEED = 7
RANDOM_QUESTIONS = int(os.environ.get("SPARK_STORLETS_TEST_QUERIES", "48"))


def together(conditions):
    return " UNION ALL ".join(f"SELECT {at} AS q, n FROM {{t}} WHERE {one}" for at, one in enumerate(conditions))


def chunks(conditions):
    return [conditions[at : at + TOGETHER] for at in range(0, len(conditions), TOGETHER)]


def check(ask, conditions):
    if ask.rows(together(conditions), "on") != ask.rows(together(conditions), "csv"):
        for condition in conditions:
            question = together([condition])
            assert ask.rows(question, "on") == ask.rows(question, "csv"), condition
        raise AssertionError("together they differ, each alone does not")


@pytest.mark.parametrize("conditions", chunks([*EXACT, *SIEVED, *LEFT]), ids=lambda c: c[0])
def test_filter_keeps_the_rows_that_spark_keeps(conditions, ask):
    check(ask, conditions)


@pytest.mark.parametrize("conditions", chunks(EXACT), ids=lambda c: c[0])
def test_filter_is_evaluated_in_the_store_alone(conditions, ask):
    for condition in conditions:
        plan = ask.description(f"SELECT n FROM {{t}} WHERE {condition}")
        assert "left=" not in plan and "Filter " not in plan, condition


@pytest.mark.parametrize("condition", SIEVED)
def test_filter_that_is_exact_for_most_rows_is_a_sieve(condition, ask):
    plan = ask.description(f"SELECT n FROM {{t}} WHERE {condition}")
    assert "left=" in plan and "(NOT (" in plan, condition


@pytest.mark.parametrize("condition", LEFT)
def test_filter_that_the_store_cannot_evaluate_exactly_is_left(condition, ask):
    assert "Filter " in ask.description(f"SELECT n FROM {{t}} WHERE {condition}")


@pytest.mark.parametrize("condition", FAILING)
def test_filter_on_which_spark_fails_fails(condition, ask):
    question = together([condition])
    assert ask.failure(question, "csv") == ask.failure(question, "on") is not None


def test_generated_filters_keep_the_rows_that_spark_keeps(ask):
    chance = random.Random(SEED)
    for _ in range(-(-RANDOM_QUESTIONS // TOGETHER)):
        check(ask, [generated(chance, 3) for _ in range(TOGETHER)])


def generated(chance, depth):
    """A random combination of the filters that the store evaluates."""
    if depth == 0 or chance.random() < 0.2:
        return f"({chance.choice(EXACT)})"
    word = chance.choice(["AND", "OR", "NOT"])
    if word == "NOT":
        return f"(NOT {generated(chance, depth - 1)})"
    return f"({generated(chance, depth - 1)} {word} {generated(chance, depth - 1)})"


def test_filters_are_exact_without_ansi(ask):
    ask.spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        for conditions in chunks(EXACT[::3]):
            check(ask, conditions)
    finally:
        ask.spark.conf.unset("spark.sql.ansi.enabled")
