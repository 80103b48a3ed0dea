"""Files that are broken, or made to break their reader, are rows with an error: no failure, no hang, no flood of memory."""

import os
import random
import struct
import threading
import zlib
from contextlib import suppress
from datetime import timezone

import pyarrow as pa
import pytest
from exif_image import MAX_READ
from exif_storlet import SCHEMA, photo
from exif_tools import KINDS, jpeg_of
from storlet_source import PipeSource

MUTATIONS = 150  # of each kind


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def directory(*entries: bytes, following: int = 0) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks)


def box(name: bytes, *data: bytes) -> bytes:
    return struct.pack(">I", sum(map(len, data)) + 8) + name + b"".join(data)


def heic(*boxes: bytes) -> bytes:
    return box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4), *boxes)


HEAD = b"II*\0\x08\0\0\0"


def checked(row: dict) -> dict:
    """It can be sent as a row, and its reader stopped in time."""
    assert row["read"] <= MAX_READ
    pa.RecordBatch.from_pylist([{name: row.get(name) for name in SCHEMA.names}], SCHEMA)
    return row


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "it is empty"),
        (b"hello", "no image"),
        (b"\xff\xd8\xff", "broken"),
        (b"\xff\xd8\xff\xe1\xff\xffExif", "broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "broken"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff", "broken"),
        (b"RIFF\0\0\0\0WEBP", "broken"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "broken"),
        (b"II*\0\xff\xff\xff\xff", "EXIF"),
    ],
)
def test_no_image_is_a_row_with_an_error(content, error, look):
    assert error in checked(look(content))["error"]


def test_directories_that_form_a_loop(look):
    loop = HEAD + directory(
        entry(0x8769, 4, 1, 8), entry(0x8825, 4, 1, 8), entry(0x010F, 2, 4, 0x00636261), following=8
    )
    assert checked(look(jpeg_of(loop)))["make"] == "abc"


def test_offsets_and_counts_beyond_all_bounds(look):
    lies = HEAD + directory(
        entry(0x010F, 2, 0xFFFFFFFF, 0xFFFFFFFF),
        entry(0x0110, 2, 20, 0xFFFFFFF0),
        entry(0x0112, 3, 0xFFFFFFFF, 8),
        entry(0x0131, 99, 1, 0),
        entry(0x013B, 2, 4, 0x00636261),
        entry(0x8769, 4, 1, 0xFFFFFFFF),
        following=0xFFFFFFFE,
    )
    row = checked(look(jpeg_of(lies)))
    assert row["artist"] == "abc"
    assert row["error"].startswith("EXIF: IFD0's tag Make")
    assert row["width"] == 8


def test_tags_that_share_one_great_value(look):
    """Some hundred kilobytes that would be tens of gigabytes if each tag's value were read."""
    shared = b"x" * (1 << 20)
    bomb = HEAD + directory(*(entry(tag, 7, len(shared), 800_000) for tag in range(0xFFFF)))
    bomb += bytes(800_000 - len(bomb)) + shared
    for content in (jpeg_of(bomb), bomb):
        assert checked(look(content))["error"].startswith("EXIF: ")


def test_png_whose_text_unfolds(look):
    bomb = b"Raw profile type exif\0\0" + zlib.compress(b"0" * (200 << 20))
    checked(look(png(8, 8, *[chunk(b"zTXt", bomb)] * 20, chunk(b"IDAT", b""), chunk(b"IEND", b""))))


def test_picture_of_four_gigapixels_is_not_unfolded(look):
    row = checked(look(png(1 << 16, 1 << 16, chunk(b"IDAT", zlib.compress(bytes(1 << 20))))))
    assert (row["width"], row["height"], row["error"]) == (1 << 16, 1 << 16, None)


@pytest.mark.parametrize(("sizes", "extent"), [(b"\x00\x00", b""), (b"\x11\x00", b"\x00\x01")])
def test_heic_of_countless_extents(sizes, extent, look):
    items = [struct.pack(">HHH", item, 0, 0xFFFF) + extent * 0xFFFF for item in ((1,) if extent else range(200, 0, -1))]
    located = box(b"iloc", bytes(4), sizes, b"\xff\xff", *items)
    named = box(b"iinf", bytes(4), b"\0\1", box(b"infe", b"\2\0\0\0\0\1\0\0Exif\0"))
    row = checked(look(heic(named, located)))
    assert row["error"] == "its head is broken: the box iloc has 65535 extents of an item"


def heic_of(width: int, height: int) -> bytes:
    size = box(b"ipco", box(b"ispe", bytes(4), struct.pack(">II", width, height)))
    sizes = box(b"ipma", bytes(4), struct.pack(">IHBB", 1, 1, 1, 1))
    return heic(box(b"pitm", bytes(4), b"\0\1"), box(b"iprp", size, sizes))


def tiff_of(width: int, height: int) -> bytes:
    return HEAD + directory(entry(0x0100, 4, 1, width), entry(0x0101, 4, 1, height))


@pytest.mark.parametrize("photo_of", [lambda *size: png(*size, chunk(b"IDAT", b"")), heic_of, tiff_of])
def test_sizes_that_no_picture_has(photo_of, look):
    row = checked(look(photo_of(1 << 31, (1 << 31) - 1)))
    assert (row["width"], row["height"]) == (None, (1 << 31) - 1)
    assert row["error"] == "its head is broken: it says a width or height that no picture has"
    row = checked(look(photo_of(7, 5)))
    assert (row["width"], row["height"], row["error"]) == (7, 5, None)


@pytest.mark.parametrize(("at", "make"), [(60 << 20, "abc"), (70 << 20, None)])
def test_stream_of_a_tiff_file_whose_directory_is_at_its_end(at, make):
    end = directory(entry(0x010F, 2, 4, 0x00636261))
    reading, writing = os.pipe()

    def stream() -> None:
        with suppress(BrokenPipeError), open(writing, "wb") as pipe:
            pipe.write(HEAD[:4] + struct.pack("<I", at) + bytes(at - 8) + end)

    writer = threading.Thread(target=stream)
    writer.start()
    try:
        source = PipeSource(reading, at + len(end), 0, 0)
        row = photo(source, "file", at + len(end), timezone.utc)
    finally:
        os.close(reading)
        writer.join()
    assert row.get("make") == make
    if make is None:
        assert "the store can only stream it" in row["error"]
        assert source.bytes_read < MAX_READ


@pytest.mark.parametrize("junk", [b"\xff\x00", b"\xff", b"\xff\xe0\x00\x02"])
def test_jpeg_without_an_end(junk, look):
    assert checked(look(b"\xff\xd8\xff\xe0\x00\x02" + junk * (MAX_READ // len(junk) + 100_000)))["error"]


@pytest.mark.parametrize("kind", [*KINDS, "big-endian.jpg"])
def test_flipped_bits_and_cuts(kind, photos, look):
    content = photos[kind].read_bytes()
    heads = look(content)["read"]
    dice = random.Random(kind)
    outcomes = set()
    for _ in range(MUTATIONS):
        broken = bytearray(content)
        for _ in range(dice.choice((1, 1, 3, 30))):
            broken[dice.randrange(min(heads, len(broken)))] ^= 1 << dice.randrange(8)
        if dice.random() < 0.4:
            del broken[dice.randrange(len(broken)) :]
        row = checked(look(bytes(broken)))
        assert row["name"] == "file"
        outcomes.add(row["error"] is None)
    assert outcomes == {True, False}
