"""Reading files as the product reads objects, with everything real but the HTTP between planner, store and executors.

The planner plans for a store whose objects are the files of a folder; its requests are run by the storlet in this
process, on the files.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import google_crc32c
import pyarrow as pa
from csv_storlet import CsvStorlet
from filters import Condition
from spark_storlets.datasource import csv_table, planner
from spark_storlets.datasource.client import Listed, StoredObject
from spark_storlets.datasource.options import ReadOptions

from spark_storlets.errors import StorletError, error_of

Json = dict[str, Any]


@dataclass
class Folder:
    """A store whose objects are the files of a folder, or only one of them; stands in for SwiftClient."""

    path: Path
    only: str | None = None

    def authorization(self) -> dict[str, str]:
        """Nobody has to be let in."""
        return {}

    def listed(self, container: str, prefix: str) -> list[Listed]:
        """All files, in the order of their names."""
        files = sorted(file for file in self.path.iterdir() if self.only in (None, file.name))
        return [Listed("folder", file.name, file.stat().st_size, None) for file in files]

    def object(self, container: str, name: str) -> StoredObject:
        """One file."""
        data = (self.path / name).read_bytes()
        return StoredObject("folder", name, len(data), f"{zlib.crc32(data):x}-{len(data)}", False)

    def segment_ends(self, item: StoredObject) -> list[int]:
        """A file is no large object."""
        return []

    def headers(self, container: str, name: str) -> dict[str, str]:
        """Know no metadata."""
        return {}

    def url(self, container: str, name: str) -> str:
        """The file's path serves as its URL."""
        return str(self.path / name)

    def policy(self, container: str) -> None:
        """Nobody says which storage policy it has."""

    def info(self) -> Json:
        """Say nothing of itself, as a store without our middleware."""
        return {}


@dataclass
class Output:
    """What the engine gives a storlet to write to."""

    data: bytearray = field(default_factory=bytearray)

    def set_metadata(self, metadata: Mapping[str, str]) -> None: ...

    def flush(self) -> None: ...

    def write(self, data: bytes) -> None:
        self.data += data


def run(request: Json) -> tuple[pa.Table, Json]:
    """Run a planned request; its table and trailer.

    Raises:
        StorletError: the storlet failed.
    """
    params = dict(
        value.split(":", 1) for name, value in request["headers"].items() if name.startswith("X-Storlet-Parameter-")
    )
    output = Output()
    with Path(request["url"]).open("rb") as file:
        CsvStorlet(None)([file], [output], params)
    data = bytes(output.data)
    assert data[-8:] == b"STORLET1"
    (length,) = struct.unpack("<I", data[-12:-8])
    trailer = json.loads(data[-12 - length : -12])
    assert trailer["crc32c"] == google_crc32c.value(data[: -12 - length])
    if trailer["status"] != "ok":
        raise error_of(trailer["kind"], trailer["message"])
    return pa.ipc.open_stream(data[: -12 - length]).read_all(), trailer


def facts_of(client: Folder, item: StoredObject, body: Json) -> Json:
    """What the storlet says of an object; stands in for the planner's own calls."""
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(body).encode())).decode()
    request = {"url": client.url(item.container, item.name), "headers": {"X-Storlet-Parameter-0": f"r0:{text}"}}
    facts: Json = run(request)[1]["facts"]
    return facts


@contextmanager
def store(folder: Folder) -> Iterator[None]:
    """Let the planner find this folder wherever it looks."""
    with (
        mock.patch.object(ReadOptions, "client", lambda options: folder),
        mock.patch.object(csv_table, "check_deployed", lambda client, storlet: None),
        mock.patch.object(csv_table, "facts_of", facts_of),
    ):
        yield


@dataclass
class Reader:
    """One read, as the connector asks for it.

    Args:
        folder: with the objects.
        options: as given to the reader.
        conf: the session's, by full name.
        only: the only file to be read.
    """

    folder: Path
    options: Mapping[str, str]
    conf: Mapping[str, str]
    only: str | None = None

    def ask(self, op: str, **more: Any) -> Json:
        """Ask the planner.

        Raises:
            StorletError: the planner refuses.
        """
        options = {"path": "swift://folder/", "authUrl": "http://none/", "user": "u", "key": "k", **self.options}
        conf = {
            **self.conf,
            "timeZone": self.conf.get("spark.sql.session.timeZone", "UTC"),
            "caseSensitive": self.conf.get("spark.sql.caseSensitive", "false") == "true",
            "ansi": self.conf.get("spark.sql.ansi.enabled", "true") == "true",
        }
        with store(Folder(self.folder, self.only)):
            answer = planner.answer({"v": 1, "op": op, "options": options, "conf": conf, **more})
        if "error" in answer:
            raise error_of(answer["error"]["kind"], answer["error"]["message"])
        return answer

    def schema(self) -> Json:
        """The schema found, in Spark's JSON."""
        schema: Json = self.ask("schema")["schema"]
        return schema

    def read(self, schema: Json, columns: Sequence[str], where: Sequence[Condition]) -> dict[str, list[Part]]:
        """The answers of all requests, by file, in order: a table, or how a storlet failed.

        Raises:
            StorletError: the planner refuses or fails.
        """
        types = {f["name"]: f["type"] if isinstance(f["type"], str) else "other" for f in schema["fields"]}
        offered = [(condition, predicate) for condition in where for predicate in condition.offered(types)]
        predicates = [predicate for _, predicate in offered]
        accepted = self.ask("push", schema=schema, predicates=predicates)["accepted"] if predicates else []
        left = [condition for i, (condition, _) in enumerate(offered) if i not in accepted]
        needed = {*columns, *(atom.column for condition in left for atom in condition.atoms)}
        plan = self.ask(
            "plan",
            schema=schema,
            columns=[name for name in types if name in needed],
            predicates=[predicates[i] for i in accepted],
        )
        # Tasks begin with the largest split; the rows are compared in the objects' order.
        requests = [request for partition in plan["partitions"] for request in partition["requests"]]
        parts: dict[str, list[Part]] = {}
        for request in sorted(requests, key=lambda request: int(request["range"].partition("-")[0])):
            parts.setdefault(Path(request["url"]).name, []).append(_part(request, left))
        return parts


Part = pa.Table | StorletError


def _part(request: Json, left: Sequence[Condition]) -> Part:
    try:
        table = run(request)[0]
    except StorletError as error:
        return error
    for condition in left:
        table = table.filter(condition.holds(table))
    return table
