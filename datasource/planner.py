"""The planner process: answers the connector's questions, one JSON line each, until its standard input ends.

    python -m spark_storlets.datasource.planner

It decides what the store does: the schema of a path, which predicates the store evaluates, which requests read the
table. It keeps nothing between questions, so a new process can take over at any time.
"""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from spark_storlets.datasource.csv_source import CsvSource
from spark_storlets.datasource.exif_source import ExifSource
from spark_storlets.datasource.listing_source import ListingSource
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.paths import find
from spark_storlets.datasource.s3 import S3Client
from spark_storlets.datasource.storlet_call import PROTOCOL

from spark_storlets.errors import ConfigurationError, StorletError

Json = dict[str, Any]


def main() -> None:
    """Serve standard input."""
    # Who interrupts a query in a shell of Spark's interrupts its whole process group, and goes on to the next query.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin.buffer:  # UTF-8, whatever the locale says
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


def token(request: Json) -> Json:
    """Log in again: a new token, or a new signature of a URL."""
    client = ReadOptions.parse(request["options"]).client()
    return {"token": client.signed_again(request["url"]) if isinstance(client, S3Client) else client.token}


def folders(request: Json) -> Json:
    """Give the folders that hold data, for the connector to find partition columns in."""
    options = ReadOptions.parse(request["options"])
    if options.storlet != "csv":
        return {"folders": [], "bases": []}
    found = find(options.client(), options.paths, options.base_path, options.recursive)
    return {"folders": found.folders(), "bases": found.bases()}


#: What is answered by what the table is made of, which the option storlet names.
_SOURCES: Mapping[str, type[CsvSource | ExifSource | ListingSource]] = {
    "csv": CsvSource,
    "exif": ExifSource,
    "listing": ListingSource,
}
_OF_A_SOURCE = ("schema", "push", "aggregate", "rows", "statistics", "plan", "moment")


def of_source(operation: str, request: Json) -> Json:
    """Answer as the table's source does.

    Raises:
        ConfigurationError: there is no such source.
    """
    name = ReadOptions.parse(request["options"]).storlet
    if name not in _SOURCES:
        raise ConfigurationError(f"the option storlet = {name!r} is none of {', '.join(_SOURCES)}.")
    answer: Json = getattr(_SOURCES[name](request), operation)()
    return answer


_OPERATIONS: Mapping[str, Callable[[Json], Json]] = {
    **{name: functools.partial(of_source, name) for name in _OF_A_SOURCE},
    "folders": folders,
    "token": token,
}

if __name__ == "__main__":
    main()
