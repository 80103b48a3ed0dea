"""The EXIF storlet: one row for a photo, from the head of its file.

Request: v, name (of the object), size (its bytes), begin (where a pipe begins: 0), compression (null), zone (in which
times without an offset are meant), columns (names to answer), predicate (see storlet_expression, or null).

A file that is no image, or a broken one, is a row too: `error` says what is wrong, and the other columns what is known.
"""

from __future__ import annotations

import datetime
import math
import re
import warnings
import zoneinfo
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from exif_image import NoImage, look_at
from exif_tags import Directories
from storlet_expression import columns_of, evaluate
from storlet_sdk import StorletFailure, TableStorlet, TableWriter
from storlet_source import Source, open_source

#: All columns, as Arrow has them.
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("bytes", pa.int64()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("orientation", pa.int32()),
        ("make", pa.string()),
        ("model", pa.string()),
        ("lens", pa.string()),
        ("software", pa.string()),
        ("datetime_original", pa.timestamp("us", "UTC")),
        ("gps_latitude", pa.float64()),
        ("gps_longitude", pa.float64()),
        ("gps_altitude", pa.float64()),
        ("exposure_time", pa.float64()),
        ("f_number", pa.float64()),
        ("iso", pa.int32()),
        ("focal_length", pa.float64()),
        ("flash", pa.int32()),
        ("artist", pa.string()),
        ("copyright", pa.string()),
        ("description", pa.string()),
        ("tags", pa.map_(pa.string(), pa.string())),
        ("error", pa.string()),
    ]
)
_TIME = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)|Z")


class ExifStorlet(TableStorlet):
    """Answers what is known of a photo."""

    name = "exif_storlet.py"
    version = "1"

    def answer(self, request: dict[str, Any], source: Any, table: TableWriter) -> None:
        """See TableStorlet."""
        data = open_source(source.fileno(), request)
        schema = pa.schema([SCHEMA.field(name) for name in request["columns"]])
        table.open(schema)
        needed = {*request["columns"], *(columns_of(request["predicate"]) if request["predicate"] else ())}
        zone = zone_of(request["zone"]) if "datetime_original" in needed else datetime.timezone.utc
        try:
            row = photo(data, request["name"], request["size"], zone)
        finally:
            table.bytes_scanned = data.bytes_read
        table.rows_scanned = 1
        if request["predicate"] and not passes(request["predicate"], row):
            return
        # As a struct, for a batch without columns has no rows otherwise.
        rows = pa.array([{name: row.get(name) for name in schema.names}], pa.struct(schema))
        table.batch(pa.RecordBatch.from_struct_array(rows))


def passes(predicate: dict[str, Any], row: dict[str, Any]) -> bool:
    """Tell whether a predicate is true of a row."""
    columns = {name: pa.array([row.get(name)], SCHEMA.field(name).type) for name in columns_of(predicate)}
    return bool(pc.fill_null(evaluate(predicate, columns, 1), False)[0].as_py())


def photo(source: Source, name: str, size: int, zone: datetime.tzinfo) -> dict[str, Any]:
    """Find what is known of a photo, by column."""
    row: dict[str, Any] = {"name": name, "bytes": size, "tags": {}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of what is wrong with a file
            image = look_at(source, size)
            found = Directories(image.exif) if image.exif else None
    except NoImage as error:
        return {**row, "error": str(error)}
    tags = found.tags if found else {}
    sides = image.width, image.height
    if image.format == "TIFF":
        sides = _integer(tags.get("ImageWidth")), _integer(tags.get("ImageHeight"))
    width, height = map(_side, sides)
    problem = found.problem if found else None
    if (width, height) != sides:
        problem = "its head is broken: it says a width or height that no picture has"
    return row | {
        "format": image.format,
        "width": width,
        "height": height,
        "orientation": _whole(tags.get("Orientation")),
        "make": tags.get("Make"),
        "model": tags.get("Model"),
        "lens": tags.get("LensModel"),
        "software": tags.get("Software"),
        "datetime_original": _instant(tags, zone),
        "gps_latitude": _degrees(tags, "GPSLatitude", "S", 90),
        "gps_longitude": _degrees(tags, "GPSLongitude", "W", 180),
        "gps_altitude": _altitude(tags),
        "exposure_time": _number(tags.get("ExposureTime")),
        "f_number": _number(tags.get("FNumber")),
        "iso": _whole(tags.get("ISO")),
        "focal_length": _number(tags.get("FocalLength")),
        "flash": _whole(tags.get("Flash")),
        "artist": tags.get("Artist"),
        "copyright": tags.get("Copyright"),
        "description": tags.get("ImageDescription"),
        "tags": tags,
        "error": problem,
    }


def _number(text: str | None) -> float | None:
    """Read the first number of a tag's text, if it begins with one."""
    try:
        value = float((text or "").split(" ")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _integer(text: str | None) -> int | None:
    value = _number(text)
    return int(value) if value is not None and value.is_integer() else None


def _whole(text: str | None) -> int | None:
    value = _integer(text)
    return value if value is not None and abs(value) < 1 << 31 else None


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and 0 <= pixels < 1 << 31 else None


def _degrees(tags: dict[str, str], name: str, negative: str, largest: int) -> float | None:
    value = _number(tags.get(name))
    if value is None or not 0 <= value <= largest:
        return None
    return -value if tags.get(name + "Ref", "").upper().startswith(negative) else value


def _altitude(tags: dict[str, str]) -> float | None:
    value = _number(tags.get("GPSAltitude"))
    return -value if value is not None and tags.get("GPSAltitudeRef") == "1" else value


def _instant(tags: dict[str, str], zone: datetime.tzinfo) -> datetime.datetime | None:
    """Give the time at which a photo was taken: in its own offset if it says one, else in the zone given."""
    found = _TIME.match(tags.get("DateTimeOriginal", ""))
    if found is None:
        return None
    fraction = re.match(r"\d{1,6}", tags.get("SubSecTimeOriginal", ""))
    micros = int(fraction[0].ljust(6, "0")) if fraction else 0
    try:
        year, month, day, hour, minute, second = found.groups()
        local = datetime.datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}.{micros:06}")
        local = local.replace(tzinfo=_offset(tags.get("OffsetTimeOriginal", "")) or zone)
        return local.astimezone(datetime.timezone.utc)
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> datetime.tzinfo | None:
    found = _OFFSET.match(text)
    if found is None:
        return None
    if found[0] == "Z":
        return datetime.timezone.utc
    minutes = int(found[2]) * 60 + int(found[3])
    return datetime.timezone(datetime.timedelta(minutes=-minutes if found[1] == "-" else minutes))


def zone_of(name: str) -> datetime.tzinfo:
    """Give a time zone by its name, or by an offset such as +01:00.

    Raises:
        StorletFailure: there is none of this name.
    """
    try:
        return _offset(name) or zoneinfo.ZoneInfo(name)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise StorletFailure(
            "unsupported",
            f"the store does not know the time zone {name!r}, in which photos without an offset are meant: "
            "set spark.sql.session.timeZone to a region such as Europe/Paris, or to UTC",
        ) from error
