"""Photos of all kinds that have the same EXIF data, written by exiftool, and those that Pillow is tested with."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from exif_tools import KINDS, exiftool
from PIL import Image

from spark_storlets.resources import storlets_path

sys.path.append(str(storlets_path()))

ARGUMENTS = Path(__file__).with_name("exiftool.args")
DATA = Path(__file__).parents[2] / "build" / "data" / "sdists"
PILLOW = "pillow==12.3.0"

pillow_heif.register_heif_opener()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A photo of each kind, all with the same tags."""
    directory = tmp_path_factory.mktemp("photos")
    picture = Image.effect_noise((320, 200), 60).convert("RGB")
    files = {kind: directory / f"photo.{kind}" for kind in KINDS}
    for file in files.values():
        picture.save(file)
    exiftool("-q", "-q", "-m", "-overwrite_original", "-@", str(ARGUMENTS), *map(str, files.values()))
    files["big-endian.jpg"] = directory / "big-endian.jpg"
    picture.save(files["big-endian.jpg"])
    exiftool(
        "-q", "-q", "-m", "-overwrite_original", "-exifbyteorder=MM", "-@", str(ARGUMENTS), str(files["big-endian.jpg"])
    )
    return files


@pytest.fixture(scope="session")
def pillows_photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The JPEG files that Pillow's source distribution carries, many of them broken on purpose."""
    found = list(DATA.glob("pillow-*.tar.gz"))
    if not found:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", str(DATA)]
        subprocess.run([*pip, PILLOW], check=True)
        found = list(DATA.glob("pillow-*.tar.gz"))
    directory = tmp_path_factory.mktemp("pillow")
    with tarfile.open(found[0]) as archive:
        members = [m for m in archive.getmembers() if m.name.lower().endswith((".jpg", ".jpeg"))]
        archive.extractall(directory, members, filter="data")
    return sorted(directory.rglob("*.jp*g"))


Look = Callable[[bytes], dict[str, Any]]


@pytest.fixture(scope="session")
def look(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """What the storlet makes of a file, by column, and in `read` how many bytes it has read."""
    from exif_storlet import photo, zone_of
    from storlet_source import FileSource

    file = tmp_path_factory.mktemp("look") / "file"

    def looked(content: bytes, zone: str = "UTC") -> dict[str, Any]:
        file.write_bytes(content)
        fd = os.open(file, os.O_RDONLY)
        try:
            source = FileSource(fd, len(content))
            row = photo(source, "file", len(content), zone_of(zone))
            return {**row, "read": source.bytes_read}
        finally:
            os.close(fd)

    return looked
