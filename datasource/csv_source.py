"""CSV objects as a table: answers the planner's questions about them."""

from __future__ import annotations

import time
from typing import Any

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient
from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.csv_table import CsvTable, check_distinct, is_among
from spark_storlets.datasource.deploy import CSV, WASM, check_deployed
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.partitions import Partitions
from spark_storlets.datasource.paths import Found, find
from spark_storlets.datasource.pushdown import Pushdown
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.datasource.statistics import estimate
from spark_storlets.datasource.storlet_call import request_for
from spark_storlets.datasource.wasm import computed_of, emitted
from spark_storlets.partitioner.splits import arranged, joined, replica_for

from spark_storlets.errors import ANSWER_ERRORS, ConfigurationError, UnsupportedError

Json = dict[str, Any]

#: Bytes of an answer that the connector holds ready before its turn: Fetch.AHEAD.
AHEAD = 4 << 20
#: Which replica is to answer: partitioner/replica_affinity.py, which only a proxy can import.
REPLICA_HEADER = "X-Spark-Storlets-Replica"


class CsvSource:
    """One question about a table of CSV objects.

    Args:
        request: the connector's, with the options of the read and the session's confs.

    Raises:
        ConfigurationError: an option cannot be understood.
        UnsupportedError: an option of Spark's CSV reader that the storlet would not answer exactly.
    """

    def __init__(self, request: Json) -> None:
        self._request = request
        self._options = ReadOptions.parse(request["options"])
        self._csv = CsvOptions.parse(request["options"], request["conf"])
        self._partitions = Partitions(request)
        self._computed = computed_of(self._options)

    def schema(self) -> Json:
        """Find the columns that stand in the objects of a path without a schema."""
        client = self._options.client()
        found = self._found(client)
        items = found.every() if self._partitions.columns else found.flat()
        columns = CsvTable(client, self._options, self._csv, items).columns()
        names = [name for name, _ in columns]
        both = [name for name, _ in self._partitions.columns if is_among(name, names, self._csv)]
        if both:
            raise ConfigurationError(
                f"the column {both[0]} stands in the objects and in their folders' names: give a schema, in which the "
                "objects' column has another name."
            )
        return {"schema": struct_of([*columns, *((one.name, one.type) for one in self._computed)])}

    def push(self) -> Json:
        """Decide which predicates the store evaluates."""
        return self._pushdown().predicates(self._request)

    def aggregate(self) -> Json:
        """Decide whether the store aggregates."""
        return self._pushdown().aggregate(self._request)

    def rows(self) -> Json:
        """Decide whether the store answers only some first rows."""
        return self._pushdown().rows(self._request)

    def statistics(self) -> Json:
        """Guess the size of what a scan answers."""
        client = self._options.client()
        return estimate(client, self._items(client), self._columns(), self._request["columns"])

    def plan(self) -> Json:
        """Make the requests that read the table."""
        csv, schema = self._csv, self._columns()
        csv.check_schema(schema)
        wanted, required = self._pushdown().scan(self._request)
        if required == {csv.corrupt_record}:
            raise UnsupportedError(
                f"only the column {csv.corrupt_record} is selected, and which records are corrupt depends on the "
                "columns that are read: select others with it, or cache the table first."
            )
        # A pruned column's name is not looked at, as its tokens are not.
        checked = required if csv.kernel["column_pruning"] == "true" else dict(schema)
        client = self._options.client()
        items, none = self._items(client), False
        if not items and wanted["aggregate"] and not wanted["aggregate"]["groups"]:
            # Of no rows at all there is a row of aggregates: some object's, of which nothing is read.
            items, none = self._found(client).every()[:1], True
        table = CsvTable(client, self._options, csv, items)
        # One instant for all splits; no option of the read, by which what is known of objects is kept.
        now = str(time.time_ns() // 1000)
        scan = {
            "op": "scan",
            "schema": schema,
            **wanted,
            "mode": csv.mode,
            "corrupt_record": csv.corrupt_record,
            "names": None if csv.enforce_schema else [[i, n] for i, (n, _) in enumerate(schema) if n in checked],
            "fold_case": not csv.case_sensitive,
            "computed": emitted(self._computed, dict(schema)),
            "wasm_fuel": self._options.wasm_fuel,
            "compress": self._compresses(),
        }
        storlet = CSV.name
        if self._computed:
            storlet = f"{self._options.wasm}.py"
            check_deployed(client, WASM, storlet)
        sized = []
        for listed, item in zip(items, table.objects, strict=True):
            constants = self._partitions.constants(listed.folder)
            splits = []
            for number, split in enumerate([table.nothing(item)] if none else table.splits(item)):
                body = {**split, **scan, "constants": constants, "csv": {**split["csv"], "now": now}}
                request = request_for(client, item, body, storlet)
                splits.append((_size(item, split), _sent(request, item, number, table)))
            sized.append(splits)
        places = max((table.topology(item.container).parallelism for item in table.objects), default=1)
        ready = self._options.reading["window"] * AHEAD
        groups = arranged(sized, places, self._options.min_split_size, ready)
        if wanted["aggregate"]:
            groups = joined(groups, self._request["conf"].get("parallelism", len(groups)))
        partitions = [{"requests": group} for group in groups]
        return {"partitions": partitions, "errors": ANSWER_ERRORS, "reading": self._options.reading}

    def _compresses(self) -> bool:
        """Tell whether answers are to be compressed.

        Raises:
            ConfigurationError: they are, and this Spark cannot read them.
        """
        if self._options.compress_answers and not self._request["conf"].get("decompresses"):
            raise ConfigurationError(
                "compressAnswers = true: this Spark cannot read compressed answers, as it comes without Arrow's "
                "arrow-compression. Leave the option out, or use Spark 4.1 or newer."
            )
        return self._options.compress_answers

    def _pushdown(self) -> Pushdown:
        zone = self._request["conf"].get("timeZone") or "UTC"
        partitions, mode = dict(self._partitions.columns), self._csv.mode
        stored = dict(self._columns())
        computed = {one.name: one.bound(stored) for one in self._computed}
        schema = {**stored, **{one.name: one.type for one in self._computed}, **partitions}
        return Pushdown(self._options, schema, zone, mode, self._csv.filter_pushdown, partitions, computed)

    def _found(self, client: SwiftClient) -> Found:
        return find(client, self._options.paths, self._options.base_path, self._options.recursive)

    def _items(self, client: SwiftClient) -> list[Listed]:
        """Give the objects that the query needs, as far as the partitions tell."""
        found = self._found(client)
        if not self._partitions.columns:
            return found.flat()
        return self._partitions.chosen(found.every(), self._pushdown().conditions(self._request))

    def _columns(self) -> list[tuple[str, str]]:
        """Give names and simple type names of the columns that stand in the objects.

        Raises:
            ConfigurationError: two columns have one name, or the column for malformed records is no string.
        """
        columns, corrupt = columns_of_struct(self._request["schema"]), self._csv.corrupt_record
        check_distinct([name for name, _ in columns], self._csv)
        partitions = dict(self._partitions.columns)
        if (dict(columns).get(corrupt) or "string") != "string":
            raise ConfigurationError(f"the column {corrupt} takes malformed records: make it a string.")
        computed = {one.name: one.type for one in self._computed}
        for name, kind in columns:
            if computed.get(name, kind) != kind:
                raise ConfigurationError(
                    f"the column {name} is {kind} in the schema and {computed[name]} in wasmColumns."
                )
        elsewhere = {corrupt, *partitions, *computed}
        return [(name, kind) for name, kind in columns if name not in elsewhere]


def _size(item: StoredObject, split: Json) -> int:
    size: int = (item.size if split["end"] is None else split["end"]) - split["start"]
    return size


def _sent(request: Json, item: StoredObject, number: int, table: CsvTable) -> Json:
    """Name the replica that is to answer; proxies that know nothing of it ask any."""
    if not item.large:
        replicas = table.topology(item.container).replicas
        request["headers"][REPLICA_HEADER] = str(replica_for(str(item), number, replicas))
    return request
