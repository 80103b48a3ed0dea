"""The planner process: answers the connector's questions, one JSON line each, until its standard input ends.

    python -m spark_storlets.datasource.planner

It decides what the store does: the schema of a path, which predicates the store evaluates, which requests read the
table. It keeps nothing between questions, so a new process can take over at any time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.csv_table import PROTOCOL, CsvTable, check_distinct
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.pushdown import Pushdown
from spark_storlets.datasource.spark_schema import columns_of_struct, struct_of
from spark_storlets.datasource.statistics import estimate
from spark_storlets.datasource.storlet_call import request_for
from spark_storlets.partitioner.splits import grouped

from spark_storlets.errors import ANSWER_ERRORS, ConfigurationError, StorletError, UnsupportedError

Json = dict[str, Any]


def main() -> None:
    """Serve standard input."""
    # What a library prints must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def answer(request: Json) -> Json:
    """Answer one question; a failure is an answer too."""
    try:
        if request.get("v") != PROTOCOL:
            raise ConfigurationError(
                f"the connector's jar speaks version {request.get('v')} and this planner version {PROTOCOL}: "
                "take both from the same release."
            )
        return {"v": PROTOCOL, **_OPERATIONS[request["op"]](request)}
    except StorletError as error:
        return {"v": PROTOCOL, "error": {"kind": error.kind, "message": str(error)}}
    except Exception as error:
        # The type only: a message from a library may hold a URL with a token or a header.
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where else "?"
        message = (
            f"the planner failed on {request.get('op')!r} ({type(error).__name__} in {place}): please report this."
        )
        return {"v": PROTOCOL, "error": {"kind": "error", "message": message}}


def schema_of(request: Json) -> Json:
    """Find the columns of a path without a schema."""
    options = ReadOptions.parse(request["options"], request["conf"])
    return {"schema": struct_of(CsvTable(client_of(options), options).columns())}


def decided(decide: Callable[[Pushdown, Json], Json]) -> Callable[[Json], Json]:
    """Answer by what the store can do with the table's columns."""

    def decision(request: Json) -> Json:
        options = ReadOptions.parse(request["options"], request["conf"])
        return decide(pushdown_of(request, options, data_columns(request["schema"], options.csv)), request)

    return decision


def pushdown_of(request: Json, options: ReadOptions, schema: list[tuple[str, str]]) -> Pushdown:
    """Give what decides for a table."""
    return Pushdown(options, dict(schema), request["conf"].get("timeZone") or "UTC")


def statistics(request: Json) -> Json:
    """Guess the size of what a scan answers."""
    options = ReadOptions.parse(request["options"], request["conf"])
    schema = data_columns(request["schema"], options.csv)
    return estimate(client_of(options), options.paths, schema, request["columns"])


def plan(request: Json) -> Json:
    """Make the requests that read the table."""
    options = ReadOptions.parse(request["options"], request["conf"])
    csv = options.csv
    schema = data_columns(request["schema"], csv)
    csv.check_schema(schema)
    wanted, required = pushdown_of(request, options, schema).scan(request)
    if required == {csv.corrupt_record}:
        raise UnsupportedError(
            f"only the column {csv.corrupt_record} is selected, and which records are corrupt depends on the columns "
            "that are read: select others with it, or cache the table first."
        )
    # A pruned column's name is not looked at, as its tokens are not.
    checked = required if csv.kernel["column_pruning"] == "true" else dict(schema)
    client = client_of(options)
    table = CsvTable(client, options)
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
    partitions = [{"requests": group} for group in grouped(sized, options.min_split_size)]
    return {"partitions": partitions, "errors": ANSWER_ERRORS, "reading": options.reading}


def token(request: Json) -> Json:
    """Log in again."""
    return {"token": client_of(ReadOptions.parse(request["options"], request["conf"])).token}


def client_of(options: ReadOptions) -> SwiftClient:
    """Log in, anew for each plan: its tasks get the longest life that a token has."""
    return SwiftClient(options.auth_url, options.user, options.key)


def data_columns(schema: Json, csv: CsvOptions) -> list[tuple[str, str]]:
    """Give names and simple type names of the columns that stand in the objects, of a schema in Spark's JSON.

    Raises:
        ConfigurationError: two columns have one name, or the column for malformed records is no string.
    """
    columns = columns_of_struct(schema)
    check_distinct([name for name, _ in columns], csv)
    if (dict(columns).get(csv.corrupt_record) or "string") != "string":
        raise ConfigurationError(f"the column {csv.corrupt_record} takes malformed records: make it a string.")
    return [(name, kind) for name, kind in columns if name != csv.corrupt_record]


_OPERATIONS: Mapping[str, Callable[[Json], Json]] = {
    "schema": schema_of,
    "push": decided(Pushdown.predicates),
    "aggregate": decided(Pushdown.aggregate),
    "rows": decided(Pushdown.rows),
    "statistics": statistics,
    "plan": plan,
    "token": token,
}

if __name__ == "__main__":
    main()
