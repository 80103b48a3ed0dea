"""Uploading a file through a storlet, which works on it on its way into the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

import requests
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.deploy import CSV_INDEX
from spark_storlets.datasource.paths import parse_path
from spark_storlets.datasource.storlet_call import TIMEOUT, failure, failure_of

from spark_storlets.errors import ConfigurationError

PIECE = 256 << 10


def upload_through(
    client: SwiftClient,
    file: Path,
    path: str,
    storlet: str,
    params: Mapping[str, str],
    sent: Callable[[int], None] = lambda size: None,
) -> str:
    """Upload a file; what is stored is what the storlet makes of it, or nothing if it fails.

    Args:
        client: logged in.
        file: what is uploaded.
        path: swift://container/object, or a path that ends in / and takes the file's name.
        storlet: the name under which it is deployed.
        params: its parameters; of the storlet that makes an index of records: options of the reader.
        sent: is told how many bytes more have gone.

    Returns:
        What was stored, as container/object.

    Raises:
        ConfigurationError: the path is none of ours.
        StorletError: the storlet failed or is not there, or the store did not take the object.
    """
    container, name = parse_path(path)
    if not name or path.endswith("/"):
        name = f"{name}/{file.name}".lstrip("/")
    if "*" in name or "?" in name:
        raise ConfigurationError(f"{path} has a wildcard: name one object.")
    headers = {"X-Auth-Token": client.token, "X-Run-Storlet": storlet}
    given = _as_read(params) if storlet == CSV_INDEX.name else params
    for number, (key, value) in enumerate(given.items()):
        headers[f"X-Storlet-Parameter-{number}"] = quote(f"{key}:{value}", safe=":")
    request = {"object": f"{container}/{name}", "range": f"0-{file.stat().st_size - 1}", "storlet": storlet}
    try:
        with open(file, "rb") as data:
            body = _Body(data, file.stat().st_size, sent)
            answer = requests.put(client.url(container, name), data=body, headers=headers, timeout=TIMEOUT)
    except (requests.RequestException, OSError) as error:
        raise failure(request, "connect", type(error).__name__) from error
    if answer.status_code // 100 != 2:
        raise failure_of(request, answer)
    return f"{container}/{name}"


def _as_read(options: Mapping[str, str]) -> dict[str, str]:
    """Write options of the reader as the storlet takes them: an index is true for what reads in the same way."""
    csv = CsvOptions.parse({**options, "multiLine": "true"}, {"timeZone": "UTC"})
    return {"csv": json.dumps(dict(csv.kernel)), "header": str(csv.header).lower()}


class _Body:
    """A file as a request's body, whose reading is told."""

    def __init__(self, data: IO[bytes], size: int, sent: Callable[[int], None]) -> None:
        self._data, self._size, self._sent = data, size, sent

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._data.read(PIECE):
            yield piece
            self._sent(len(piece))
