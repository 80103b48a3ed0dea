"""Requests to our storlets: made for the executors to send, or sent from here for what the planner must know."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import google_crc32c
import requests
from requests.adapters import HTTPAdapter
from spark_storlets.datasource.client import StoredObject, SwiftClient
from spark_storlets.datasource.deploy import CSV
from spark_storlets.partitioner.splits import Split
from urllib3.util import Retry

from spark_storlets.errors import ANSWER_ERRORS, KINDS, StorletError, error_of

PROTOCOL = 1
PARAMETER_BYTES = 6000
PIECE = 256 << 10
MAGIC = b"STORLET1"
TIMEOUT = (10, 600)  # seconds to connect, and without a byte
# Again only if the store says when: 503 with Retry-After.
AS_ASKED = Retry(total=60, connect=0, read=0, redirect=0, other=0, raise_on_status=False)
Json = dict[str, Any]


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes, /) -> int:
        """Write all of them."""


def request_for(client: SwiftClient, item: StoredObject, body: Json, storlet: str = CSV.name) -> Json:
    """Make the HTTP request that runs a table storlet on a split of an object.

    Args:
        client: that signs the request.
        item: the object; the request is for this version of it only.
        body: what the storlet is asked for; with begin, start and end.
        storlet: its name.
    """
    split = Split(body["start"], item.size if body["end"] is None else body["end"])
    # Of a large object the storlet gets a stream, from a little before the split to the end; it stops reading when it
    # has its last record. Nothing has no range.
    given = Split(body["begin"], item.size) if item.large and item.size else None
    # Who gets a stream without one having been asked for, gets the whole object: see storlet_source.open_source.
    pipe = {"pipe": given.start} if given else {}
    return call_of(client, item, storlet, parameters_of({**body, **pipe}), split, given)


def parameters_of(body: Json) -> dict[str, str]:
    """Write the request of a table storlet as a storlet's parameters."""
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(body).encode())).decode()
    pieces = [text[at : at + PARAMETER_BYTES] for at in range(0, len(text), PARAMETER_BYTES)]
    return {f"r{number}": piece for number, piece in enumerate(pieces)}


def table_request(name: str, size: int, split: Split, more: Mapping[str, Any]) -> Json:
    """Make the request of a table storlet of somebody's own: what it is asked for, and what of which object."""
    place = {"size": size, "compression": None, "begin": 0, "start": split.start, "end": split.end}
    return {"v": PROTOCOL, "name": name, **place, **more}


def call_of(
    client: SwiftClient,
    item: StoredObject,
    storlet: str,
    parameters: Mapping[str, str],
    split: Split,
    given: Split | None = None,
) -> Json:
    """Make the HTTP request that runs any storlet on an object.

    Args:
        client: that signs the request.
        item: the object; the request is for this version of it only.
        storlet: its name.
        parameters: of the storlet.
        split: what of the object it is to read, for messages.
        given: what of the object it gets; None for all of it.
    """
    headers = {**client.authorization(), "X-Run-Storlet": storlet, "If-Match": item.etag}
    for number, (key, value) in enumerate(parameters.items()):
        headers[f"X-Storlet-Parameter-{number}"] = quote(f"{key}:{value}", safe=":=")
    if item.large:
        # No object server holds it as one file: the proxy runs the storlet.
        headers["X-Storlet-Run-On-Proxy"] = ""
    if given is not None:
        headers["X-Storlet-Range"] = f"bytes={given.start}-{given.end - 1}"
    return {
        "url": client.url(item.container, item.name),
        "headers": headers,
        "object": str(item),
        "range": f"{split.start}-{split.end - 1}",
        "storlet": storlet,
    }


def facts_of(client: SwiftClient, item: StoredObject, body: Json) -> Json:
    """Run the storlet for what it says of an object beside the table.

    Raises:
        StorletError: the store or the storlet failed, in the words that the connector uses.
    """
    request = request_for(client, item, body)
    try:
        with requests.Session() as session:
            session.mount(request["url"], HTTPAdapter(max_retries=AS_ASKED))
            answer = session.get(request["url"], headers=request["headers"], timeout=TIMEOUT)
    except (requests.RequestException, OSError) as error:
        # The message of the error would show the URL, and a signature in it.
        raise failure(request, "connect", type(error).__name__) from None
    if answer.status_code != 200:
        raise failure_of(request, answer)
    facts: Json = trailer_of(request, answer.content)["facts"]
    return facts


def take(
    request: Json,
    into: Writable,
    session: requests.Session,
    timeouts: tuple[int, int] = TIMEOUT,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Make a call and write its whole answer.

    Args:
        request: made by `call_of`.
        into: what to write to.
        session: this thread's connections.
        timeouts: seconds to connect, and without a byte.
        stopped: tells when nobody wants the rest.

    Raises:
        StorletError: the store or the storlet failed; what has been written is not whole.
    """
    size = 0
    try:
        with session.get(request["url"], headers=request["headers"], timeout=timeouts, stream=True) as response:
            if response.status_code != 200:
                raise failure_of(request, response)
            # The store breaks the connection when a storlet fails, so an answer that ends well is whole.
            for piece in response.iter_content(PIECE):
                size += into.write(piece)
                if stopped():
                    break
    except requests.RequestException as error:
        broken = size or not isinstance(error, requests.ConnectionError)
        raise failure(request, "cut" if broken else "connect", f"{type(error).__name__} after {size} bytes") from None


def failure_of(request: Json, answer: requests.Response) -> StorletError:
    """Make an error of an answer that is none."""
    key = str(answer.status_code)
    detail = f"transaction {answer.headers.get('X-Trans-Id', 'unknown')}"
    with contextlib.suppress(ValueError, KeyError, TypeError, requests.RequestException):
        detail += f": {answer.json()['message']}"  # as our own filter in the proxy says it
    return failure(request, key if key in ANSWER_ERRORS else "status", detail, status=key)


def trailer_of(request: Json, data: bytes) -> Json:
    """Check that a table storlet's answer is whole, and give its trailer.

    Raises:
        StorletError: it is not, or the storlet says that it failed.
    """
    if data[-8:] != MAGIC:
        raise failure(request, "cut", f"it ends without a trailer, {len(data)} bytes received")
    (length,) = struct.unpack("<I", data[-12:-8])
    trailer: Json = json.loads(data[-12 - length : -12])
    if trailer["v"] != PROTOCOL:
        raise failure(request, "version", f"version {trailer['v']}")
    if trailer["crc32c"] != google_crc32c.value(data[: -12 - length]):
        raise failure(request, "corrupt", "its CRC32C is another")
    if trailer["status"] != "ok":
        raise failure(request, "storlet", trailer["message"], kind=trailer["kind"])
    return trailer


def failure(request: Json, key: str, detail: str, status: str = "", kind: str | None = None) -> StorletError:
    """Make the error of a request, in the words that the connector uses."""
    template = ANSWER_ERRORS[key]
    names = {name: request[name] for name in ("object", "range", "storlet")}
    message = template["message"].format(**names, status=status, detail=detail)
    return error_of(kind if kind in KINDS else template["kind"], message)
