"""What the EXIF data of many photos cost, beside fetching the photos, or their heads, and parsing them in Spark.

    python -m benchmarks.exif [--photos 2000] [--rounds 5]

Writes build/bench/exif.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
vs_download        Time to GET each photo and parse it in Spark's Python tasks, divided by ours
vs_range_get       The same with a GET of the first 64 KiB only
bytes_ratio        Bytes of the photos, divided by the bytes that came from the store with ours
range_bytes_ratio  Bytes of the first 64 KiB of each, divided by the same
photos_per_s       Ours
================== ====================================================================================================

Photos are JPEG files of 1 to 4 MB, each with EXIF data of its own. All three ask for the same six columns, with four
requests in flight in each of two tasks, and the parser is the same code. The three-node cluster and Spark share this
machine, and there is no network between them that could be slow: where bytes cost nothing, fetching is at its best.
Runs alternate; a value is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from pyspark.sql import SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.report import report, timed
from spark_storlets.resources import storlets_path

COLUMNS = ("name", "make", "model", "datetime_original", "gps_latitude", "iso")
HEAD = 64 << 10
TASKS = 2
WINDOW = 4
UPLOADS_AT_ONCE = 6


def main(photos: int, rounds: int) -> None:
    """Measure, print and write."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = (
        SparkSession.builder.master(f"local[{TASKS}]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "OFF")
    )
    spark = spark_storlets.configure(builder.config("spark.sql.session.timeZone", "UTC")).getOrCreate()
    with tempfile.TemporaryDirectory(prefix="storlets-bench-") as directory:
        stack = Devstack(Path(directory) / "devstack", 28080)
        stack.up()
        try:
            client = SwiftClient(stack.auth_url, USER, KEY)
            deploy(client)
            sizes = upload(client, photos)
            names = sorted(sizes)
            ours = functools.partial(read, spark, stack)
            download = functools.partial(fetch, spark, client, names, None)
            ranged = functools.partial(fetch, spark, client, names, HEAD)
            found: dict[str, list[float]] = {}
            expected = None
            for number in range(rounds + 1):
                (ours_time, (rows, received)), (range_time, ranged_rows), (download_time, downloaded_rows) = (
                    timed(ours),
                    timed(ranged),
                    timed(download),
                )
                expected = expected or rows
                assert rows == ranged_rows == downloaded_rows == expected, "they do not answer the same"
                assert len(rows) == photos
                assert all(row[1] for row in rows)
                if number == 0:
                    continue  # it warms up
                for key, value in {
                    "vs_download": download_time / ours_time,
                    "vs_range_get": range_time / ours_time,
                    "bytes_ratio": sum(sizes.values()) / received,
                    "range_bytes_ratio": photos * HEAD / received,
                    "photos_per_s": photos / ours_time,
                }.items():
                    found.setdefault(key, []).append(value)
                print(f"ours {ours_time:.1f} s, range {range_time:.1f} s, download {download_time:.1f} s", flush=True)
            report(
                "exif", found, {"photos": photos, "bytes": sum(sizes.values()), "rounds": rounds}, ["pillow", "pyspark"]
            )
        finally:
            stack.down()
            spark.stop()


def upload(client: SwiftClient, count: int) -> dict[str, int]:
    """Make photos and upload them; give their sizes by name."""
    dice = random.Random(0)
    client.connection.put_container("photos")
    pictures = [picture(side, quality) for side, quality in ((1220, 85), (1600, 85), (2000, 85), (2350, 85))]

    def put(number: int) -> tuple[str, int]:
        name, photo = f"{number:05}.jpg", photo_of(pictures[number % len(pictures)], number, dice)
        url, headers = client.url("photos", name), {"X-Auth-Token": client.token}
        requests.put(url, data=photo, headers=headers, timeout=300).raise_for_status()
        return name, len(photo)

    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        return dict(threads.map(put, range(count)))


def picture(side: int, quality: int) -> bytes:
    """Make a JPEG file; noise is as large as a photo's detail."""
    file = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def photo_of(picture: bytes, number: int, dice: random.Random) -> bytes:
    """Give a picture EXIF data of its own, with a thumbnail's worth of bytes."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Fabrikam", f"F-{number % 7}"
    camera, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    taken = datetime.fromtimestamp(1_700_000_000 + 977 * number, timezone.utc)
    camera[0x9003], camera[0x9011], camera[0x8827] = f"{taken:%Y:%m:%d %H:%M:%S}", "+00:00", 100 << number % 6
    camera[0x927C] = dice.randbytes(12_000)  # as much as maker notes and a thumbnail
    place[1], place[2] = "N", (number % 90, number % 60, 0.5)
    content = exif.tobytes()
    return picture[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + picture[2:]


def read(spark: SparkSession, stack: Devstack) -> tuple[list[tuple[Any, ...]], int]:
    """Ask the store."""
    reader = spark.read.format("storlets").option("storlet", "exif").option("window", str(WINDOW))
    reader = reader.option("authUrl", stack.auth_url).option("user", USER).option("key", KEY)
    answer = spark_storlets.answer(reader.load("swift://photos/*").select(*COLUMNS))
    return sorted(map(tuple, answer.rows)), answer.scans[0].bytes_received


def fetch(spark: SparkSession, client: SwiftClient, names: list[str], limit: int | None) -> list[tuple[Any, ...]]:
    """Fetch the photos, or their first bytes, and parse them in Spark's tasks."""
    task = functools.partial(parsed, url=f"{client.storage_url}/photos", token=client.token, limit=limit)
    rdd = spark.sparkContext.parallelize(names, -(-len(names) // 64))
    return sorted(rdd.mapPartitions(functools.partial(task, storlets=str(storlets_path()))).collect())


def parsed(names: Iterable[str], url: str, token: str, limit: int | None, storlets: str) -> Iterator[tuple[Any, ...]]:
    """Fetch and parse some photos; runs in the executors."""
    if storlets not in sys.path:
        sys.path.append(storlets)
    from exif_storlet import photo
    from storlet_source import HeldSource

    session = requests.Session()
    headers = {"X-Auth-Token": token, **({"Range": f"bytes=0-{limit - 1}"} if limit else {})}

    def get(name: str) -> bytes:
        answer = session.get(f"{url}/{name}", headers=headers, timeout=300)
        answer.raise_for_status()
        return answer.content

    calls = [functools.partial(get, name) for name in names]
    for call, content in zip(calls, spark_storlets.sliding_prefetch(calls, WINDOW), strict=True):
        row = photo(HeldSource(content), call.args[0], len(content), timezone.utc)
        taken = row["datetime_original"].replace(tzinfo=None)
        yield tuple(taken if name == "datetime_original" else row[name] for name in COLUMNS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    main(given.photos, given.rounds)
