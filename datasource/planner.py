"""The planner process: answers the connector's questions, one JSON line each, until its standard input ends.

    python -m spark_storlets.datasource.planner

It decides what the store does: the schema of a path, which predicates the store evaluates, which requests read the
table. It keeps nothing between questions, so a new process can take over at any time.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from spark_storlets.datasource.client import StoredObject, SwiftClient
from spark_storlets.datasource.deploy import STORLET, check_deployed
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.datasource.predicates import TYPES, Call, Left, bind, describe, emit
from spark_storlets.partitioner.splits import Split, splits_of

from spark_storlets.errors import ANSWER_ERRORS, ConfigurationError, StorletError, UnsupportedError
from spark_storlets.resources import storlets_path

PROTOCOL = 1
#: Swift takes header lines of 8 KiB and some 100 of them; a predicate that would fill more than this stays with Spark.
PREDICATE_BYTES = 64 * 1024
PARAMETER_BYTES = 6000
PIECE = 64 * 1024
BOM = b"\xef\xbb\xbf"
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
    """Find the columns of a path without a schema: all strings, named by the header, as Spark does."""
    options = ReadOptions.parse(request["options"])
    client = client_of(options)
    objects = sorted(_objects(client, options), key=lambda o: -o.size)
    line = next((line for line in (first_line(client, item) for item in objects) if line), None)
    if line is None:
        return {"schema": {"type": "struct", "fields": []}}
    tokens = kernel().tokens(line, {"sep": options.sep})
    names = column_names(tokens, options.header, bool(request["conf"]["caseSensitive"]))
    fields = [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in names]
    return {"schema": {"type": "struct", "fields": fields}}


def push(request: Json) -> Json:
    """Decide which predicates the store evaluates."""
    schema = dict(schema_types(request["schema"]))
    accepted, described, size = [], [], 0
    for index, offered in enumerate(request["predicates"]):
        try:
            bound = bind(offered, schema)
        except Left:
            continue
        size += len(zlib.compress(json.dumps(emit(bound)).encode()))
        if size > PREDICATE_BYTES:
            break
        accepted.append(index)
        described.append(describe(bound))
    return {"accepted": accepted, "described": described}


def plan(request: Json) -> Json:
    """Make the requests that read the table."""
    options = ReadOptions.parse(request["options"])
    schema = schema_types(request["schema"])
    for name, kind in schema:
        if kind not in TYPES:
            raise UnsupportedError(
                f"the column {name} is of type {kind}; the CSV storlet makes {', '.join(TYPES)}. Give another type in "
                "the schema, or read the file with spark.read.csv."
            )
    bound = [bind(offered, dict(schema)) for offered in request["predicates"]]
    predicate = functools.reduce(lambda a, b: Call("and", (a, b)), bound) if bound else None
    client = client_of(options)
    check_deployed(client)
    scan = {
        "v": PROTOCOL,
        "header": options.header,
        "sep": options.sep,
        "schema": schema,
        "columns": request["columns"],
        "predicate": emit(predicate) if predicate else None,
    }
    partitions = []
    for item in _objects(client, options):
        data_start = data_start_of(client, item, options.header) if item.large else None
        splits = splits_of(item.size, options.parallelism, options.min_split_size, options.max_split_size)
        for split in splits:
            body = {**scan, "size": item.size, "start": split.start, "end": split.end, "data_start": data_start}
            partitions.append({"requests": [request_for(client, item, split, body)]})
    return {"partitions": partitions, "errors": ANSWER_ERRORS}


def request_for(client: SwiftClient, item: StoredObject, split: Split, body: Json) -> Json:
    """Make the HTTP request for one split."""
    text = base64.urlsafe_b64encode(zlib.compress(json.dumps(body).encode())).decode()
    headers = {"X-Auth-Token": client.token, "X-Run-Storlet": STORLET, "If-Match": item.etag}
    for number, at in enumerate(range(0, len(text), PARAMETER_BYTES)):
        headers[f"X-Storlet-Parameter-{number}"] = f"r{number}:{text[at : at + PARAMETER_BYTES]}"
    if item.large:
        # No object server holds it as one file: the proxy runs the storlet on a stream, from the byte before the split
        # to the end; the storlet stops reading when it has its last record.
        headers["X-Storlet-Run-On-Proxy"] = ""
        headers["X-Storlet-Range"] = f"bytes={max(0, split.start - 1)}-{item.size - 1}"
    return {
        "url": client.url(item.container, item.name),
        "headers": headers,
        "object": str(item),
        "range": f"{split.start}-{split.end - 1}",
        "storlet": STORLET,
    }


def client_of(options: ReadOptions) -> SwiftClient:
    """Log in, anew for each plan: its tasks get the longest life that a token has."""
    return SwiftClient(options.auth_url, options.user, options.key)


def _objects(client: SwiftClient, options: ReadOptions) -> list[StoredObject]:
    return [item for path in options.paths for item in client.objects(path)]


def schema_types(schema: Json) -> list[tuple[str, str]]:
    """Give names and simple type names of a schema in Spark's JSON."""
    return [(field["name"], _type_name(field)) for field in schema["fields"]]


def _type_name(field: Json) -> str:
    kind = field["type"] if isinstance(field["type"], str) else field["type"]["type"]
    # A collation, or CHAR(n), is a plain string with a remark; strings that compare otherwise are another type here.
    remarks = [key for key in field.get("metadata", {}) if key.startswith("__")]
    return {"integer": "int", "long": "bigint"}.get(kind, kind) if not remarks else f"{kind} with {', '.join(remarks)}"


def column_names(tokens: list[str | None], header: bool, case_sensitive: bool) -> list[str]:
    """Name the columns as Spark does: CSVUtils.makeSafeHeader."""
    if not header:
        return [f"_c{i}" for i in range(len(tokens))]
    fold: Callable[[str], str] = (lambda s: s) if case_sensitive else str.lower
    count = Counter(fold(t) for t in tokens if t)
    return [
        f"_c{i}" if not token else f"{token}{i}" if count[fold(token)] > 1 else token for i, token in enumerate(tokens)
    ]


def first_line(client: SwiftClient, item: StoredObject) -> bytes:
    """Read the first line of an object that is not blank; empty if there is none."""
    return _first_line(client, item)[0]


def data_start_of(client: SwiftClient, item: StoredObject, header: bool) -> int:
    """Give the offset of the first record: behind the byte order mark, and behind the header if there is one."""
    if header:
        return _first_line(client, item)[1]
    return len(BOM) if item.size >= len(BOM) and client.read(item, 0, len(BOM)) == BOM else 0


def _first_line(client: SwiftClient, item: StoredObject) -> tuple[bytes, int]:
    data = b""
    while len(data) < item.size:
        data += client.read(item, len(data), max(PIECE, len(data)))
        begin = len(BOM) if data.startswith(BOM) else 0
        text = data[begin:].replace(b"\r", b"\n")
        skipped = len(text) - len(text.lstrip(bytes(range(33))))
        begin += text.rfind(b"\n", 0, skipped) + 1
        end = data.replace(b"\r", b"\n").find(b"\n", begin + 1) if skipped < len(text) else -1
        if end >= 0:
            return data[begin:end], end + 1
        if len(data) >= item.size and skipped < len(text):
            return data[begin:], len(data)
    return b"", item.size


@functools.cache
def kernel() -> ModuleType:
    """Load the kernel's Python face, which lies with the storlets and is no module of this package."""
    spec = importlib.util.spec_from_file_location("csv_kernel", storlets_path() / "csv_kernel.py")
    if spec is None or spec.loader is None:
        raise ConfigurationError("csv_kernel.py is missing from this installation: install spark-storlets again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_OPERATIONS: Mapping[str, Callable[[Json], Json]] = {"schema": schema_of, "push": push, "plan": plan}

if __name__ == "__main__":
    main()
