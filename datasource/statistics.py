"""How much a scan will answer: a guess from the objects' sizes and a sample, by which Spark chooses its joins."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient
from spark_storlets.datasource.csv_options import compression_of
from spark_storlets.datasource.csv_table import kept
from spark_storlets.datasource.paths import look_at

SAMPLE = 64 << 10
#: About how many bytes a value of a type fills in CSV, its separator included.
_WIDTHS = {"boolean": 6, "tinyint": 4, "smallint": 5, "int": 7, "bigint": 9, "date": 11, "string": 20}


def estimate(
    client: SwiftClient, items: Sequence[Listed], schema: Sequence[tuple[str, str]], columns: Collection[str]
) -> dict[str, Any]:
    """Guess bytes and rows.

    Args:
        client: for the sample, of the largest object.
        items: the objects. What their listing says is enough, but of no bytes.
        schema: the columns' names and types, as Spark's simple names.
        columns: the names of those that are read.
    """
    if not items:
        return {"bytes": 0, "rows": 0}
    # A listing says of large objects and links that they have no bytes.
    empty = look_at(client, [item for item in items if not item.size])
    sized: list[Listed | StoredObject] = [*(item for item in items if item.size), *empty]
    total, largest = sum(item.size for item in sized), max(sized, key=lambda item: item.size)
    usual = _width([kind for _, kind in schema])
    known = compression_of(largest.name) is None
    record = _record(client, client.object(largest.container, largest.name)) if known else 0
    selected = _width([kind for name, kind in schema if name in columns])
    return {"bytes": total * selected // usual, "rows": total // (record or usual)}


def _record(client: SwiftClient, item: StoredObject) -> int:
    """Find about how many bytes a record has; 0 if no line ends in the sample."""

    def find() -> dict[str, Any]:
        sample = client.read(item, 0, min(SAMPLE, item.size)) if item.size else b""
        return {"record": len(sample) // (len(re.findall(rb"\r\n|\n|\r", sample)) or len(sample) + 1)}

    return int(kept(("record", str(item), item.etag), find)["record"])


def _width(kinds: Sequence[str]) -> int:
    return max(1, sum(_WIDTHS.get(kind, 24 if kind.startswith("timestamp") else 10) for kind in kinds))
