"""A container's listing as a table: answers the planner's questions about it.

The driver cuts it into ranges of names and no more; each task lists its own range, page by page as its rows are taken.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.listing import Listing, described
from spark_storlets.datasource.name_filters import NameRange, is_useful, ranges_of
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.paths import parse_path
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.partitioner.names import behind_prefix

from spark_storlets.errors import LISTING_ERRORS, ConfigurationError, UnsupportedError

Json = dict[str, Any]

COLUMNS = (
    ("name", "string"),
    ("bytes", "bigint"),
    ("last_modified", "timestamp"),
    ("content_type", "string"),
    ("etag", "string"),
    ("metadata", "map<string,string>"),
)
#: A task for fewer names costs more than it saves.
LEAST_NAMES = 10_000
#: A probe lists some hundred names; so planning lists a twentieth of all at most.
NAMES_A_PROBE = 10_000
#: Ranges that filters may leave for each to be cut for tasks; more are taken to be short.
MOST_CUT = 8
#: What Spark's rows of a listing are taken to weigh.
ROW_BYTES = 100


class ListingSource:
    """One question about a table of what containers hold.

    Args:
        request: the connector's, with the options of the read.

    Raises:
        ConfigurationError: an option cannot be understood.
    """

    def __init__(self, request: Json) -> None:
        self._request = request
        self._options = ReadOptions.parse(request["options"])

    def schema(self) -> Json:
        """Give the columns that every listing has."""
        return {"schema": struct_of(COLUMNS)}

    def push(self) -> Json:
        """Decide which filters become ranges of names; Spark evaluates them all again."""
        self._check_schema()
        offered = self._request["predicates"]
        accepted = (
            [index for index, one in enumerate(offered) if is_useful(one)] if self._options.push_predicates else []
        )
        words = ["names " + ", ".join(map(described, ranges_of([offered[index]]))) for index in accepted]
        return {"accepted": accepted, "described": words}

    def statistics(self) -> Json:
        """Tell how many objects the containers have."""
        count = sum(listing.head()[0] for listing in self._listings(self._options.client()))
        return {"bytes": count * ROW_BYTES, "rows": count}

    def moment(self) -> Json:
        """Give the moment up to which a stream takes objects now, in microseconds."""
        now = min(listing.head()[1] for listing in self._listings(self._options.client()))
        moment = now - datetime.timedelta(seconds=self._options.stream_delay)
        return {"moment": int(moment.timestamp()) * 1_000_000}

    def plan(self) -> Json:
        """Cut the listings into ranges for tasks."""
        self._check_schema()
        client = self._options.client()
        moments = {name: self._request[name] for name in ("modified_after", "modified_upto") if name in self._request}
        if moments and self._options.delimiter:
            raise UnsupportedError("a stream of a listing takes no delimiter: a pseudo-folder has no time.")
        partitions = [
            {"ranges": [listing.request(one, self._options.delimiter) for one in group], **moments}
            for listing in self._listings(client)
            for group in self._groups(listing)
        ]
        return {"partitions": partitions, "errors": LISTING_ERRORS, "reading": self._options.reading}

    def _groups(self, listing: Listing) -> Iterator[list[NameRange]]:
        """Give the ranges of names that each task lists."""
        folded = (self._folded(listing, one) for one in ranges_of(self._request["predicates"]))
        wanted, tasks = list(_apart(folded)), self._options.listing_tasks
        if len(wanted) > MOST_CUT:
            yield from (wanted[group::tasks] for group in range(min(tasks, len(wanted))))
            return
        if not wanted:
            return
        count, _ = listing.head()
        probes = min(self._options.listing_probes - 1, count // NAMES_A_PROBE)
        budget = probes // len(wanted)
        for one in wanted:
            parts = listing.cut(one, tasks, LEAST_NAMES, count, budget)
            yield from ([part] for part in _apart(self._folded(listing, part) for part in parts))

    def _folded(self, listing: Listing, part: NameRange) -> NameRange:
        """Let a range end behind a pseudo-folder rather than in it."""
        delimiter = self._options.delimiter
        if not delimiter or part.upto is None or delimiter not in part.upto[len(listing.prefix) :]:
            return part
        at = part.upto.index(delimiter, len(listing.prefix)) + len(delimiter)
        return NameRange(part.after, behind_prefix(part.upto[:at]))

    def _listings(self, client: SwiftClient) -> Iterator[Listing]:
        for path in self._options.paths:
            if not isinstance(path, str):
                raise ConfigurationError("a listing takes no names: filter it by them.")
            container, _ = parse_path(path)
            yield Listing(client, container, path.removeprefix(f"swift://{container}").removeprefix("/"))

    def _check_schema(self) -> None:
        for name, kind in columns_of_struct(self._request["schema"]):
            if dict(COLUMNS).get(name) != kind:
                raise ConfigurationError(
                    f"a listing has no column {name}: {kind}. Leave the schema out; there are: "
                    + ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
                )


def _apart(ranges: Iterable[NameRange]) -> Iterator[NameRange]:
    """Take from ranges in the order of names what those before them have: a pseudo-folder is one row, of one range."""
    after: str | None = ""
    for one in ranges:
        if after is not None and (one.upto is None or one.upto > after):
            yield NameRange(max(one.after, after), one.upto)
            after = one.upto
