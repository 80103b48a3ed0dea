"""Splits cover an object exactly once and keep their bounds."""

import itertools

import pytest
from spark_storlets.partitioner.splits import splits_of


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
