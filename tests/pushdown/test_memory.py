"""What a storlet holds is bounded: past that it sends partial groups, or rows that may not be among the first."""

import random
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "storlets"))

import storlet_aggregate
import storlet_batches
import storlet_top
from storlet_aggregate import Aggregate
from storlet_top import Top

SCHEMA = pa.schema([("k", pa.string()), ("n", pa.int64())])
SUM = {
    "groups": [["k", {"col": "k"}, "string"]],
    "functions": [["sum(n)", "sum", {"col": "n"}, "bigint"], ["count(*)", "count", None, "bigint"]],
}
TOP = {"rows": 3, "keys": [[{"col": "n"}, False, False]]}
LARGEST = (1 << 63) - 1


def batches(rows, size=10):
    for at in range(0, len(rows), size):
        keys, numbers = zip(*rows[at : at + size], strict=True)
        yield pa.record_batch([pa.array(keys), pa.array(numbers, pa.int64())], schema=SCHEMA)


def fed(made, rows):
    for batch in batches(rows):
        assert made.take(batch)
    made.finish()


def aggregated(rows):
    sent = []
    fed(Aggregate(SUM, sent.append), rows)
    return [tuple(row.values()) for table in sent for row in table.to_pylist()], [table.num_rows for table in sent]


def totals(rows):
    sums, counts = Counter(), Counter()
    for key, number, count in rows:
        sums[key] += number
        counts[key] += count
    return sums, counts


@pytest.mark.parametrize("limit", ["groups", "bytes"])
def test_more_groups_than_are_held_are_sent_in_parts(limit, monkeypatch):
    monkeypatch.setattr(storlet_aggregate, "BATCH_ROWS", 50)
    if limit == "groups":
        monkeypatch.setattr(storlet_aggregate, "GROUPS", 100)
    else:
        monkeypatch.setattr(storlet_aggregate, "GROUP_BYTES", 3000)
    chance = random.Random(1)
    rows = [(f"key {chance.randrange(400)}", chance.randrange(-9, 9)) for _ in range(2000)]
    found, sizes = aggregated(rows)
    assert totals(found) == totals([(*row, 1) for row in rows])
    assert 400 < len(found) < 2000 and max(sizes) <= 150


def test_few_groups_are_sent_once(monkeypatch):
    monkeypatch.setattr(storlet_aggregate, "BATCH_ROWS", 50)
    found, sizes = aggregated([(f"key {n % 5}", n) for n in range(2000)])
    assert len(found) == 5 and sizes == [5]


def test_rows_whose_sum_has_no_long_are_sent_one_by_one():
    rows = [("a", LARGEST), ("b", 1), ("a", 1), ("a", -5), ("b", -LARGEST - 1)]
    found, _ = aggregated(rows)
    assert sorted(found) == sorted((*row, 1) for row in rows)


def test_long_rows_wait_only_until_they_fill_their_bytes(monkeypatch):
    monkeypatch.setattr(storlet_batches, "BYTES", 10_000)
    waiting = storlet_batches.Waiting(1_000_000)
    (batch,) = batches([("x" * 6000, 1)])
    assert [waiting.add(batch), waiting.add(batch)] == [False, True]
    assert len(waiting.taken()) == 2 and not waiting.add(batch)


@pytest.mark.parametrize("held", [storlet_top.HELD_BYTES, 0])
def test_first_rows_are_among_those_sent(held, monkeypatch):
    monkeypatch.setattr(storlet_top, "HELD_BYTES", held)
    monkeypatch.setattr(storlet_top, "BATCH_ROWS", 20)
    numbers = list(range(1000))
    random.Random(1).shuffle(numbers)
    sent = []
    fed(Top(TOP, SCHEMA, sent.append), [(str(n), n) for n in numbers])
    found = sorted((row["n"] for table in sent for row in table.to_pylist()), reverse=True)
    assert found[:3] == [999, 998, 997]
    assert len(found) == 3 if held else 3 < len(found) < 200
