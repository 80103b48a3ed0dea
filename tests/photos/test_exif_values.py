"""What the EXIF storlet says of a photo is what exiftool says, tag by tag; docs/photos.md lists the agreed differences."""

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from exif_tools import KINDS, exif_of, jpeg_of

DOCS = Path(__file__).parents[2] / "docs" / "photos.md"

#: Files of Pillow's in which a directory is broken, and what exiftool then shows or not.
DAMAGED = {"hopper_bad_exif.jpg", "exif_gps.jpg"}
#: The names of the thumbnail itself and of where it begins; counted from elsewhere.
NOT_ALIKE = {"ThumbnailImage", "ThumbnailOffset", "OtherImageStart"}


def differences(said: dict, row: dict) -> dict[str, tuple]:
    """Where exiftool and the storlet do not say the same."""
    theirs = {name: _text(v) for name, v in said.items() if ":" in name and name.startswith("EXIF:")}
    theirs = {name.removeprefix("EXIF:"): text for name, text in theirs.items()}
    return {
        name: (theirs.get(name), row["tags"].get(name))
        for name in (theirs.keys() | row["tags"].keys()) - NOT_ALIKE
        if not _same(theirs.get(name), row["tags"].get(name))
    }


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _same(theirs: str | None, ours: str | None) -> bool:
    if theirs is None or ours is None:
        return theirs == ours
    theirs = theirs.replace(", use -b option to extract", "")
    if theirs == ours:
        return True
    try:
        return float(theirs) == float(ours)  # JSON has no place for the zeros of 1.50 or 007
    except ValueError:
        return False


@pytest.mark.parametrize("kind", [*KINDS, "big-endian.jpg"])
def test_all_tags_of_a_photo_are_those_of_exiftool(kind, photos, look):
    said = exif_of([photos[kind]])[str(photos[kind])]
    row = look(photos[kind].read_bytes())
    assert len(row["tags"]) > 60
    assert differences(said, row) == {}
    assert f"{row['width']} {row['height']}" == said["Composite:ImageSize"]
    assert (row["format"], row["error"]) == (said["File:FileType"].removeprefix("Extended "), None)


def test_photos_that_pillow_is_tested_with(pillows_photos, look):
    said = exif_of(pillows_photos)
    assert len(pillows_photos) > 50
    compared = 0
    for file in pillows_photos:
        row = look(file.read_bytes())
        if file.name not in DAMAGED:
            assert differences(said[str(file)], row) == {}, file.name
            compared += len(row["tags"])
        if "Composite:ImageSize" in said[str(file)]:
            assert f"{row['width']} {row['height']}" == said[str(file)]["Composite:ImageSize"], file.name
    assert compared > 400


def test_columns_are_made_of_the_tags(photos, look):
    row = look(photos["jpg"].read_bytes())
    assert row["datetime_original"] == datetime(2024, 7, 1, 3, 34, 56, 123000, timezone.utc)  # +09:00
    wanted = {
        "orientation": 6,
        "make": "Fabrikam",
        "model": "F-1 Ü",
        "lens": "35mm f/1.8",
        "software": "v1.2",
        "gps_latitude": -35.123456,
        "gps_longitude": -139.5,
        "gps_altitude": -12.5,
        "exposure_time": 0.0125,
        "f_number": 1.8,
        "iso": 400,
        "focal_length": 35.0,
        "flash": 25,
        "artist": "Ann; Bob",
        "copyright": "(c) 2024",
        "description": 'A "view", ünïcode',
    }
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 12), ("Europe/Paris", 10), ("+02:00", 10), ("America/New_York", 16)]
)
def test_a_time_without_an_offset_is_meant_in_the_zone_of_the_session(zone, hour, look):
    text = b"2024:07:01 12:34:56\0"
    exif = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0" + b"\0\0\0\0"
    exif += b"\x01\0" + b"\x03\x90\x02\0\x14\0\0\0\x2c\0\0\0" + b"\0\0\0\0" + text
    row = look(jpeg_of(exif), zone)
    assert row["datetime_original"] == datetime(2024, 7, 1, hour, 34, 56, tzinfo=timezone.utc)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_not_read(kind, photos, look):
    """As many bytes again behind the photo's own change nothing; nor does a photo of megabytes cost more."""
    content = photos[kind].read_bytes()
    padded = content + bytes(4 << 20)
    assert look(padded)["read"] <= look(content)["read"] + (16 << 10)
    assert look(padded)["read"] <= 64 << 10


def test_the_agreed_differences_are_documented():
    text = DOCS.read_text()
    for name in NOT_ALIKE:
        assert re.search(rf"\b{name}\b", text), name
