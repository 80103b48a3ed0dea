"""CSV objects as a table: answers the planner's questions about them."""

from __future__ import annotations

from typing import Any

from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.csv_table import CsvTable, check_distinct
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.pushdown import Pushdown
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.datasource.statistics import estimate
from spark_storlets.datasource.storlet_call import request_for
from spark_storlets.partitioner.splits import grouped

from spark_storlets.errors import ANSWER_ERRORS, ConfigurationError, UnsupportedError

Json = dict[str, Any]


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

    def schema(self) -> Json:
        """Find the columns of a path without a schema."""
        return {"schema": struct_of(CsvTable(self._options.client(), self._options, self._csv).columns())}

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
        return estimate(self._options.client(), self._options.paths, self._columns(), self._request["columns"])

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
        table = CsvTable(client, self._options, csv)
        scan = {
            "op": "scan",
            "schema": schema,
            **wanted,
            "mode": csv.mode,
            "corrupt_record": csv.corrupt_record,
            "names": None if csv.enforce_schema else [[i, n] for i, (n, _) in enumerate(schema) if n in checked],
            "fold_case": not csv.case_sensitive,
        }
        bodies = [(item, {**split, **scan}) for item in table.objects for split in table.splits(item)]
        sized = [((body["end"] or item.size) - body["start"], request_for(client, item, body)) for item, body in bodies]
        partitions = [{"requests": group} for group in grouped(sized, self._options.min_split_size)]
        return {"partitions": partitions, "errors": ANSWER_ERRORS, "reading": self._options.reading}

    def _pushdown(self) -> Pushdown:
        zone = self._request["conf"].get("timeZone") or "UTC"
        return Pushdown(self._options, dict(self._columns()), zone, self._csv.mode, self._csv.filter_pushdown)

    def _columns(self) -> list[tuple[str, str]]:
        """Give names and simple type names of the columns that stand in the objects.

        Raises:
            ConfigurationError: two columns have one name, or the column for malformed records is no string.
        """
        columns, corrupt = columns_of_struct(self._request["schema"]), self._csv.corrupt_record
        check_distinct([name for name, _ in columns], self._csv)
        if (dict(columns).get(corrupt) or "string") != "string":
            raise ConfigurationError(f"the column {corrupt} takes malformed records: make it a string.")
        return [(name, kind) for name, kind in columns if name != corrupt]
