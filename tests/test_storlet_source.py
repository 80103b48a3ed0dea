"""The bytes that a storlet gets: from files, pipes and compressed objects, read at rising offsets."""

import bz2
import gzip
import os
import random
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "storlets"))

from storlet_sdk import StorletFailure
from storlet_source import Source, open_source

DATA = random.Random(1).randbytes(300_000) + b"x" * 300_000
PACKED = {
    "gzip": gzip.compress(DATA[:100_000]) + gzip.compress(DATA[100_000:]),
    "bzip2": bz2.compress(DATA[:100_000]) + bz2.compress(DATA[100_000:]),
    "zstd": bytes(pa.compress(DATA[:100_000], "zstd", asbytes=True))
    + bytes(pa.compress(DATA[100_000:], "zstd", asbytes=True)),
    "deflate": zlib.compress(DATA[:100_000]) + zlib.compress(DATA[100_000:]),
}


@contextmanager
def opened(
    kind: str, data: bytes, compression: str | None, tmp_path: Path, begin: int = 0, pipe: int | None = None
) -> Iterator[Source]:
    """The data as a file or in a pipe."""
    request = {
        "size": len(data),
        "compression": compression,
        "begin": begin,
        **({} if pipe is None else {"pipe": pipe}),
    }
    if kind == "file":
        path = tmp_path / "object"
        path.write_bytes(data)
        with path.open("rb") as file:
            yield open_source(file.fileno(), request)
        return
    out, into = os.pipe()

    def write() -> None:
        with os.fdopen(into, "wb") as file, suppress(BrokenPipeError):
            file.write(data[pipe or 0 :])

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(out, "rb") as file:
        yield open_source(file.fileno(), request)
    writer.join()


@pytest.mark.parametrize("kind", ["file", "pipe"])
@pytest.mark.parametrize("compression", [None, *PACKED])
def test_rising_reads_give_the_bytes(kind: str, compression: str | None, tmp_path: Path) -> None:
    packed = PACKED[compression] if compression else DATA
    with opened(kind, packed, compression, tmp_path) as source:
        for at, size in (
            (0, 3),
            (0, 10),
            (0, 200_000),
            (5, 70_000),
            (150_000, 1),
            (150_000, 90_000),
            (590_000, 10_000),
        ):
            assert source.read(at, size) == DATA[at : at + size]
            assert not source.ends(at)
            source.forget(at)
        assert source.read(599_990, 100) == DATA[-10:]
        assert source.ends(600_000)
        assert source.read(600_000, 5) == b""
        assert source.bytes_read > 0


@pytest.mark.parametrize("kind", ["file", "pipe"])
@pytest.mark.parametrize("compression", list(PACKED))
def test_compressed_bytes_that_break_off_fail(kind: str, compression: str, tmp_path: Path) -> None:
    for data in (PACKED[compression][:-3], PACKED[compression][:60_000], b"no compressed bytes"):
        with opened(kind, data, compression, tmp_path) as source, pytest.raises(StorletFailure, match=compression):
            while not source.ends(0):
                source.read(0, 700_000)
                source.ends(700_000)


@pytest.mark.parametrize("kind", ["file", "pipe"])
@pytest.mark.parametrize("compression", ["bzip2", "deflate"])
def test_damage_behind_the_first_stream_fails(kind: str, compression: str, tmp_path: Path) -> None:
    pack = {"bzip2": bz2.compress, "deflate": zlib.compress}[compression]
    first, second = pack(DATA[:100_000]), pack(DATA[100_000:])
    for data in (first + b"XXXX" + second[4:], first + second + b"more"):
        with opened(kind, data, compression, tmp_path) as source, pytest.raises(StorletFailure, match=compression):
            source.read(0, 700_000)


@pytest.mark.parametrize("compression", list(PACKED))
def test_compressed_bytes_are_not_kept(compression: str, tmp_path: Path) -> None:
    with opened("pipe", PACKED[compression], compression, tmp_path) as source:
        source.read(0, 1000)
        for at in range(0, len(DATA), 1000):
            source.forget(at)
            source.read(at, 1000)
        assert len(source._source._kept) <= 1 << 17, "of the compressed bytes only the last piece is needed"


@pytest.mark.parametrize("compression", list(PACKED))
def test_an_object_of_no_bytes_is_empty_whatever_its_name(compression: str, tmp_path: Path) -> None:
    with opened("file", b"", compression, tmp_path) as source:
        assert source.read(0, 10) == b"" and source.ends(0)


@pytest.mark.parametrize("pipe", [None, 0, 600, 1000])
def test_a_pipe_begins_where_the_request_says_and_is_skipped_to_what_is_needed(
    pipe: int | None, tmp_path: Path
) -> None:
    with opened("pipe", DATA, None, tmp_path, begin=1000, pipe=pipe) as source:
        assert source.read(1000, 5) == DATA[1000:1005]
        assert source.read(1000, 1) == DATA[1000:1001], "it can be read again"
        source.forget(1001)
        for at in (999, 1000):
            with pytest.raises(StorletFailure, match=str(at)):
                source.read(at, 1)


def test_a_file_of_another_size_is_another_object(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(b"abc")
    with path.open("rb") as file, pytest.raises(StorletFailure, match="3 bytes now and had 4"):
        open_source(file.fileno(), {"size": 4, "compression": None, "begin": 0})
