"""What the tests of photos have in common: exiftool, whose values are the right ones, and JPEG files made to measure."""

import io
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

KINDS = ("jpg", "png", "tif", "webp", "heic", "avif")


def require_exiftool() -> None:
    if not shutil.which("exiftool"):
        pytest.fail("exiftool is missing: apt-get install libimage-exiftool-perl")


def exiftool(*arguments: str) -> str:
    require_exiftool()
    done = subprocess.run(["exiftool", *arguments], capture_output=True, text=True)
    return done.stdout


def exif_of(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """What exiftool says of files, by their names: its values as numbers, the groups of EXIF only."""
    wanted = ["-EXIF:all", "-FileType", "-ImageSize", "-charset", "exif=utf8"]
    said = json.loads(exiftool("-n", "-j", "-G0", "-q", "-q", *wanted, *map(str, files)))
    return {one["SourceFile"]: one for one in said}


def jpeg_of(exif: bytes) -> bytes:
    """A small JPEG file with these EXIF data."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    plain = file.getvalue()
    segments = b"".join(
        b"\xff\xe1" + (len(part) + 8).to_bytes(2, "big") + b"Exif\0\0" + part
        for part in (exif[at : at + 65000] for at in range(0, len(exif), 65000))
    )
    return plain[:2] + segments + plain[2:]
