"""Splits cover an object exactly once and keep their bounds."""

import heapq
import itertools

import pytest
from spark_storlets.partitioner.splits import arranged, grouped, joined, replica_for, splits_of
from spark_storlets.partitioner.topology import Topology


@pytest.mark.parametrize("size", [1, 2, 9, 100, 1023, 10**6])
@pytest.mark.parametrize("parallelism", [1, 3, 6, 50])
@pytest.mark.parametrize(("least", "largest"), [(1, 1000), (10, 10), (1 << 20, 1 << 28)])
def test_splits_cover_every_byte_once(size, parallelism, least, largest):
    splits = splits_of(size, parallelism, least, largest)
    assert splits[0].start == 0 and splits[-1].end == size
    assert all(a.end == b.start for a, b in itertools.pairwise(splits))
    assert all(0 < s.end - s.start <= largest for s in splits)


def test_store_decides_the_number_between_the_bounds():
    assert len(splits_of(60, 6, 1, 60)) == 6
    assert len(splits_of(60, 6, 30, 60)) == 2
    assert len(splits_of(60, 6, 1, 5)) == 12
    assert splits_of(0, 6, 1, 5) == []


def test_groups_are_even_and_keep_the_order():
    for sizes in ([5] * 100, [10_000] * 999 + [900_000] * 3, [1], [0, 0, 0], list(range(1, 200))):
        groups = grouped([(size, (at, size)) for at, size in enumerate(sizes)], 1000, 20_000)
        assert [one for group in groups for one in group] == list(enumerate(sizes))
        small = [sum(size for _, size in group) for group in groups if len(group) > 1]
        assert not small or max(small) - min(small) <= 2 * max(size for size in sizes if size < 1000 or len(small) > 1)


def test_what_is_large_is_a_group_of_its_own():
    groups = grouped([(size, size) for size in [3, 4, 100, 3, 200, 50]], 50)
    assert groups == [[3, 4], [100], [3], [200], [50]]


def test_a_huge_object_among_a_million_small_ones_ends_evenly():
    splits = [s.end - s.start for s in splits_of(100 << 30, 12, 1 << 20, 256 << 20)]
    objects = [splits] + [[10_000]] * 1_000_000
    tasks = [sum(group) for group in arranged(sized(objects), 12, 1 << 20, 16 << 20)]
    assert tasks[: len(splits)] == splits and len(tasks) < 20_000
    mixed = tasks[len(splits) :]
    assert max(mixed) <= 16 << 20 and max(mixed) - min(mixed) <= 10_000
    # Greedily on 12 places, in the order of the plan: the last one ends within one small task of the first.
    ends = [0] * 12
    for task in tasks:
        heapq.heapreplace(ends, ends[0] + task)
    assert max(ends) - min(ends) <= max(mixed)


def test_tiny_objects_count_by_their_requests():
    tasks = arranged(sized([[1]] * 100_000 + [[900_000]] * 1000), 6, 1 << 20, 16 << 20)
    assert max(map(len, tasks)) <= 65


def test_splits_of_an_object_stay_in_their_order_and_large_objects_come_first():
    assert arranged(sized([[], [3, 2], [50, 90, 10, 70], [1], [100, 100]]), 1, 50, 16 << 20) == [
        *([100], [100], [50], [90], [10], [70]),
        *([3], [2], [1]),
    ]


def test_joined_tasks_are_two_for_each_slot_and_keep_the_order():
    tasks = [[number] for number in range(12)]
    assert joined(tasks, 2) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert [len(task) for task in joined(tasks, 4)] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert joined(tasks, 6) == joined(tasks, 100) == tasks
    assert joined([], 2) == []


def sized(objects):
    return [[(size, size) for size in splits] for splits in objects]


def test_replicas_take_turns_and_objects_begin_at_different_ones():
    assert sorted(replica_for("c/o", split, 3) for split in range(6)) == [0, 0, 1, 1, 2, 2]
    begins = [replica_for(f"c/{number}", 0, 3) for number in range(3000)]
    assert all(900 < begins.count(replica) < 1100 for replica in range(3))


def test_busy_store_gets_fewer_requests_at_once():
    assert Topology(3, 4).parallelism == 12
    assert Topology(3, 4, running=5).parallelism == 7
    assert Topology(3, 4, running=50).parallelism == 3


@pytest.mark.parametrize("sizes", [[100] * 7, [1, 1000, 3, 1000, 2], [5] * 300, [900, 40, 40, 40, 900], [10, 0, 10]])
@pytest.mark.parametrize(("least", "largest"), [(1, 1000), (50, 70), (200, 1 << 20)])
def test_splits_of_segments_cover_every_byte_once(sizes, least, largest):
    ends = list(itertools.accumulate(sizes))
    splits = splits_of(ends[-1], 6, least, largest, ends[:-1])
    assert splits[0].start == 0 and splits[-1].end == ends[-1]
    assert all(a.end == b.start for a, b in itertools.pairwise(splits))
    assert all(min(least, ends[-1]) <= s.end - s.start or s.end - s.start > largest // 2 for s in splits)
    assert all(0 < s.end - s.start <= largest for s in splits)
    assert len(splits) <= 2 * len(splits_of(ends[-1], 6, least, largest)) + 1
    if min(sizes) >= least:
        across = [s for s in splits if any(s.start < e < s.end for e in ends) and not {s.start, s.end} <= {0, *ends}]
        assert not across, "what holds the end of a segment holds whole segments"
