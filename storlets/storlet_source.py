"""Where a storlet's bytes come from: the object's own file, on its object server, or a pipe; each perhaps compressed.

All can be read again from where the reader last said that it needs no more of what is before.
"""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from storlet_sdk import StorletFailure

PIECE = 1 << 16


class Source:
    """The object's bytes, before which there may be some that were not asked for."""

    bytes_read = 0

    def read(self, at: int, size: int) -> bytes:
        """Read up to `size` bytes at the offset `at`; fewer only at the object's end."""
        raise NotImplementedError

    def read_into(self, at: int, buffer: memoryview) -> int:
        """Read into a buffer at the offset `at`; give how many bytes, fewer only at the object's end."""
        data = self.read(at, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def ends(self, at: int) -> bool:
        """Tell whether the object ends at or before the offset `at`."""
        raise NotImplementedError

    def forget(self, at: int) -> None:
        """Take note that nothing before the offset `at` will be read any more."""


class FileSource(Source):
    """The object's own file, on its object server.

    Args:
        fd: the file.
        size: the object's size that was planned.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self._size = fd, size

    def read(self, at: int, size: int) -> bytes:
        """See Source."""
        data = os.pread(self._fd, size, at)
        self._has_read(at, len(data), size)
        return data

    def read_into(self, at: int, buffer: memoryview) -> int:
        """See Source."""
        count = os.preadv(self._fd, [buffer], at)
        self._has_read(at, count, len(buffer))
        return count

    def _has_read(self, at: int, count: int, wanted: int) -> None:
        self.bytes_read += count
        if count < min(wanted, self._size - at):
            raise StorletFailure("incomplete", f"the object's file ends at byte {at + count} of {self._size}")

    def ends(self, at: int) -> bool:
        """See Source."""
        return at >= self._size


class HeldSource(Source):
    """Bytes in memory, as if they were all of the object."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, at: int, size: int) -> bytes:
        """See Source."""
        return self._data[at : at + size]

    def ends(self, at: int) -> bool:
        """See Source."""
        return at >= len(self._data)


class StreamSource(Source):
    """A stream of the object that begins at `begin`; what was read is kept until it may be forgotten."""

    def __init__(self, begin: int) -> None:
        self._kept, self._kept_at, self._ended = b"", begin, False

    def next(self, size: int) -> bytes:
        """Take some bytes off the stream, about `size`; none at its end."""
        raise NotImplementedError

    def read(self, at: int, size: int) -> bytes:
        """See Source."""
        if at < self._kept_at:
            raise StorletFailure("storlet_failed", f"byte {at} of a stream that is at {self._kept_at} already")
        self._fill(at + size)
        return self._kept[at - self._kept_at : at - self._kept_at + size]

    def ends(self, at: int) -> bool:
        """See Source."""
        self._fill(at + 1)
        return self._kept_at + len(self._kept) <= at

    def forget(self, at: int) -> None:
        """See Source."""
        if at > self._kept_at:
            self._kept, self._kept_at = self._kept[at - self._kept_at :], min(at, self._kept_at + len(self._kept))

    def _fill(self, end: int) -> None:
        pieces = [self._kept]
        missing = end - self._kept_at - len(self._kept)
        while missing > 0 and not self._ended:
            pieces.append(self.next(max(PIECE, missing)))
            self._ended = not pieces[-1]
            missing -= len(pieces[-1])
        self._kept = b"".join(pieces) if len(pieces) > 1 else self._kept


class PipeSource(StreamSource):
    """A pipe with the object's bytes from `at` to the object's end, at `size`; those before `begin` are thrown away."""

    def __init__(self, fd: int, size: int, at: int, begin: int) -> None:
        super().__init__(begin)
        self._fd, self._size, self._at = fd, size, at
        while self._at < begin:
            self.next(min(PIECE, begin - self._at))

    def next(self, size: int) -> bytes:
        """See StreamSource."""
        data = os.read(self._fd, size)
        self._at += len(data)
        self.bytes_read += len(data)
        if not data and self._at < self._size:
            raise StorletFailure("incomplete", f"the object's stream ends at byte {self._at} of {self._size}")
        return data


class CompressedSource(StreamSource):
    """What a compressed object holds.

    Args:
        source: the object's bytes.
        compression: gzip, bzip2, zstd or deflate.
    """

    def __init__(self, source: Source, compression: str) -> None:
        super().__init__(0)
        self._source, self._compression = source, compression
        self._stream = decompressed(_Raw(source), compression)

    def next(self, size: int) -> bytes:
        """See StreamSource."""
        try:
            data = bytes(self._stream.read(size))
        except (OSError, EOFError, zlib.error) as error:
            raise StorletFailure(
                "storlet_failed", f"the object is no whole {self._compression} data: {error}"
            ) from error
        self.bytes_read = self._source.bytes_read
        return data


class _Raw(io.RawIOBase):
    """A source as the file that decompressors read."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        self._source.forget(self._at)
        return len(data)


def decompressed(raw: io.RawIOBase, compression: str) -> Any:
    """Open compressed bytes for reading; several members or frames in a row are one stream, as for Hadoop's codecs."""
    buffered = io.BufferedReader(raw, PIECE)
    if compression == "gzip":
        return gzip.GzipFile(fileobj=buffered)
    if compression == "zstd":
        return pa.CompressedInputStream(pa.PythonFile(buffered, "r"), "zstd")
    return _Streams(buffered, bz2.BZ2Decompressor if compression == "bzip2" else zlib.decompressobj)


class _Streams:
    """Streams of zlib or bzip2 in a row; the standard library has no file for the one and ends the other at damage.

    Args:
        raw: their bytes.
        begin: makes what undoes one stream.
    """

    def __init__(self, raw: io.BufferedIOBase, begin: Callable[[], Any]) -> None:
        self._raw, self._begin, self._stream = raw, begin, begin()

    def read(self, size: int) -> bytes:
        """Give up to so many bytes; none at the end."""
        data = b""
        while not data:
            if self._stream.eof:
                given = self._stream.unused_data or self._raw.read(PIECE)
                if not given:
                    break
                self._stream = self._begin()
            else:
                # zlib gives back what it has not looked at, bzip2 keeps it.
                given = getattr(self._stream, "unconsumed_tail", b"")
                if not given and getattr(self._stream, "needs_input", True):
                    given = self._raw.read(PIECE)
                    if not given:
                        raise EOFError("it breaks off")
            data = self._stream.decompress(given, size)
        return data


def open_source(fd: int, request: dict[str, Any]) -> Source:
    """Take the engine's input for what it is: the object's file or a pipe; and undo its compression.

    Args:
        fd: the engine's input.
        request: size (bytes of the object), compression (or null), begin (before which nothing is needed of a pipe),
            pipe (where a pipe begins; left out, if no range was asked for: it has the whole object).

    Raises:
        StorletFailure: the file is not as long as the object that was planned.
    """
    status, size = os.fstat(fd), request["size"]
    source: Source
    if not stat.S_ISREG(status.st_mode):
        source = PipeSource(fd, size, request.get("pipe", 0), request["begin"])
    elif status.st_size == size:
        source = FileSource(fd, size)
    else:
        raise StorletFailure(
            "changed",
            f"the object has {status.st_size} bytes now and had {size} when the query was planned: run the query again",
        )
    # Of no bytes is what Spark passes over, whatever its name says.
    return CompressedSource(source, request["compression"]) if request["compression"] and size else source
