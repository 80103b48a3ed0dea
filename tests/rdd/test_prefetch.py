"""Results in order, so many calls at the same time and no more, errors at their place, nothing left behind."""

import threading
from functools import partial

import pytest

from spark_storlets import sliding_prefetch


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("window", [1, 2, 7, 100])
def test_order_is_kept_whoever_is_ready_first(window):
    later = [threading.Event() for _ in range(20)]

    def call(number):
        # Each even one waits for the odd one after it, where both are in flight.
        if window > 1 and number % 2 == 0 and number + 1 < 20:
            later[number + 1].wait(10)
        later[number].set()
        return number

    assert list(sliding_prefetch((partial(call, n) for n in range(20)), window)) == list(range(20))


def test_nothing_comes_of_nothing():
    assert list(sliding_prefetch([], 3)) == []


def test_a_window_of_none_is_refused_at_once():
    with pytest.raises(ValueError, match="at least 1"):
        sliding_prefetch([], 0)


def test_as_many_as_the_window_are_in_flight_and_never_more():
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4)

    def call():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)
        with lock:
            running -= 1

    list(sliding_prefetch([call] * 12, 4))
    assert most == 4


def test_calls_are_taken_only_as_they_are_needed():
    taken = []

    def calls():
        for number in range(100):
            taken.append(number)
            yield lambda number=number: number

    found = sliding_prefetch(calls(), 3)
    assert taken == []
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 5 + 3
    found.close()


def test_an_error_comes_at_its_place():
    def call(number):
        if number == 3:
            raise KeyError(number)
        return number

    begun = []
    found = sliding_prefetch((lambda n=n: begun.append(n) or call(n) for n in range(100)), 2)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        next(found)
    assert list(found) == []
    assert len(begun) <= 5


def test_an_error_of_the_iterator_comes_behind_the_calls_before_it():
    def calls():
        yield lambda: 0
        yield lambda: 1
        raise OSError("no more pages")

    found = sliding_prefetch(calls(), 8)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(OSError, match="no more pages"):
        next(found)


def test_calls_that_have_begun_are_told_to_stop_when_one_fails():
    stopped = threading.Event()

    def fail():
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        list(sliding_prefetch([fail, partial(stopped.wait, 60)], 2, stopped.set))
    assert stopped.is_set()


def test_nothing_is_begun_after_the_consumer_stops():
    begun = []
    found = sliding_prefetch((lambda n=n: begun.append(n) or n for n in range(1000)), 4)
    for number in found:
        if number == 10:
            break
    found.close()
    count = len(begun)
    assert count <= 11 + 4
    assert len(begun) == count
