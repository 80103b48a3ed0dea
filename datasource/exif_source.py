"""Photos as a table of what their EXIF data say: answers the planner's questions about them."""

from __future__ import annotations

from typing import Any

from spark_storlets.datasource.deploy import EXIF, check_deployed
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.paths import find, look_at
from spark_storlets.datasource.pushdown import Pushdown
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.datasource.storlet_call import PROTOCOL, request_for
from spark_storlets.partitioner.splits import grouped

from spark_storlets.errors import ANSWER_ERRORS, ConfigurationError

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
#: About how many bytes a row has in Spark.
TAGS_BYTES, OTHER_BYTES = 2000, 12


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
        """Guess the size of what a scan answers."""
        client = self._options.client()
        rows = len(find(client, self._options.paths, None, self._options.recursive).flat())
        width = sum(TAGS_BYTES if name == "tags" else OTHER_BYTES for name in self._request["columns"])
        return {"bytes": rows * width, "rows": rows}

    def plan(self) -> Json:
        """Make the requests that read the table, one for each photo."""
        wanted, _ = self._pushdown().scan(self._request)
        client = self._options.client()
        check_deployed(client, EXIF)
        scan = {
            "v": PROTOCOL,
            "begin": 0,
            "start": 0,
            "end": None,
            "compression": None,
            "zone": self._zone,
            "columns": wanted["columns"],
            "predicate": wanted["predicate"],
        }
        found = find(client, self._options.paths, None, self._options.recursive).flat()
        requests = [
            request_for(client, item, {**scan, "name": item.name, "size": item.size}, EXIF.name)
            for item in look_at(client, found, trusting=True)
        ]
        groups = grouped(((1, request) for request in requests), PHOTOS_PER_TASK)
        partitions = [{"requests": group} for group in groups]
        return {"partitions": partitions, "errors": ANSWER_ERRORS, "reading": self._options.reading}

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
