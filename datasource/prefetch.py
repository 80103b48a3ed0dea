"""Calls that are made before their results are wanted, a few at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["sliding_prefetch"]

T = TypeVar("T")


def sliding_prefetch(
    iterator: Iterable[Callable[[], T]], window: int, stop: Callable[[], object] = lambda: None
) -> Generator[T, None, None]:
    """Give the results of calls in their order, while up to `window` of them are made at the same time.

        sliding_prefetch((functools.partial(fetch, url) for url in urls), window=4)

    A call that raises ends the iteration at its place, behind the results of those before it; so does an exception of
    the iterator itself. When the consumer stops (an error, a break, a close), no further call is begun, and those that
    have begun are waited for: no thread is left.

    Args:
        iterator: functions without arguments; taken from only as they are needed.
        window: how many calls are in flight at most.
        stop: called when the iteration ends, before those are waited for: it may tell them to end sooner.

    Raises:
        ValueError: the window is less than 1.
    """
    if window < 1:
        raise ValueError(f"a window is at least 1, not {window}")
    return _prefetched(iter(iterator), window, stop)


def _prefetched(calls: Iterator[Callable[[], T]], window: int, stop: Callable[[], object]) -> Generator[T, None, None]:
    ahead: deque[Future[T]] = deque()
    with ThreadPoolExecutor(window, thread_name_prefix="spark_storlets prefetch") as threads:
        try:
            ended = False
            while True:
                while not ended and len(ahead) < window:
                    try:
                        ahead.append(threads.submit(next(calls)))
                    except StopIteration:
                        ended = True
                    except Exception as error:
                        # Its place is behind the calls that came before it.
                        ahead.append(Future())
                        ahead[-1].set_exception(error)
                        ended = True
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            stop()
            threads.shutdown(wait=False, cancel_futures=True)
