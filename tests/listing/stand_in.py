"""A stand-in for Swift that lists ten million names which it computes: no list of them is held."""

from __future__ import annotations

import bisect
import datetime
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from spark_storlets.datasource.deploy import EXIF

NAMES = 10_000_000


class Names:
    """Names in order, as a function of their index."""

    def __init__(self, name: Callable[[int], str], count: int = NAMES) -> None:
        self.name, self.count = name, count

    def behind(self, key: str) -> int:
        """Give the index of the first name greater than a key."""
        return bisect.bisect_right(_Computed(self), key)

    def at(self, key: str) -> int:
        """Give the index of the first name that is no less than a key."""
        return bisect.bisect_left(_Computed(self), key)


class _Computed:
    def __init__(self, names: Names) -> None:
        self._names = names

    def __len__(self) -> int:
        return self._names.count

    def __getitem__(self, index: int) -> str:
        return self._names.name(index)


def timestamps() -> Names:
    begin = datetime.datetime(2016, 2, 28)
    return Names(lambda i: (begin + datetime.timedelta(seconds=31 * i)).strftime("%Y/%m/%d/%H%M%S.json"))


def flat_timestamps() -> Names:
    begin = datetime.datetime(2016, 2, 28)
    return Names(lambda i: (begin + datetime.timedelta(seconds=31 * i)).strftime("%Y-%m-%dT%H:%M:%SZ"))


def uuids() -> Names:
    step = (1 << 128) // NAMES

    def name(index: int) -> str:
        digits = f"{index * step + index * 0x9E3779B97F4A7C15F39CC0605CEDC835 % step:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    return Names(name)


def shared_prefix() -> Names:
    prefix = "warehouse/" + "a/very/long/path/that/all/names/have/in/common/" * 4
    return Names(lambda i: f"{prefix}part-{i:08}.parquet")


def skewed_folders(folders: int = 60, power: float = 1.1) -> Names:
    """Folders whose sizes fall as Zipf says, in no order."""
    ranks = sorted(range(1, folders + 1), key=lambda rank: rank * 37 % 61)
    weights = [1 / rank**power for rank in ranks]
    ends = [round(NAMES * end / sum(weights)) for end in itertools.accumulate(weights)]

    def name(index: int) -> str:
        folder = bisect.bisect_right(ends, index)
        return f"customer-{folder:03}/upload-{index - (ends[folder - 1] if folder else 0):08}.bin"

    return Names(name)


@contextmanager
def serving(names: Names, shard: int = NAMES) -> Iterator[ThreadingHTTPServer]:
    """Serve the names as the container `big`; the server counts requests in `asked`, and of them whole pages in `pages`.

    A page ends where a shard does: each has so many names.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            server.asked += 1
            digest = {"X-Object-Meta-Spark-Storlets-Digest": EXIF.digest} if "/storlet/" in self.path else {}
            self._answer(b"", {"X-Container-Object-Count": str(names.count), **digest})

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/auth/v1.0":
                address = f"http://127.0.0.1:{server.server_port}/v1/AUTH_test"
                self._answer(b"", {"X-Storage-Url": address, "X-Auth-Token": "token"})
                return
            if url.path == "/info":
                self._answer(b"{}", {})
                return
            server.asked += 1
            server.pages += "limit=10000" in url.query
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            found = [{"name": names.name(i), "bytes": 1, "hash": "0", "content_type": "t"} for i in listed(query)]
            for entry in found:
                entry["last_modified"] = "2024-01-01T00:00:00.000000"
            self._answer(json.dumps(found).encode(), {"Content-Type": "application/json"})

        def _answer(self, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(200)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    def listed(query: dict[str, str]) -> range:
        limit, reverse = int(query.get("limit", 10_000)), query.get("reverse") == "true"
        lower, upper = query.get("marker", ""), query.get("end_marker", "")
        if reverse:
            lower, upper = upper, lower
        prefix = query.get("prefix", "")
        first = max(names.behind(lower) if lower else 0, names.at(prefix))
        last = min(
            names.at(upper) if upper else names.count, names.at(prefix + "\U0010ffff") if prefix else names.count
        )
        if reverse:
            first = max(first, (last - 1) // shard * shard)
            return range(last - 1, max(first - 1, last - 1 - limit), -1)
        return range(first, min(last, first + limit, (first // shard + 1) * shard))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = server.pages = 0
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
