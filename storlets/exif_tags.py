"""EXIF directories as names and texts: the names that exiftool prints, the values that `exiftool -n` prints.

A directory is a list of tags, each with a type, a count and a value or the offset of one; see the TIFF 6.0 and the
Exif 2.32 specifications. It is read here, not by Pillow: Pillow keeps all that a directory claims to hold, so that a
few kilobytes of tags that share one value fill the memory, and forgets the types, by which exiftool writes values.

Nothing in a file is believed: directories are read once each and in a fixed order, so that they cannot form a loop;
tags and bytes of values are counted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from PIL import ExifTags

#: Bytes of all values that are looked at, and tags of a directory.
MAX_VALUES = 1 << 20
MAX_TAGS = 4096
#: Numbers of more bytes are binary data.
MAX_NUMBERS = 2048

Read = Callable[[int, int], bytes]

#: Where exiftool has another name than Pillow, or Pillow has none.
_NAMES = {
    **ExifTags.TAGS,
    0x00FE: "SubfileType",
    0x00FF: "OldSubfileType",
    0x0101: "ImageHeight",
    0x0132: "ModifyDate",
    0x014E: "NumberofInks",
    0x0201: "ThumbnailOffset",
    0x0202: "ThumbnailLength",
    0x0203: "JPEGRestartInterval",
    0x1002: "RelatedImageHeight",
    0x828D: "CFARepeatPatternDim",
    0x828E: "CFAPattern2",
    0x830E: "PixelScale",
    0x8482: "ModelTiePoint",
    0x85D8: "ModelTransform",
    0x8827: "ISO",
    0x8828: "Opto-ElectricConvFactor",
    0x9004: "CreateDate",
    0x9204: "ExposureCompensation",
    0x9214: "SubjectArea",
    0x9216: "TIFF-EPStandardID",
    0x9290: "SubSecTime",
    0x9291: "SubSecTimeOriginal",
    0x9292: "SubSecTimeDigitized",
    0xA000: "FlashpixVersion",
    0xA002: "ExifImageWidth",
    0xA003: "ExifImageHeight",
    0xA20D: "Noise",
    0xA211: "ImageNumber",
    0xA212: "SecurityClassification",
    0xA213: "ImageHistory",
    0xA214: "SubjectLocation",
    0xA405: "FocalLengthIn35mmFormat",
    0xA430: "OwnerName",
    0xA431: "SerialNumber",
    0xA432: "LensInfo",
    0xA480: "GDALMetadata",
    0xA481: "GDALNoData",
    0xC630: "DNGLensInfo",
    0xEA1C: "Padding",
    0xEA1D: "OffsetSchema",
    0xFDE8: "OwnerName",
    0xFDE9: "SerialNumber",
    0xFDEA: "Lens",
}  # fmt: skip
#: What 0x0201 and 0x0202 are outside of the thumbnail's directory.
_PICTURE_NAMES = {**_NAMES, 0x0201: "OtherImageStart", 0x0202: "OtherImageLength"}
_INTEROPERABILITY_NAMES = {**_NAMES, 0x0001: "InteropIndex", 0x0002: "InteropVersion"}
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_DIRECTORIES = {_EXIF: "ExifIFD", _GPS: "GPS", _INTEROPERABILITY: "InteropIFD"}
#: Data of other kinds than EXIF, some in directories of their own.
_NOT_SHOWN = (*(0x014A, 0x02BC, 0x83BB, 0x8649, 0x8773, 0x927C, 0xA0C4, 0xC4A5, 0xC634),)

#: Codes and sizes of the types of numbers; 2 is text, 7 anything.
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I"}
_TEXT, _LONG, _ANY, _IFD = 2, 4, 7, 13


class Directories:
    """Reads the directories of EXIF data.

    Args:
        read: gives up to so many bytes at an offset of the data.

    Attributes:
        tags: texts by name.
        problem: what is wrong with the data; the tags are those that could be read all the same.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._left = MAX_VALUES
        self.tags: dict[str, str] = {}
        self.problem: str | None = None
        head = read(0, 8)
        self._order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4], "")
        if len(head) < 8 or not self._order:
            self._note("it does not begin as EXIF data do")
            return
        first, following = self._directory("IFD0", self._number(head, 4), _PICTURE_NAMES)
        exif = self._follow("ExifIFD", first, _EXIF, _PICTURE_NAMES)
        self._follow("GPS", first, _GPS, ExifTags.GPSTAGS)
        self._follow("InteropIFD", exif, _INTEROPERABILITY, _INTEROPERABILITY_NAMES)
        if following:
            self._directory("IFD1", following, _NAMES)

    def _follow(self, name: str, pointers: dict[int, int], tag: int, names: dict[int, str]) -> dict[int, int]:
        return self._directory(name, pointers[tag], names)[0] if tag in pointers else {}

    def _directory(self, name: str, at: int, names: dict[int, str]) -> tuple[dict[int, int], int]:
        """Read a directory; give the offsets of those that it names, and of the next one."""
        count = self._number(self._read(at, 2), 0, "H", missing=-1)
        if count < 0:
            self._note(f"{name} would begin at byte {at}, behind the end")
            return {}, 0
        entries = self._read(at + 2, 12 * min(count, MAX_TAGS))
        if len(entries) < 12 * count:
            self._note(f"{name} says that it has {count} tags, and there are {len(entries) // 12} or too many")
        pointers = {}
        for start in range(0, len(entries) - 11, 12):
            tag, kind, number = struct.unpack_from(self._order + "HHI", entries, start)
            if tag in _DIRECTORIES and names is not ExifTags.GPSTAGS:
                if kind not in (_LONG, _IFD) or number != 1:
                    self._note(f"{name} does not say where {_DIRECTORIES[tag]} begins")
                    continue
                pointers[tag] = self._number(entries, start + 8)
            elif tag in names and (tag not in _NOT_SHOWN or names is ExifTags.GPSTAGS):
                try:
                    text = self._value(tag, kind, number, entries[start + 8 : start + 12], names)
                except ValueError as error:
                    self._note(f"{name}'s tag {names[tag]} {error}")
                    continue
                # What is said of the thumbnail matters only where nothing is said of the picture.
                if name != "IFD1" or names[tag] not in self.tags:
                    self.tags[names[tag]] = text
        return pointers, self._number(self._read(at + 2 + 12 * count, 4), 0)

    def _value(self, tag: int, kind: int, number: int, inline: bytes, names: dict[int, str]) -> str:
        code = {_TEXT: "B", _ANY: "B"}.get(kind) or _TYPES.get(kind)
        if code is None:
            raise ValueError(f"is of a type, {kind}, that there is not")
        size = number * struct.calcsize("<" + code)
        if size > MAX_NUMBERS and kind != _TEXT:
            return f"(Binary data {size} bytes)"
        if size > self._left:
            raise ValueError(f"has {size} bytes; of all values together {MAX_VALUES} are read")
        self._left -= size
        data = inline[:size] if size <= 4 else self._read(self._number(inline, 0), size)
        if len(data) < size:
            raise ValueError(f"has {size} bytes, which lie behind the end")
        special = (_GPS_VALUES if names is ExifTags.GPSTAGS else _VALUES).get(tag)
        if kind == _TEXT or (kind == _ANY and special is None):
            return text_of(data)
        if kind == _ANY:
            code = "B"
        parts = struct.unpack(self._order + code * number, data)
        values = [_quotient(*parts[i : i + 2]) for i in range(0, len(parts), 2)] if len(code) == 2 else list(parts)
        if special is not None:
            return special(values, data, self._order)
        return " ".join(map(_written, values))

    def _number(self, data: bytes, at: int, code: str = "I", missing: int = 0) -> int:
        if len(data) < at + struct.calcsize("<" + code):
            return missing
        found: int = struct.unpack_from(self._order + code, data, at)[0]
        return found

    def _note(self, problem: str) -> None:
        self.problem = self.problem or f"EXIF: {problem}"


def text_of(data: bytes) -> str:
    """Read text up to its end; cameras write UTF-8, or Latin-1 where it is none."""
    data = data.split(b"\0", 1)[0].rstrip(b" ")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _quotient(above: int, below: int) -> float | str:
    """Divide with the ten digits of exiftool."""
    if below == 0:
        return "inf" if above else "undef"
    return float(f"{above / below:.10g}")


def _written(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, float) else str(value)


def _power(exponent: Callable[[float], float]) -> Callable[..., str]:
    """Make of a number in steps of exposure what it stands for."""

    def found(values: list[Any], data: bytes, order: str) -> str:
        if len(values) != 1 or isinstance(values[0], str):
            return " ".join(map(_written, values))
        return _written(2.0 ** exponent(values[0]) if abs(values[0]) < 100 else 0)

    return found


def _bytes(values: list[Any], data: bytes, order: str) -> str:
    return " ".join(map(str, data))


def _wide(values: list[Any], data: bytes, order: str) -> str:
    return data.decode("utf-16-le", "replace").split("\0", 1)[0]


def _comment(values: list[Any], data: bytes, order: str) -> str:
    """Read text behind eight bytes that name its encoding."""
    code, text = data[:8].rstrip(b"\0 ").upper(), data[8:]
    if code == b"UNICODE":
        return text.decode("utf-16-le" if order == "<" else "utf-16-be", "replace").split("\0", 1)[0].rstrip(" ")
    if code == b"JIS":
        return text.decode("iso2022_jp", "replace").split("\0", 1)[0].rstrip(" ")
    return text_of(text if code in (b"ASCII", b"") else data)


def _binary(values: list[Any], data: bytes, order: str) -> str:
    return f"(Binary data {len(data)} bytes)"


def _pattern(values: list[Any], data: bytes, order: str) -> str:
    """Read a colour filter: two numbers in either byte order, and as many bytes as their product."""
    if len(data) < 4:
        return _bytes(values, data, order)
    for way in (order, "<>".replace(order, "")):
        across, down = struct.unpack_from(way + "HH", data)
        if len(data) == 4 + across * down:
            return " ".join(map(str, (across, down, *data[4:])))
    return _bytes(values, data, order)


def _degrees(values: list[Any], data: bytes, order: str) -> str:
    parts = [value for value in values if not isinstance(value, str)]
    if not parts:
        return ""
    return _written(float(sum(part / 60**i for i, part in enumerate(parts[:3]))))


def _clock(values: list[Any], data: bytes, order: str) -> str:
    if len(values) != 3 or any(isinstance(value, str) for value in values):
        return " ".join(map(_written, values))
    hours, minutes, seconds = values
    rest = round((hours * 60 + minutes) * 60 + seconds, 9)
    whole, minutes = divmod(rest, 60)
    hours, minutes = divmod(whole, 60)
    seconds = f"{rest - 60 * whole:012.9f}".rstrip("0").rstrip(".")
    return f"{hours:02.0f}:{minutes:02.0f}:{seconds}"


_VALUES: dict[int, Callable[..., str]] = {
    **dict.fromkeys((0x8828, 0xA20C, 0xA40B), _binary),  # of the camera's own forms
    0x9101: _bytes,  # ComponentsConfiguration
    0x9201: _power(lambda steps: -steps),  # ShutterSpeedValue
    0x9202: _power(lambda steps: steps / 2),  # ApertureValue
    0x9205: _power(lambda steps: steps / 2),  # MaxApertureValue
    0x9286: _comment,
    **dict.fromkeys(range(0x9C9B, 0x9CA0), _wide),  # XPTitle to XPSubject
    0xA300: _bytes,  # FileSource
    0xA301: _bytes,  # SceneType
    0xA302: _pattern,
}
_GPS_VALUES: dict[int, Callable[..., str]] = {
    **dict.fromkeys((2, 4, 20, 22), _degrees),
    7: _clock,
    27: _comment,  # GPSProcessingMethod
    28: _comment,  # GPSAreaInformation
}
