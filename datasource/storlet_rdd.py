"""Any storlet's output as an RDD.

The driver lists the objects and makes the requests; a task sends them, a few before their turn. What a call answers is
taken whole before any of it is handed out, on disk where it is long, so that a call that breaks off can be repeated and
nothing is lost or doubled. The tasks carry a token, never the key.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import requests
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.options import ReadOptions, session_options
from spark_storlets.datasource.paths import find, look_at
from spark_storlets.datasource.prefetch import sliding_prefetch
from spark_storlets.datasource.storlet_call import call_of, request_for, table_request, take, trailer_of
from spark_storlets.datasource.topology import topology_of
from spark_storlets.partitioner.splits import Split, grouped, splits_of

from spark_storlets.errors import ConfigurationError, IncompleteAnswerError, StoreUnavailableError

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

__all__ = ["storlet_rdd"]

Json = dict[str, Any]
#: Bytes of an answer that are kept in memory.
IN_MEMORY = 8 << 20
#: Small objects share a task, but not more than so many.
CALLS_PER_TASK = 64
PAUSE = 0.2  # seconds before the first repetition


def storlet_rdd(
    sc: SparkContext,
    paths: str | Sequence[str],
    storlet: str,
    params: Mapping[str, Any] | None = None,
    output: str = "lines",
    ranges: bool = False,
    **options: object,
) -> RDD[Any]:
    """Make an RDD of what a storlet answers on objects in Swift.

        storlet_rdd(sc, "swift://logs/*.jsonl", "jsonl.py", params={"args": "--where level=ERROR"}).count()

    Args:
        sc: the Spark context.
        paths: of objects or folders, or patterns, as the reader takes them.
        storlet: the name under which it is deployed.
        params: the storlet's parameters, as text; for output="rows" the request of a TableStorlet, as JSON.
        output: what the elements are. "lines": the lines of the output, as sc.textFile cuts them. "bytes": pairs of the
            object's path and the whole output of a call. "rows": the rows of a TableStorlet's table.
        ranges: cut objects into splits as the reader does, and give the storlet only the bytes of one in each call.
        options: those of the reader: authUrl, user, key, window, retries, minSplitSize, …; those of the context's
            configuration count too.

    Raises:
        ConfigurationError: an argument cannot be understood.
        NotFoundError: the storlet is not deployed, or a path names nothing.
    """
    if output not in _OUTPUTS:
        raise ConfigurationError(f"output = {output!r} is none of {', '.join(_OUTPUTS)}.")
    given = [paths] if isinstance(paths, str) else list(paths)
    texts = {name: str(value) for name, value in options.items()}
    read = ReadOptions.parse({**session_options(sc), **texts, "paths": json.dumps(given)})
    client = read.client()
    client.headers("storlet", storlet)
    calls = [
        (split.end - split.start, _Call(request, item_path))
        for split, request, item_path in _calls(client, read, storlet, params or {}, output, ranges)
    ]
    least = read.min_split_size
    groups = grouped(((max(size, -(-least // CALLS_PER_TASK)), call) for size, call in calls), least)
    task = functools.partial(_task, output=output, reading=dict(read.reading))
    return sc.parallelize(groups, max(1, len(groups))).mapPartitions(task)


def _calls(
    client: SwiftClient,
    read: ReadOptions,
    storlet: str,
    params: Mapping[str, Any],
    output: str,
    ranges: bool,
) -> Iterator[tuple[Split, Json, str]]:
    found = find(client, read.paths, read.base_path, read.recursive).flat()
    topology = functools.cache(lambda container: topology_of(client, container, read))
    for stored in look_at(client, found, trusting=True):
        shape = topology(stored.container)
        # No object server has an erasure-coded object as one file, as with a large one.
        item = replace(stored, large=stored.large or shape.erasure_coded)
        splits = [Split(0, item.size)]
        if ranges and item.size:
            splits = splits_of(item.size, shape.parallelism, read.min_split_size, read.max_split_size)
        for split in splits:
            if output == "rows":
                body = table_request(item.name, item.size, split, params)
                request = request_for(client, item, body, storlet)
            else:
                texts = {name: str(value) for name, value in params.items()}
                request = call_of(client, item, storlet, texts, split, split if len(splits) > 1 else None)
            yield split, request, f"swift://{item}"


class _Call:
    """A request and its object's path; what is shown of it holds no token."""

    def __init__(self, request: Json, path: str) -> None:
        self.request, self.path = request, path

    def __repr__(self) -> str:
        return f"{self.path} {self.request['range']}"


def _task(groups: Iterable[list[_Call]], output: str, reading: Mapping[str, int]) -> Iterator[Any]:
    """Make the calls of a partition; runs in the executors."""
    stopped = threading.Event()
    calls = [call for group in groups for call in group]
    fetches = (functools.partial(_answer, call.request, reading, stopped) for call in calls)
    with contextlib.closing(sliding_prefetch(fetches, reading["window"], stopped.set)) as answers:
        for call, answer in zip(calls, answers, strict=True):
            with answer:
                yield from _OUTPUTS[output](call, answer)


def _answer(request: Json, reading: Mapping[str, int], stopped: threading.Event) -> IO[bytes]:
    """Make a call and take its whole answer; repeat it if the store was not able to give it."""
    for attempt in range(reading["retries"] + 1):
        try:
            return _attempt(request, reading, stopped)
        except (StoreUnavailableError, IncompleteAnswerError):
            if attempt == reading["retries"] or stopped.wait(PAUSE * 2**attempt):
                raise
    raise AssertionError("the last attempt returns or raises")


def _attempt(request: Json, reading: Mapping[str, int], stopped: threading.Event) -> IO[bytes]:
    answer: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (its reader closes it)
    timeouts = (reading["connectTimeout"], reading["readTimeout"])
    take(request, answer, _session(), timeouts, stopped.is_set)
    answer.seek(0)
    return answer


_LOCAL = threading.local()


def _session() -> requests.Session:
    """Give this thread's connections to the store."""
    if not hasattr(_LOCAL, "session"):
        _LOCAL.session = requests.Session()
        _LOCAL.session.trust_env = False  # no .netrc may put in other credentials
    session: requests.Session = _LOCAL.session
    return session


def _lines(call: _Call, answer: IO[bytes]) -> Iterator[str]:
    for line in io.TextIOWrapper(answer, "utf-8", "replace"):
        yield line.removesuffix("\n")


def _bytes(call: _Call, answer: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    yield call.path, answer.read()


def _rows(call: _Call, answer: IO[bytes]) -> Iterator[Any]:
    from pyspark.sql import Row

    data = answer.read()
    trailer_of(call.request, data)
    for values in rows_of(data):
        yield Row(**values)


def rows_of(table: bytes) -> Iterator[dict[str, Any]]:
    """Read a table stream whose trailer was found good."""
    for batch in pa.ipc.open_stream(table):
        yield from batch.to_pylist(maps_as_pydicts="strict")


_OUTPUTS: Mapping[str, Callable[[_Call, IO[bytes]], Iterator[Any]]] = {"lines": _lines, "bytes": _bytes, "rows": _rows}
