"""A container's listing as an RDD, and objects that a listing names as a table.

In the RDD each partition lists its own range of names, page by page as they are taken. It is no detour through the
DataFrame of a listing, because the JVM hands rows to Python ahead of their use, up to whole partitions.
"""

from __future__ import annotations

import datetime
import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from spark_storlets.errors import LISTING_ERRORS, ConfigurationError, IncompleteAnswerError, StorletError, error_of

if TYPE_CHECKING:
    import requests
    from pyspark import RDD, SparkContext
    from pyspark.sql import DataFrame

#: Objects that `read_names` takes: each costs the driver a request, and some hundred bytes.
MOST_NAMES = 100_000


class ListedObject(NamedTuple):
    """An object as its container lists it; a pseudo-folder has nothing but a name."""

    name: str
    bytes: int | None
    last_modified: datetime.datetime | None
    content_type: str | None
    etag: str | None


def listing_rdd(sc: SparkContext, path: str, **options: str) -> RDD[ListedObject]:
    """List a container, or of it the names that begin with a prefix.

    The driver finds ranges of names now; they are listed, and again each time, when the RDD is computed, with the token
    that the driver has got now.

    Args:
        sc: its executors' Python must have spark_storlets too.
        path: swift://container or swift://container/prefix.
        options: of the reader, such as authUrl, user and key; those of the context's configuration count too.

    Raises:
        StorletError: the container cannot be listed.
    """
    from spark_storlets.datasource.options import session_options

    tasks = _tasks({**session_options(sc), **options, "path": path})
    return sc.parallelize(tasks, max(1, len(tasks))).flatMap(_listed)


def listed(path: str, **options: str) -> Iterator[ListedObject]:
    """List, in this process and in the order of names, what `listing_rdd` lists in tasks."""
    for task in _tasks({**options, "path": path, "listingTasks": "1"}):
        yield from _listed(task)


def read_names(frame: DataFrame, container: str, schema: str | None = None, **options: str) -> DataFrame:
    """Read the objects that a listing names, by a storlet.

    The names are collected on the driver, which plans their reading. Of more than MOST_NAMES (100,000) read folders
    or patterns.

    Args:
        frame: names in the column name; with the column bytes, as a listing has it, no object is looked at twice.
        container: that the names are of.
        schema: of the table, as the reader takes it.
        options: of the reader: storlet, authUrl, user, key, header, …

    Raises:
        ConfigurationError: there are too many names, or none.
    """
    known = frame.select("name", *(["bytes"] if "bytes" in frame.columns else [])).distinct().take(MOST_NAMES + 1)
    if not 0 < len(known) <= MOST_NAMES:
        raise ConfigurationError(
            f"{'more than ' if known else ''}{len(known) and MOST_NAMES} names to read: give at least one and at most "
            f"{MOST_NAMES}, or read folders or patterns of names."
        )
    names = json.dumps([(row[0], row[1] if len(row) > 1 else None) for row in known])
    reader = frame.sparkSession.read.format("storlets").options(**{**options, "names": names})
    return (reader.schema(schema) if schema else reader).load(f"swift://{container}")


class _Task(NamedTuple):
    ranges: list[dict[str, Any]]
    reading: Mapping[str, int]

    def __repr__(self) -> str:  # the requests hold a token
        return f"_Task({[one['request']['range'] for one in self.ranges]})"


def _tasks(options: Mapping[str, str]) -> list[_Task]:
    from spark_storlets.datasource.listing_source import ListingSource

    plan = ListingSource({"options": options, "schema": {"fields": []}, "predicates": []}).plan()
    return [_Task(partition["ranges"], plan["reading"]) for partition in plan["partitions"]]


def _listed(task: _Task) -> Iterator[ListedObject]:
    import requests

    with requests.Session() as session:
        for one in task.ranges:
            marker, ended = one["marker"], False
            while not ended:
                page = _page(session, one["request"], marker, task.reading)
                for entry in page:
                    marker = entry.get("subdir") or entry["name"]
                    yield _object(entry)
                # A short page is not the end: a sharded container has one at the end of a shard.
                ended = not page or marker == one["last"]


def _page(
    session: requests.Session, request: Mapping[str, Any], marker: str, reading: Mapping[str, int]
) -> list[dict[str, Any]]:
    import requests

    timeouts = (reading["connectTimeout"], reading["readTimeout"])
    failure: StorletError = IncompleteAnswerError()
    for tries in range(reading["retries"] + 1):
        if tries:
            time.sleep(min(60, 2**tries * random.uniform(0.1, 0.2)))  # tasks that failed together come apart
        try:
            url = f"{request['url']}&marker={quote(marker, safe='')}"
            answer = session.get(url, headers=request["headers"], timeout=timeouts)
            if answer.status_code == 200:
                page: list[dict[str, Any]] = answer.json()
                return page
            status = str(answer.status_code)
            detail = f"transaction {answer.headers.get('X-Trans-Id', 'unknown')}"
            failure = _failure(status if status in LISTING_ERRORS else "status", request, detail, status)
            if answer.status_code < 500:
                break
        except requests.ConnectTimeout as error:
            failure = _failure("connect", request, type(error).__name__)
        except (requests.RequestException, ValueError) as error:
            failure = _failure("cut", request, type(error).__name__)
    raise failure


def _failure(key: str, request: Mapping[str, Any], detail: str, status: str = "") -> StorletError:
    words = LISTING_ERRORS[key]
    return error_of(words["kind"], words["message"].format(object=request["object"], status=status, detail=detail))


def _object(entry: Mapping[str, Any]) -> ListedObject:
    if "subdir" in entry:
        return ListedObject(entry["subdir"], None, None, None, None)
    modified = datetime.datetime.fromisoformat(entry["last_modified"]).replace(tzinfo=datetime.timezone.utc)
    # Of a large object the hash is that of its manifest, which no HEAD tells.
    etag = (entry.get("slo_etag") or entry["hash"]).strip('"')
    return ListedObject(entry["name"], entry["bytes"], modified, entry["content_type"], etag)
