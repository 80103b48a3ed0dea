"""A storlet for uploads: CSV is stored as it is, and where some of its records begin becomes the object's metadata.

With multiLine a line end may be data, so a reader must know where to cut an object before several tasks can read it.
What it otherwise finds out by a scan of the object, it takes from here, if it reads with the same options.

Metadata come before the content that they are about, so an object is held in memory; a larger one is refused.

Parameters: csv (the options of the read, as the kernel takes them, JSON), header (true or false).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from csv_kernel import Cuts, compose, record_index
from csv_records import data_start, first_options
from storlet_source import HeldSource

MOST_BYTES = 256 << 20
#: Bytes between two cuts at least, and how many cuts there are at most, about.
LEAST_APART, CUTS = 64 << 10, 64
#: Swift takes 256 characters in a value.
CUTS_A_HEADER = 25
PIECE = 1 << 20


class CsvIndexStorlet:
    """Passes CSV on."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, in_files: list[Any], out_files: list[Any], params: dict[str, str]) -> None:
        """Run for the engine.

        Raises:
            ValueError: the object is too large.
            KernelError: it cannot be cut with these options.
        """
        content = whole(in_files[0].fileno())
        out_files[0].set_metadata(index_of(content, json.loads(params["csv"]), params["header"] == "true"))
        for at in range(0, len(content), PIECE):
            out_files[0].write(content[at : at + PIECE])
        out_files[0].close()


def whole(source: int) -> bytes:
    """Read a pipe to its end.

    Raises:
        ValueError: too much comes out of it.
    """
    pieces, size = [], 0
    while piece := os.read(source, PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB: upload it without this storlet")
    return b"".join(pieces)


def index_of(content: bytes, csv: Mapping[str, str], header: bool) -> dict[str, str]:
    """Say where some records begin, and for which bytes and options that is true."""
    source = HeldSource(content)
    options = first_options({"csv": csv}, source)
    first = data_start(source, options, header)
    step = max(LEAST_APART, len(content) // CUTS)
    outcomes = []
    for start in range(first, len(content), step):
        part = Cuts(options)
        part.feed(content[start : start + step])
        outcomes.append(
            [(one.start, one.end, None if one.first is None else start + one.first) for one in part.outcomes()]
        )
    cuts = [f"{at:x}" for at in compose(outcomes) if at > first]
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"Csv-Index": record_index(etag, first, options)} | {
        f"Csv-Cuts-{at // CUTS_A_HEADER}": ",".join(cuts[at : at + CUTS_A_HEADER])
        for at in range(0, len(cuts), CUTS_A_HEADER)
    }
