"""Ranges of names tile, whatever the names are and whatever happens to them; numbers keep the order of names."""

import bisect
import itertools
import random

import pytest
from spark_storlets.partitioner.key_ranges import key_ranges
from spark_storlets.partitioner.names import Numbering, before, behind_prefix


class Container:
    """Names in memory that answers probes; `between` happens before each round of them."""

    def __init__(self, names, between=lambda names: None):
        self.names, self.between, self.asked = sorted(set(names)), between, 0

    def ask(self, probes):
        self.between(self.names)
        self.asked += len(probes)
        return [self.page(probe) for probe in probes]

    def page(self, probe):
        found = self.names[self.index(probe.after) : self.index(probe.upto)]
        return found[::-1][: probe.limit] if probe.reverse else found[: probe.limit]

    def index(self, key):
        return len(self.names) if key is None else bisect.bisect_right(self.names, key) if key else 0

    def counts(self, ranges):
        assert ranges[0].after == "" and ranges[-1].upto is None
        assert all(a.upto == b.after for a, b in itertools.pairwise(ranges))
        return [self.index(one.upto) - self.index(one.after) for one in ranges]


RANDOM = random.Random(7)
LETTERS = "ab/Z09é\U0001f600\ufffd ~\n\x01"
SETS = {
    "nothing": [],
    "one": ["x"],
    "few": [f"{i}" for i in range(700)],
    "numbers": [f"{i}" for i in range(100_000)],
    "of any letters": ["".join(RANDOM.choices(LETTERS, k=RANDOM.randint(1, 12))) for _ in range(50_000)],
    "other scripts": [chr(RANDOM.randint(0x4E00, 0x9FFF)) + "文" + str(i) for i in range(50_000)],
    "prefixes of each other": ["a" * i for i in range(1, 1024)] + ["a" * 500 + f"{i:05}" for i in range(20_000)],
    "hidden between sparse ones": [f"m/{i:06}" for i in range(90_000)]
    + [f"{c}{i:03}" for c in "ax" for i in range(600)],
    "cameras": [f"{who}/DCIM/{100 + i // 999}CANON/IMG_{i % 9999:04}.JPG" for who in "abc" for i in range(30_000)],
    "folders in the order of their sizes": [f"f{i:04}/{j:07}" for i in range(1, 1001) for j in range(20_000 // i)],
    "folders in no order": [f"f{i * 387 % 1009:04}/{j:07}" for i in range(1, 1001) for j in range(20_000 // i)],
}


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("total", [False, True])
def test_ranges_tile_within_the_budget(kind, total):
    container = Container(SETS[kind])
    for tasks, budget in [(1, 2), (7, 20), (32, 198)]:
        container.asked = 0
        ranges = key_ranges(container.ask, tasks, 1000, total=len(container.names) if total else None, budget=budget)
        assert len(ranges) <= tasks and container.asked <= budget
        assert sum(container.counts(ranges)) == len(container.names)


@pytest.mark.parametrize("kind", ["numbers", "other scripts", "hidden between sparse ones", "cameras"])
def test_tasks_are_within_three_times_of_each_other(kind):
    container = Container(SETS[kind])
    counts = container.counts(key_ranges(container.ask, 16, 500, total=len(container.names)))
    assert max(counts) <= 3 * min(counts)


def test_a_thousand_folders_in_no_order_are_even_with_two_requests_for_each():
    container = Container(SETS["folders in no order"])
    counts = container.counts(key_ranges(container.ask, 16, 500, total=len(container.names), budget=2000))
    assert max(counts) <= 3 * min(counts)


@pytest.mark.parametrize("keep", [0, 0.5])
def test_names_that_vanish_while_ranges_are_made(keep):
    def vanish(names):
        names[:] = [name for name in names if RANDOM.random() < keep or len(names) < 2000]
        if not keep:
            names.clear()

    container = Container(SETS["numbers"], lambda names: None)
    rounds = itertools.count()
    container.between = lambda names: vanish(names) if next(rounds) % 2 else None
    container.counts(key_ranges(container.ask, 16, 500, total=100_000))


@pytest.mark.parametrize("kind", ["numbers", "of any letters", "other scripts", "cameras"])
def test_numbers_are_in_the_order_of_names(kind):
    numbering = Numbering()
    names = sorted(set(RANDOM.sample(SETS[kind], 500)))
    for name in names[::2]:
        numbering.learn(name)
    numbers = [numbering.number(name) for name in names]
    assert numbers == sorted(numbers)
    assert len(set(numbers[::2])) == len(numbers[::2])
    for name, number in zip(names[::2], numbers[::2], strict=True):
        made = numbering.name(number, 0)
        assert numbering.number(made) == number and made <= name


def test_names_just_before_and_behind():
    for name in ["a", "abc", "x\x01", "\ue000", "\U00010000", "a\U0010ffff"]:
        assert before(name) < name
        before(name).encode()
        behind = behind_prefix(name)
        assert behind > name + "\U0010ffff" * 3 and not behind.startswith(name)
        behind.encode()
    assert behind_prefix("\ud7ff") == "\ue000"
    assert before("") == before("\x01") == ""
    assert behind_prefix("") is behind_prefix("\U0010ffff") is None
