"""What kind of image a file is, how large, and where its EXIF data are: from its head, never from its pixels.

Pillow reads JPEG and PNG up to the pixels. Of WebP and HEIC it would read the whole file, so their chunks and boxes are
followed here; a TIFF file is EXIF data itself.

What is read is counted: a file that makes its reader go in circles comes to an end.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import JpegImagePlugin, PngImagePlugin
from storlet_sdk import StorletFailure
from storlet_source import Source, StreamSource

#: Bytes that are read of a file at most, and at once at least.
MAX_READ = 8 << 20
#: How far a stream is read, for it keeps what is skipped.
MAX_STREAM = 64 << 20
PIECE = 8 << 10
#: EXIF data in other files than JPEG, and the box that says what a HEIC file holds.
MAX_EXIF = 4 << 20
MAX_META = 1 << 20
MAX_CHUNKS = 1000


class NoImage(Exception):
    """The file is no image that is known here, or its head is broken."""


@dataclass(frozen=True)
class Image:
    """What the head of a file says.

    Attributes:
        exif: gives up to so many bytes at an offset of the EXIF data; None if there are none.
    """

    format: str
    width: int | None
    height: int | None
    exif: Callable[[int, int], bytes] | None


class Head(io.RawIOBase):
    """A source as the file that Pillow reads.

    Args:
        source: the file's bytes.
        size: how many there are.
    """

    def __init__(self, source: Source, size: int) -> None:
        self._source, self._size, self._at, self._left = source, size, 0, MAX_READ

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase."""
        wanted = min(len(buffer), max(0, self._size - self._at))
        self._left -= wanted
        if self._left < 0:
            raise NoImage(f"its head has more than {MAX_READ} bytes")
        if isinstance(self._source, StreamSource) and self._at + wanted > MAX_STREAM:
            raise NoImage(f"its head goes on behind the first {MAX_STREAM} bytes, and the store can only stream it")
        count = self._source.read_into(self._at, memoryview(buffer)[:wanted]) if wanted else 0
        self._at += count
        return count


def look_at(source: Source, size: int) -> Image:
    """Look at a file.

    Args:
        source: its bytes.
        size: how many there are.

    Raises:
        NoImage: it is none, or a broken one.
    """
    file: io.BufferedReader = io.BufferedReader(Head(source, size), PIECE)
    start = file.peek(16)[:16]
    for magic, at, read in _FORMATS:
        if start[at : at + len(magic)] == magic:
            file.seek(0)
            try:
                return read(file)
            except (NoImage, StorletFailure):
                raise
            except Exception as error:  # what Pillow raises of a broken file is not said anywhere
                raise NoImage(f"its head is broken: {error}") from error
    raise NoImage("it is no image of a kind that is known" if size else "it is empty")


class _Jpeg(JpegImagePlugin.JpegImageFile):
    # Pillow would load all tags only to know the resolution.
    def _read_dpi_from_exif(self) -> None:
        pass


def _jpeg(file: io.BufferedReader) -> Image:
    opened = _Jpeg(file)
    return Image("JPEG", *opened.size, _exif(opened.info.get("exif")))


def _png(file: io.BufferedReader) -> Image:
    opened = PngImagePlugin.PngImageFile(file)
    exif = opened.info.get("exif")
    profile = opened.info.get("Raw profile type exif")  # as ImageMagick writes it: a name, a length, hexadecimal digits
    if exif is None and isinstance(profile, str):
        exif = bytes.fromhex("".join(profile.split("\n")[3:]))
    return Image("PNG", *opened.size, _exif(exif))


def _tiff(file: io.BufferedReader) -> Image:
    def read(at: int, size: int) -> bytes:
        file.seek(at)
        return file.read(size)

    return Image("TIFF", None, None, read)


def _webp(file: io.BufferedReader) -> Image:
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    at = 12
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(18)
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if name == b"VP8X" and len(head) == 18:
            size = int.from_bytes(head[12:15], "little") + 1, int.from_bytes(head[15:18], "little") + 1
            if not head[8] & 8:  # it says that it has no EXIF data
                break
        elif name == b"VP8 " and size is None:
            size = _vp8_size(head + file.read(4))
        elif name == b"VP8L" and size is None:
            bits = int.from_bytes(head[9:13], "little")
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif name == b"EXIF":
            file.seek(at + 8)
            exif = file.read(min(length, MAX_EXIF))
            break
        if len(head) < 8:
            break
        at += 8 + length + length % 2
    if size is None:
        raise NoImage("its head is broken: it does not say how large it is")
    return Image("WEBP", *size, _exif(exif))


def _vp8_size(head: bytes) -> tuple[int, int]:
    if head[11:14] != b"\x9d\x01\x2a":
        raise NoImage("its head is broken: it holds no VP8 key frame")
    width, height = struct.unpack_from("<HH", head, 14)
    return width & 0x3FFF, height & 0x3FFF


def _heif(file: io.BufferedReader) -> Image:
    brand = file.read(12)[8:12]
    kind = "AVIF" if brand in (b"avif", b"avis") else "HEIC"
    at = 0
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, name = struct.unpack_from(">I4s", head)
        skipped = 8
        if length == 1 and len(head) == 16:
            (length,), skipped = struct.unpack_from(">Q", head, 8), 16
        if name == b"meta":
            file.seek(at + skipped)
            meta = Items(file.read(min(max(length - skipped, 0), MAX_META)))
            return Image(kind, *meta.size(), _exif(_heif_exif(meta, file)))
        if length < skipped:
            break
        at += length
    raise NoImage("its head is broken: no box says what it holds")


def _heif_exif(meta: Items, file: io.BufferedReader) -> bytes | None:
    extents = meta.extents()
    if extents is None:
        return None
    data = b""
    for at, length in extents:
        file.seek(at)
        data += file.read(min(length, MAX_EXIF - len(data)))
    # The first four bytes say where the EXIF data begin behind them.
    return data[4 + int.from_bytes(data[:4], "big") :] if len(data) > 4 else b""


class Items:
    """The box `meta` of a HEIF file: which items there are, how large, and where (ISO/IEC 14496-12 and 23008-12).

    Args:
        data: what is in the box.
    """

    def __init__(self, data: bytes) -> None:
        self._boxes = dict(_boxes(data[4:]))

    def size(self) -> tuple[int | None, int | None]:
        """Give width and height of the item that is the picture."""
        primary = self._boxes.get(b"pitm", b"")
        item = int.from_bytes(primary[4 : 8 if primary[:1] == b"\1" else 6], "big")
        properties = dict(_boxes(self._boxes.get(b"iprp", b"")))
        containers = list(_boxes(properties.get(b"ipco", b"")))
        for index in self._properties(properties.get(b"ipma", b""), item):
            if 0 < index <= len(containers) and containers[index - 1][0] == b"ispe":
                width, height = struct.unpack_from(">II", containers[index - 1][1], 4)
                return width, height
        return None, None

    @staticmethod
    def _properties(box: bytes, wanted: int) -> list[int]:
        if not box:
            return []
        long_items, long_indexes = box[0] > 0, box[3] & 1
        (count,) = struct.unpack_from(">I", box, 4)
        at = 8
        for _ in range(min(count, len(box))):
            item = int.from_bytes(box[at : at + (4 if long_items else 2)], "big")
            at += 4 if long_items else 2
            number, step = box[at], 2 if long_indexes else 1
            parts = [box[at + 1 + i * step : at + 1 + (i + 1) * step] for i in range(number)]
            at += 1 + number * step
            if item == wanted:  # the highest bit says whether the property is essential
                return [int.from_bytes(part, "big") & (0x7FFF if long_indexes else 0x7F) for part in parts]
        return []

    def extents(self) -> list[tuple[int, int]] | None:
        """Give offsets and lengths of the parts of the EXIF data; None if there are none."""
        items = self._boxes.get(b"iinf", b"")
        names = {}
        for name, entry in _boxes(items[6 if items[:1] == b"\0" else 8 :]):
            if name == b"infe" and entry[:1] in (b"\2", b"\3"):
                wide = 4 if entry[0] == 3 else 2
                names[entry[6 + wide : 10 + wide]] = int.from_bytes(entry[4 : 4 + wide], "big")
        return self._located(self._boxes.get(b"iloc", b""), names[b"Exif"]) if b"Exif" in names else None

    @staticmethod
    def _located(box: bytes, wanted: int) -> list[tuple[int, int]] | None:
        numbers = io.BytesIO(box)

        def number(size: int) -> int:
            data = numbers.read(size)
            if len(data) < size:
                raise NoImage("its head is broken: the box iloc is cut")
            return int.from_bytes(data, "big")

        version = number(1)
        number(3)
        sizes, more = number(1), number(1)
        offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
        index_size = more & 15 if version else 0
        for _ in range(number(4 if version == 2 else 2)):
            item = number(4 if version == 2 else 2)
            method = number(2) & 15 if version else 0
            number(2)
            base = number(base_size)
            extents = []
            count = number(2)
            if count > (MAX_CHUNKS if index_size + offset_size + length_size else 1):
                raise NoImage(f"its head is broken: the box iloc has {count} extents of an item")
            for _ in range(count):
                number(index_size)
                extents.append((base + number(offset_size), number(length_size)))
            if item == wanted:
                return extents if method == 0 else None
        return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield names and contents of the boxes in some bytes."""
    at = 0
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield name, data[at + 8 : at + length]
        at += length


def _exif(data: bytes | None) -> Callable[[int, int], bytes] | None:
    if data is None:
        return None
    found = data.removeprefix(b"Exif\0\0")
    return lambda at, size: found[at : at + size]


_FORMATS: tuple[tuple[bytes, int, Callable[[io.BufferedReader], Image]], ...] = (
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"II*\0", 0, _tiff),
    (b"MM\0*", 0, _tiff),
    (b"WEBP", 8, _webp),
    *(
        (b"ftyp" + brand, 4, _heif)
        for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"avif", b"avis")
    ),
)
