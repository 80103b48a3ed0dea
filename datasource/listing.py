"""A container's listing as the planner sees it: asked for a page here and there, never read whole."""

from __future__ import annotations

import datetime
import email.utils
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

import swiftclient
from spark_storlets.datasource.client import SwiftClient, explained
from spark_storlets.datasource.name_filters import EVERY, NameRange
from spark_storlets.partitioner.key_ranges import Probe, key_ranges

PROBES_AT_ONCE = 16
#: Names that one request lists; Swift gives no more.
PAGE = 10_000
#: Less than any other character that a name can have: name + this is the next name.
NEXT = "\x01"


class Listing:
    """The names of a container that begin with a prefix.

    Args:
        client: logged in.
        container: its name.
        prefix: may be empty.

    Raises (in all methods):
        NotFoundError: there is no such container.
        AuthenticationError: the user may not list it.
        StoreUnavailableError: the store does not answer.
    """

    def __init__(self, client: SwiftClient, container: str, prefix: str) -> None:
        self._client, self.container, self.prefix = client, container, prefix
        self._threads = threading.local()
        self.requests = 0

    def head(self) -> tuple[int, datetime.datetime]:
        """Give the number of all objects in the container, and what time it is in the store."""
        self.requests += 1
        with explained(f"the container {self.container!r}"):
            headers = swiftclient.head_container(self._client.storage_url, self._client.token, self.container)
        return int(headers["x-container-object-count"]), email.utils.parsedate_to_datetime(headers["date"])

    def ask(self, probes: Sequence[Probe]) -> list[list[str]]:
        """Answer probes: `key_ranges.Ask`."""
        with ThreadPoolExecutor(PROBES_AT_ONCE) as threads:
            return list(threads.map(self._names, probes))

    def cut(self, part: NameRange, tasks: int, least: int, count: int, probes: int) -> list[NameRange]:
        """Cut a range of names for tasks.

        Args:
            part: the range.
            tasks: ranges that there are at most.
            least: names that a range has at least.
            count: of all objects in the container.
            probes: at most.
        """
        if count <= least or probes < 2 or tasks < 2:
            return [part]
        total = count if part == EVERY and not self.prefix else None
        found = key_ranges(self.ask, tasks, least, part.after, part.upto, total, probes)
        return [NameRange(one.after, one.upto) for one in found]

    def request(self, part: NameRange, delimiter: str = "") -> dict[str, Any]:
        """Make the request by which a task lists a range, page by page."""
        query = {
            "format": "json",
            "limit": PAGE,
            "prefix": self.prefix,
            "delimiter": delimiter,
            "end_marker": part.upto + NEXT if part.upto is not None else "",
        }
        given = urlencode({name: value for name, value in query.items() if value})
        request = {
            "url": f"{self._client.storage_url}/{quote(self.container)}?{given}",
            "headers": self._client.authorization(),
            "object": self.container,
            "range": described(part),
            "storlet": "listing",
        }
        return {"request": request, "marker": part.after, "last": part.upto}

    def _names(self, probe: Probe) -> list[str]:
        names: list[str] = []
        # A short page is not the end: a sharded container has one at the end of a shard.
        for page in self._pages(probe):
            names += page
            if len(names) >= probe.limit:
                break
        return names

    def _pages(self, probe: Probe) -> Iterator[list[str]]:
        after = probe.after
        upto = probe.upto + NEXT if probe.upto is not None else None
        if not hasattr(self._threads, "connection"):
            # A connection is for one thread at a time.
            self._threads.connection = swiftclient.http_connection(self._client.storage_url, timeout=60)
        while True:
            marker, end = (upto, after) if probe.reverse else (after, upto)
            self.requests += 1
            with explained(f"the container {self.container!r}"):
                _, entries = swiftclient.get_container(
                    self._client.storage_url,
                    self._client.token,
                    self.container,
                    marker=marker or None,
                    end_marker=end or None,
                    prefix=self.prefix or None,
                    limit=probe.limit,
                    http_conn=self._threads.connection,
                    query_string="reverse=true" if probe.reverse else None,
                )
            names = [entry["name"] for entry in entries]
            if not names:
                return
            yield names
            if probe.reverse:
                upto = names[-1]
            else:
                after = names[-1]


def described(part: NameRange) -> str:
    """Write a range of names for a person."""
    return f"({part.after!r}, {'…' if part.upto is None else repr(part.upto)}]"
