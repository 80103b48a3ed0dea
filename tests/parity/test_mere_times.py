"""Timestamps that are only a time are on the date of the query, in the zone that they name or else the session's."""

import itertools
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from store_reading import Reader

SCHEMA = {"type": "struct", "fields": [{"name": "t", "type": "timestamp", "nullable": True, "metadata": {}}]}
NOON = int(datetime(2020, 6, 2, 12, tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize("zone", ["UTC", "+13:00", "GMT-13", "NST", "Pacific/Honolulu"])
def test_all_splits_have_the_date_of_the_plan(zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = {"UTC": 2, "+13:00": 3, "GMT-13": 1, "NST": 3, "Pacific/Honolulu": 2}
    hours = {"UTC": 0, "+13:00": 13, "GMT-13": -13, "NST": 12, "Pacific/Honolulu": -10}
    (tmp_path / "f.csv").write_bytes(b"08:00:00\n08:00:00+14:00\n" * 100)
    days = itertools.count(NOON, 86400)
    monkeypatch.setattr(time, "time_ns", lambda: next(days) * 1_000_000_000)
    options = {"timeZone": zone, "minSplitSize": "1", "maxSplitSize": "200"}
    parts = Reader(tmp_path, options, {}).read(SCHEMA, ["t"], [])["f.csv"]
    assert len(parts) > 1
    own = datetime(2020, 6, dates[zone], 8, tzinfo=timezone.utc).timestamp() - hours[zone] * 3600
    other = datetime(2020, 6, 3, 8, tzinfo=timezone.utc).timestamp() - 14 * 3600
    found = [value.timestamp() for part in parts for value in part["t"].to_pylist()]
    assert found == [own, other] * 100
