"""Requests to our storlets: made for the executors to send, or sent from here for what the planner must know."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import google_crc32c
import requests
from requests.adapters import HTTPAdapter
from spark_storlets.datasource.client import StoredObject, SwiftClient
from spark_storlets.datasource.deploy import CSV, Storlet
from urllib3.util import Retry

from spark_storlets.errors import ANSWER_ERRORS, KINDS, StorletError, error_of

PROTOCOL = 1
PARAMETER_BYTES = 6000
MAGIC = b"STORLET1"
TIMEOUT = (10, 600)  # seconds to connect, and without a byte
# Again only if the store says when: 503 with Retry-After.
AS_ASKED = Retry(total=60, connect=0, read=0, redirect=0, other=0, raise_on_status=False)
Json = dict[str, Any]


def request_for(client: SwiftClient, item: StoredObject, body: Json, storlet: Storlet = CSV) -> Json:
    """Make the HTTP request that runs a storlet on a split of an object.

    Args:
        client: whose token the request carries.
        item: the object; the request is for this version of it only.
        body: what the storlet is asked for; with begin, start and end.
        storlet: which one.
    """
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(body).encode())).decode()
    headers = {"X-Auth-Token": client.token, "X-Run-Storlet": storlet.name, "If-Match": item.etag}
    for number, at in enumerate(range(0, len(text), PARAMETER_BYTES)):
        headers[f"X-Storlet-Parameter-{number}"] = f"r{number}:{text[at : at + PARAMETER_BYTES]}"
    if item.large:
        # No object server holds it as one file: the proxy runs the storlet on a stream, from a little before the split
        # to the end; the storlet stops reading when it has its last record.
        headers["X-Storlet-Run-On-Proxy"] = ""
        headers["X-Storlet-Range"] = f"bytes={body['begin']}-{item.size - 1}"
    return {
        "url": client.url(item.container, item.name),
        "headers": headers,
        "object": str(item),
        "range": f"{body['start']}-{(item.size if body['end'] is None else body['end']) - 1}",
        "storlet": storlet.name,
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
        raise _failure(request, "connect", type(error).__name__) from error
    if answer.status_code != 200:
        key = str(answer.status_code)
        detail = f"transaction {answer.headers.get('X-Trans-Id', 'unknown')}"
        raise _failure(request, key if key in ANSWER_ERRORS else "status", detail, status=key)
    data = answer.content
    if data[-8:] != MAGIC:
        raise _failure(request, "cut", f"it ends without a trailer, {len(data)} bytes received")
    (length,) = struct.unpack("<I", data[-12:-8])
    trailer: Json = json.loads(data[-12 - length : -12])
    if trailer["v"] != body["v"]:
        raise _failure(request, "version", f"version {trailer['v']}")
    if trailer["crc32c"] != google_crc32c.value(data[: -12 - length]):
        raise _failure(request, "corrupt", "its CRC32C is another")
    if trailer["status"] != "ok":
        raise _failure(request, "storlet", trailer["message"], kind=trailer["kind"])
    facts: Json = trailer["facts"]
    return facts


def _failure(request: Json, key: str, detail: str, status: str = "", kind: str | None = None) -> StorletError:
    template = ANSWER_ERRORS[key]
    names = {name: request[name] for name in ("object", "range", "storlet")}
    message = template["message"].format(**names, status=status, detail=detail)
    return error_of(kind if kind in KINDS else template["kind"], message)
