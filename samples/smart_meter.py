"""Makes the smart-meter CSV: readings of electricity meters in French and American cities, the same for a seed.

    python samples/smart_meter.py FILE [ROWS]

Columns: date, index (kWh meter reading), sumHC and sumHP (off-peak and peak kWh), vid (the meter), city, state,
state_abbr, lat, long. Some names hold the separator and are quoted; some readings are missing.
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path

SCHEMA = (
    "date date, index bigint, sumHC double, sumHP double, vid int, city string, state string, state_abbr string, "
    "lat double, long double"
)
CITIES = (
    ("Paris", "Île-de-France", "IDF", 48.8566, 2.3522),
    ("Lyon", "Auvergne-Rhône-Alpes", "ARA", 45.7640, 4.8357),
    ("Nice", "Provence-Alpes-Côte d'Azur", "PAC", 43.7102, 7.2620),
    ("Rotterdam", "South Holland", "ZH", 51.9244, 4.4777),
    ("Washington, D.C.", "District of Columbia", "DC", 38.9072, -77.0369),
    ("Austin", "Texas", "TX", 30.2672, -97.7431),
    ("Portland", "Oregon", "OR", 45.5152, -122.6784),
)


def write(path: Path, rows: int, seed: int = 2012) -> None:
    """Write the file.

    Args:
        path: where.
        rows: how many readings.
        seed: of the random numbers.
    """
    chance = random.Random(seed)
    meters = max(1, rows // 365)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["date", "index", "sumHC", "sumHP", "vid", "city", "state", "state_abbr", "lat", "long"])
        for row in range(rows):
            day, vid = divmod(row, meters)
            city, state, short, lat, long = CITIES[vid % len(CITIES)]
            low, high = round(chance.gauss(6, 2), 3), round(chance.gauss(11, 3), 3)
            missing = chance.random() < 0.01
            out.writerow([
                date(2012, 1, 1) + timedelta(days=day), 10_000 + row * 17 // meters,
                "" if missing else low, "" if missing else high, vid, city, state, short,
                round(lat + vid % 97 / 1000, 6), round(long + vid % 89 / 1000, 6),
            ])  # fmt: skip


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200_000)
