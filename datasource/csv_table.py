"""A table of CSV objects: its columns, and the splits in which the CSV storlet reads it.

What must be known of an object before it can be split (where its records begin) and what its columns are, the storlet
finds out in the store. That is asked once for each version of an object and kept.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient
from spark_storlets.datasource.csv_options import CsvOptions, compression_of
from spark_storlets.datasource.deploy import CSV, check_deployed
from spark_storlets.datasource.kernel import csv_kernel
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.paths import look_at
from spark_storlets.datasource.storlet_call import PROTOCOL, facts_of
from spark_storlets.datasource.topology import topology_of
from spark_storlets.partitioner.splits import Split, splits_of
from spark_storlets.partitioner.topology import Topology

from spark_storlets.errors import ConfigurationError

CALLS_AT_ONCE = 16
FACTS_KEPT = 10_000
#: What storlets/csv_index_storlet.py has put into an object's metadata.
_INDEX, _CUTS = "x-object-meta-csv-index", "x-object-meta-csv-cuts-"
Json = dict[str, Any]


class CsvTable:
    """The objects of one read.

    Args:
        client: logged in.
        options: of the read.
        csv: how its records are written.
        listed: the objects, of which each is looked at.

    Raises:
        ConfigurationError: the storlet is not deployed, or not this release's.
        NotFoundError: an object is gone.
    """

    def __init__(self, client: SwiftClient, options: ReadOptions, csv: CsvOptions, listed: Sequence[Listed]) -> None:
        self._client, self._options, self._csv = client, options, csv
        check_deployed(client, CSV)
        self._topologies: dict[str, Topology] = {}
        found = look_at(client, listed)
        # No object server has an erasure-coded object as one file, as with a large one.
        coded = {container for container in {o.container for o in found} if self.topology(container).erasure_coded}
        self.objects = [replace(item, large=True) if item.container in coded else item for item in found]

    def columns(self) -> list[tuple[str, str]]:
        """Find names and types as Spark does: names from the first record, types (if asked for) from all.

        Returns:
            Names and Spark's simple type names; none if there is no record.
        """
        # Spark reads the largest file first, where it reads line by line.
        order = self.objects if self._csv.multi_line else sorted(self.objects, key=lambda o: -o.size)
        heads = (self._head(item, naming=True, header=self._csv.header) for item in order if item.size)
        head = next((found for found in heads if found["tokens"] is not None), None)
        if head is None:
            return []
        names = column_names(head["tokens"], self._csv)
        if not self._csv.infer_schema:
            return [(name, "string") for name in names]
        self._csv.check_inference()
        # Lines like the one that gave the names are no data; a multiLine object's first record is its header [7.10].
        line = head["line"] if self._csv.header and not self._csv.multi_line else None
        request = {"op": "infer", "columns": len(names), "line": line}
        with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
            asked = [(item, {**split, **request}) for item in self.objects for split in self.splits(item, line is None)]
            found = list(threads.map(lambda one: facts_of(self._client, *one)["types"], asked))
        merge = functools.partial(csv_kernel().merge, options=self._csv.kernel)
        types = [functools.reduce(merge, column) for column in zip(*found, strict=True)]
        return [(n, "string" if t == "null" else t) for n, t in zip(names, types, strict=True)]

    def topology(self, container: str) -> Topology:
        """Give the store's shape for a container, asked for once."""
        if container not in self._topologies:
            self._topologies[container] = topology_of(self._client, container, self._options)
        return self._topologies[container]

    def splits(self, item: StoredObject, but_header: bool = True) -> list[Json]:
        """Cut an object into splits, each as that part of a request that says what is read and how.

        Args:
            item: the object.
            but_header: is a header, if there is one, no part of them?
        """
        compression, options = compression_of(item.name), self._options
        header = self._csv.header and but_header
        body = self._whole(item, header)
        if compression is not None:
            return [body]
        parallelism, ends = self.topology(item.container).parallelism, self._client.segment_ends(item)
        splits = splits_of(item.size, parallelism, options.min_split_size, options.max_split_size, ends)
        if len(splits) <= 1:
            return [body]  # of an empty object too: count(*) without groups has a row
        if not self._csv.multi_line and overlaps_itself(separator_bytes(self._csv)):
            # Such a line separator is found right only from the object's begin on.
            return [body]
        # Every split but the first must know where the first record begins.
        head = self._head(item, naming=False, header=header)
        body |= {"csv": head["options"], "data_start": head["data_start"]}
        if self._csv.multi_line:
            starts = [0, *self._cuts(item, body, [s.start for s in splits])]
            splits = [Split(*bounds) for bounds in itertools.pairwise([*starts, item.size])]
            return [{**body, "aligned": True, "begin": s.start, "start": s.start, "end": s.end} for s in splits]
        back = len(separator_bytes(self._csv))
        return [{**body, "begin": max(0, s.start - back), "start": s.start, "end": s.end} for s in splits]

    def nothing(self, item: StoredObject) -> Json:
        """Give a split without records: no byte of the object is read."""
        return {**self._whole(item, False), "end": 0, "data_start": 0}

    def _whole(self, item: StoredObject, header: bool) -> Json:
        return {
            "v": PROTOCOL,
            "csv": dict(self._csv.kernel),
            "header": header,
            "size": item.size,
            "compression": compression_of(item.name),
            "begin": 0,
            "start": 0,
            "end": None,
            "data_start": None,
            "aligned": False,
        }

    def _cuts(self, item: StoredObject, body: Json, near: Sequence[int]) -> list[int]:
        """Find the first record at or behind each of some offsets of a multiLine object: none if it cannot be cut."""
        first, kernel = body["data_start"], csv_kernel()
        parts = list(itertools.pairwise([first, *(at for at in near if at > first), item.size]))
        try:
            kernel.Cuts(body["csv"])
        except kernel.KernelError as error:
            if error.unsupported:
                return []
            raise

        def outcomes(part: tuple[int, int]) -> Json:
            start, end = part
            return facts_of(self._client, item, {**body, "op": "cuts", "begin": start, "start": start, "end": end})

        def find() -> Json:
            known = self._indexed(item, body)
            if known is not None:
                places = {bisect.bisect_left(known, start) for start, _ in parts[1:]}
                return {"cuts": [known[place] for place in sorted(places) if place < len(known)]}
            with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
                found = list(threads.map(outcomes, parts))
            return {"cuts": [at for at in kernel.compose(part["outcomes"] for part in found) if at > first]}

        cuts: list[int] = kept((str(item), item.etag, *parts, *sorted(body["csv"].items())), find)["cuts"]
        return cuts

    def _indexed(self, item: StoredObject, body: Json) -> list[int] | None:
        """Give where some records begin, if that was noted when this very object was uploaded."""
        headers = self._client.headers(item.container, item.name)
        if headers.get(_INDEX) != csv_kernel().record_index(item.etag, body["data_start"], body["csv"]):
            return None
        noted = (headers.get(f"{_CUTS}{number}") for number in itertools.count())
        return [int(at, 16) for some in itertools.takewhile(bool, noted) for at in str(some).split(",")]

    def _head(self, item: StoredObject, naming: bool, header: bool) -> Json:
        body = {
            "v": PROTOCOL,
            "op": "head",
            "naming": naming,
            "csv": dict(self._csv.kernel),
            "header": header,
            "size": item.size,
            "compression": compression_of(item.name),
            "begin": 0,
            "start": 0,
            "end": None,
        }
        key = (str(item), item.etag, naming, header, *sorted(self._csv.kernel.items()))
        return kept(key, lambda: facts_of(self._client, item, body))


_FACTS: dict[tuple[Any, ...], Json] = {}


def kept(key: tuple[Any, ...], find: Callable[[], Json]) -> Json:
    """Give the facts known by this key; find them the first time."""
    if key not in _FACTS:
        if len(_FACTS) >= FACTS_KEPT:
            _FACTS.clear()
        _FACTS[key] = find()
    return _FACTS[key]


def overlaps_itself(separator: bytes) -> bool:
    """Tell whether an end of a text may be the beginning of the same text."""
    return any(separator.startswith(separator[at:]) for at in range(1, len(separator)))


def separator_bytes(options: CsvOptions) -> bytes:
    """Give the bytes that end a line; one byte if any line end does."""
    return options.kernel.get("line_sep", "\n").encode(
        options.kernel.get("encoding", "UTF-8") if "line_sep" in options.kernel else "UTF-8"
    )


def column_names(tokens: Sequence[str | None], options: CsvOptions) -> list[str]:
    """Name the columns as Spark does: CSVUtils.makeSafeHeader.

    Raises:
        ConfigurationError: two columns have the same name.
    """
    if not options.header:
        return [f"_c{i}" for i in range(len(tokens))]
    fold: Callable[[str], str] = (lambda s: s) if options.case_sensitive else str.lower
    null = options.kernel.get("null_value", "")
    count = Counter(fold(t) for t in tokens if t)
    names = [
        f"_c{i}" if not token or token == null else f"{token}{i}" if count[fold(token)] > 1 else token
        for i, token in enumerate(tokens)
    ]
    check_distinct(names, options)
    return names


def is_among(name: str, names: Sequence[str], options: CsvOptions) -> bool:
    """Tell whether a name is one of others, as the session compares names."""
    return name in names if options.case_sensitive else name.lower() in map(str.lower, names)


def check_distinct(names: Sequence[str], options: CsvOptions) -> None:
    """Refuse names that occur twice, as Spark's CSV source does.

    Raises:
        ConfigurationError: two columns have the same name.
    """
    count = Counter(names if options.case_sensitive else map(str.lower, names))
    twice = [name for name, times in count.items() if times > 1]
    if twice:
        raise ConfigurationError(f"the column {twice[0]} occurs twice: give a schema with names of your own.")
