"""A storlet for uploads: photos are stored as they are, and what their EXIF data say becomes the object's metadata.

A container's listing with metadata, or a HEAD, then knows make, time and place of a photo without a look at it. Headers
are: X-Object-Meta-Exif-Make, …-Datetime-Original and so on, one for each column of the EXIF storlet that has a value,
percent-encoded in UTF-8. A photo that is broken is stored, too; Exif-Error says what is wrong.

Parameter: zone, in which times without an offset are meant (UTC).
"""

from __future__ import annotations

import datetime
import os
from typing import Any
from urllib.parse import quote

from exif_storlet import SCHEMA, photo, zone_of
from storlet_source import HeldSource

#: The beginning of a photo, in which its EXIF data are looked for, before anything of it is passed on.
HEAD = 1 << 20
PIECE = 1 << 16
#: What Swift takes for a value.
MAX_VALUE = 256
_NOT_SAID = ("name", "bytes", "tags")
_PRINTABLE = " !\"#$&'()*+,/:;<=>?@[]^`{|}"


class ExifMetadataStorlet:
    """Passes a photo on."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, in_files: list[Any], out_files: list[Any], params: dict[str, str]) -> None:
        """Run for the engine."""
        source, head = in_files[0].fileno(), b""
        while len(head) < HEAD and (piece := os.read(source, HEAD - len(head))):
            head += piece
        out_files[0].set_metadata(metadata_of(head, zone_of(params.get("zone", "UTC"))))
        out_files[0].write(head)
        while piece := os.read(source, PIECE):
            out_files[0].write(piece)
        out_files[0].close()


def metadata_of(head: bytes, zone: datetime.tzinfo) -> dict[str, str]:
    """Say what a photo's beginning tells."""
    row = photo(HeldSource(head), "", len(head), zone)
    named = {name: row.get(name) for name in SCHEMA.names if name not in _NOT_SAID}
    return {
        f"Exif-{name.replace('_', '-').title()}": _header(value) for name, value in named.items() if value is not None
    }


def _header(value: Any) -> str:
    text = (value.isoformat() if isinstance(value, datetime.datetime) else str(value))[:MAX_VALUE]
    said = quote(text, safe=_PRINTABLE)
    while len(said) > MAX_VALUE:
        text = text[:-1]
        said = quote(text, safe=_PRINTABLE)
    return said
