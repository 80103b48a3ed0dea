"""What every storlet of ours shares: reading the request, writing the table stream, reporting failure.

The request is JSON, zlib-compressed, base64url, cut into the parameters r0, r1, …: a header line holds 8 KiB at most.
What of it differs from object to object may come apart, in the parameter `object` (JSON, base64url), so that who lists
objects can make the requests for them.

The answer is an Arrow IPC stream, its buffers compressed if the request has `compress`, then a trailer: UTF-8 JSON, its
length as a little-endian uint32, the magic bytes. The trailer says how it went and holds the CRC-32C of all before it.
An answer without a good trailer is no answer; this is how a reader tells a whole answer from one that broke off.
"""

from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from typing import Any, ClassVar

import google_crc32c
import pyarrow as pa

PROTOCOL = 1
MAGIC = b"STORLET1"


class StorletFailure(Exception):
    """A failure with one of the kinds that the reader knows (see spark_storlets.errors)."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def decode_request(params: dict[str, str]) -> dict[str, Any]:
    """Read the request out of a storlet's parameters.

    Raises:
        StorletFailure: it is damaged or of another protocol version.
    """
    try:
        parts: list[str] = []
        while f"r{len(parts)}" in params:
            parts.append(params[f"r{len(parts)}"])
        request: dict[str, Any] = json.loads(zlib.decompress(base64.urlsafe_b64decode("".join(parts))))
        request |= json.loads(base64.urlsafe_b64decode(params.get("object", "e30=")))
        version = request["v"]
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise StorletFailure("configuration", f"the request cannot be read: {error!r}") from error
    if version != PROTOCOL:
        raise StorletFailure("configuration", f"the request is of protocol {version}, this storlet knows {PROTOCOL}")
    return request


class TableStorlet:
    """A storlet that answers with a table; a subclass fills it in.

    Whatever goes wrong in `answer` ends in the trailer, with its kind and message.
    """

    name: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, in_files: list[Any], out_files: list[Any], params: dict[str, str]) -> None:
        """Run for the engine."""
        table = TableWriter(out_files[0], self.name, self.version)
        try:
            request = decode_request(params)
            table.compressed = request.get("compress", False)
            self.answer(request, in_files[0], table)
        except StorletFailure as failure:
            table.fail(failure.kind, str(failure))
        except BrokenPipeError:
            raise  # nobody reads any more
        except Exception as error:
            table.fail("storlet_failed", f"{type(error).__name__}: {error}")
        else:
            table.finish()

    def answer(self, request: dict[str, Any], source: Any, table: TableWriter) -> None:
        """Read the source and write the table.

        Args:
            request: as the planner made it.
            source: the engine's input file; its fileno() is the object's file, or a pipe.
            table: where the columns and rows go.
        """
        raise NotImplementedError


class TableWriter:
    """Writes the table stream to the engine's output file.

    Attributes:
        rows_scanned, rows_returned, bytes_scanned: what the trailer says of the work.
        facts: what the trailer tells besides the table; JSON.
        compressed: whether the rows' buffers are, which has to be known before `open`.
    """

    def __init__(self, out: Any, storlet: str, version: str) -> None:
        self._out = out
        self._crc = google_crc32c.Checksum()
        self._stream: Any = None
        self._storlet, self._version = storlet, version
        self._wall, self._cpu = time.monotonic_ns(), time.process_time_ns()
        self.rows_scanned = self.rows_returned = self.bytes_scanned = 0
        self.facts: dict[str, Any] = {}
        self.compressed = False
        out.set_metadata({"Content-Type": "application/vnd.apache.arrow.stream"})

    # pyarrow writes to this object as to a file.
    closed = False

    def write(self, data: Any) -> int:
        """Take bytes of the Arrow stream."""
        data = bytes(data)
        self._crc.update(data)
        self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """Send what is buffered."""
        self._out.flush()

    def open(self, schema: pa.Schema) -> None:
        """Send the schema, at once: silence before the first row must not look like death."""
        # Threads would take what the node's other workers need.
        options = pa.ipc.IpcWriteOptions(compression="zstd" if self.compressed else None, use_threads=False)
        self._stream = pa.ipc.new_stream(pa.PythonFile(self, "w"), schema, options=options)
        self.flush()

    def batch(self, batch: pa.RecordBatch) -> None:
        """Send rows."""
        self._stream.write_batch(batch)
        self.rows_returned += batch.num_rows

    def finish(self) -> None:
        """End the table and say that it is whole."""
        self._end({"status": "ok"})

    def fail(self, kind: str, message: str) -> None:
        """End the table and say why it is not whole."""
        self._end({"status": "error", "kind": kind, "message": message})

    def _end(self, outcome: dict[str, Any]) -> None:
        if self._stream is None:
            self.open(pa.schema([]))
        self._stream.close()
        trailer = {
            "v": PROTOCOL,
            **outcome,
            "rows_scanned": self.rows_scanned,
            "rows_returned": self.rows_returned,
            "bytes_scanned": self.bytes_scanned,
            "facts": self.facts,
            "crc32c": int.from_bytes(self._crc.digest(), "big"),
            "elapsed_ns": time.monotonic_ns() - self._wall,
            "cpu_ns": time.process_time_ns() - self._cpu,
            "storlet": self._storlet,
            "version": self._version,
        }
        text = json.dumps(trailer).encode()
        self._out.write(text + struct.pack("<I", len(text)) + MAGIC)
        self.flush()
