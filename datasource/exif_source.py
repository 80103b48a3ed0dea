"""Photos as a table of what their EXIF data say: answers the planner's questions about them.

Where there are few, the driver lists them and makes their requests. Where there are many it finds ranges of names only,
and each task lists its own range, page by page, and makes the requests itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient
from spark_storlets.datasource.deploy import EXIF, check_deployed
from spark_storlets.datasource.listing import Listing
from spark_storlets.datasource.name_filters import NameRange, ranges_of
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.paths import find, look_at, scope_of
from spark_storlets.datasource.pushdown import Pushdown
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.datasource.storlet_call import PROTOCOL, call_of, parameters_of
from spark_storlets.datasource.topology import topology_of
from spark_storlets.partitioner.key_ranges import Probe
from spark_storlets.partitioner.splits import Split, grouped

from spark_storlets.errors import ANSWER_ERRORS, LISTING_ERRORS, ConfigurationError

Json = dict[str, Any]

COLUMNS = {
    "name": "string",
    "bytes": "bigint",
    "format": "string",
    "width": "int",
    "height": "int",
    "orientation": "int",
    "make": "string",
    "model": "string",
    "lens": "string",
    "software": "string",
    "datetime_original": "timestamp",
    "gps_latitude": "double",
    "gps_longitude": "double",
    "gps_altitude": "double",
    "exposure_time": "double",
    "f_number": "double",
    "iso": "int",
    "focal_length": "double",
    "flash": "int",
    "artist": "string",
    "copyright": "string",
    "description": "string",
    "tags": "map<string,string>",
    "error": "string",
}
#: A photo costs one request, some milliseconds; a task should take longer than it takes Spark to start it.
PHOTOS_PER_TASK = 64
#: About how many a task has where there are a great many, and tasks that a driver plans for them at most.
MANY_PER_TASK, MOST_TASKS = 1024, 4096
#: Names that a probe may cost, of hundreds that it lists: each of them will be a request.
NAMES_A_PROBE = 1000
#: Ranges that filters may leave for each to be cut for tasks; more are taken to be short.
MOST_CUT = 8
#: Names that one page has at most, but one.
MOST_LISTED = 9_999
#: About how many bytes a row has in Spark.
TAGS_BYTES, OTHER_BYTES = 2000, 12


class _Album(NamedTuple):
    """What the paths of a read mean: photos, and listings with what the names of photos in them match."""

    few: list[Listed]
    many: list[tuple[Listing, str]]


class ExifSource:
    """One question about a table of photos.

    Args:
        request: the connector's, with the options of the read and the session's confs.

    Raises:
        ConfigurationError: an option cannot be understood.
    """

    def __init__(self, request: Json) -> None:
        self._request = request
        self._options = ReadOptions.parse(request["options"])
        self._zone = request["conf"].get("timeZone") or "UTC"

    def schema(self) -> Json:
        """Give the columns, which are always the same."""
        return {"schema": struct_of(list(COLUMNS.items()))}

    def push(self) -> Json:
        """Decide which predicates the store evaluates."""
        return self._pushdown().predicates(self._request)

    def aggregate(self) -> Json:
        """Leave aggregates to Spark: of one photo there is nothing to aggregate."""
        return {"accepted": False}

    def rows(self) -> Json:
        """Leave limits to Spark, whose tasks stop asking when they have enough."""
        return {"accepted": False}

    def statistics(self) -> Json:
        """Guess the size of what a scan answers; where photos are listed by tasks, the whole container's."""
        album = self._album(self._options.client())
        rows = len(album.few) + sum(listing.head()[0] for listing, _ in album.many)
        width = sum(TAGS_BYTES if name == "tags" else OTHER_BYTES for name in self._request["columns"])
        return {"bytes": rows * width, "rows": rows}

    def plan(self) -> Json:
        """Make the requests that read the table, one for each photo, or what tasks make them of."""
        wanted, _ = self._pushdown().scan(self._request)
        client = self._options.client()
        check_deployed(client, EXIF)
        scan = {"v": PROTOCOL, "begin": 0, "start": 0, "end": None, "compression": None, "zone": self._zone}
        parameters = parameters_of({**scan, "columns": wanted["columns"], "predicate": wanted["predicate"]})
        runtime = (self._request.get("runtime") or []) if self._options.push_predicates else []
        ranges = ranges_of([*self._request["predicates"], *runtime])
        album = self._album(client)
        few = [one for one in album.few if any(part.holds(one.name) for part in ranges)]
        coded = {container for container in {one.container for one in few} if self._is_coded(client, container)}
        requests = [
            _request_for(client, replace(photo, large=photo.large or photo.container in coded), parameters)
            for photo in look_at(client, few, trusting=True)
        ]
        groups = grouped(((1, request) for request in requests), PHOTOS_PER_TASK)
        partitions: list[Json] = [{"requests": group} for group in groups]
        for listing, names in album.many:
            # What a task knows of a photo, it puts in itself.
            unknown = StoredObject(listing.container, "", 0, "", self._is_coded(client, listing.container))
            request = call_of(client, unknown, EXIF.name, parameters, Split(0, 0))
            for group in self._groups(listing, ranges):
                listed = [listing.request(part) for part in group]
                partitions.append({"listing": {"ranges": listed, "names": names, "request": request}})
        errors = {"errors": ANSWER_ERRORS, "listing_errors": LISTING_ERRORS}
        return {"partitions": partitions, **errors, "reading": self._options.reading}

    def _album(self, client: SwiftClient) -> _Album:
        """Find what the paths mean; many photos are not listed."""
        paths, many = [], []
        for path in self._options.paths:
            found = None if isinstance(path, Listed) or path.startswith("s3://") else self._many(client, path)
            if found:
                many.append(found)
            else:
                paths.append(path)
        few = find(client, paths, None, self._options.recursive).flat() if paths else []
        return _Album(few, many)

    def _many(self, client: SwiftClient, path: str) -> tuple[Listing, str] | None:
        """Give where the names of a path are listed, and what they match, if there are many."""
        scope = scope_of(path, self._options.recursive)
        one = client.found(scope.container, scope.object) if scope.object else None
        if one and one.size:
            return None
        listing = Listing(client, scope.container, scope.prefix)
        most = min(PHOTOS_PER_TASK * self._options.listing_tasks, MOST_LISTED)
        if listing.head()[0] <= most or len(listing.ask([Probe("", None, False, most + 1)])[0]) <= most:
            return None
        return listing, scope.names

    def _groups(self, listing: Listing, ranges: Sequence[NameRange]) -> Iterator[Sequence[NameRange]]:
        """Give the ranges of names that each task lists."""
        tasks, probes = self._options.listing_tasks, self._options.listing_probes
        if len(ranges) > MOST_CUT:
            yield from (ranges[group::tasks] for group in range(min(tasks, len(ranges))))
            return
        count, _ = listing.head()
        tasks = max(tasks, min(count // MANY_PER_TASK, MOST_TASKS))
        for part in ranges:
            probed = max(2, min(probes, count // NAMES_A_PROBE) // len(ranges))
            yield from ([one] for one in listing.cut(part, tasks, PHOTOS_PER_TASK, count, probed))

    def _is_coded(self, client: SwiftClient, container: str) -> bool:
        """Tell whether no object server has a container's objects as one file each."""
        return topology_of(client, container, self._options).erasure_coded

    def _pushdown(self) -> Pushdown:
        return Pushdown(self._options, self._columns(), self._zone)

    def _columns(self) -> dict[str, str]:
        """Give names and simple type names of the table's columns.

        Raises:
            ConfigurationError: a schema was given that photos do not have.
        """
        columns = dict(columns_of_struct(self._request["schema"]))
        for name, kind in columns.items():
            if COLUMNS.get(name) != kind:
                raise ConfigurationError(
                    f"photos have no column {name}: {kind}. Leave the schema out; there are: "
                    + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
                )
        return columns


def _request_for(client: SwiftClient, photo: StoredObject, parameters: Mapping[str, str]) -> Json:
    """Make the request for one photo, as tasks do: connector/…/ListedRequests."""
    known = base64.urlsafe_b64encode(json.dumps({"name": photo.name, "size": photo.size}).encode()).decode()
    return call_of(client, photo, EXIF.name, {**parameters, "object": known}, Split(0, photo.size))
