"""What it costs to list a container of a million names: our RDD beside swiftclient's full listing.

    python -m benchmarks.listing [--names 1000000] [--rounds 5]

Writes build/bench/listing.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
names_per_s        Names that listing_rdd counts in a second, its planning included
vs_swiftclient     The time of swiftclient's full listing divided by ours
driver_peak_mb     What planning and counting add to the peak memory of the driver's Python, swiftclient's beside it
planning_requests  Requests by which the driver cuts the container
================== ====================================================================================================

The cluster, all of it, and Spark with two slots run on this machine. The names are written into the container's
database; there are no objects. Runs alternate; a value is the median of the rounds'.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.listing import Listing
from spark_storlets.datasource.listing_source import LEAST_NAMES, NAMES_A_PROBE
from spark_storlets.datasource.login import login_of
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER
from spark_storlets.partitioner.key_ranges import key_ranges

import spark_storlets
from benchmarks.report import report

CONTAINER = "many"
#: Run in a process of its own, for swift, once imported, replaces parts of threading.
FILL = """
import sys
from swift.common.utils import Timestamp
from swift.container.backend import ContainerBroker

broker = ContainerBroker(sys.argv[1])
now = Timestamp.now().internal
count = int(sys.argv[2])
for at in range(0, count, 50_000):
    broker.merge_items([
        {"name": f"2026/{n % 365:03}/sensor-{n:08}.json", "created_at": now, "size": 100, "content_type": "text/json",
         "etag": "0" * 32, "deleted": 0, "storage_policy_index": 0}
        for n in range(at, min(count, at + 50_000))
    ])
"""
#: What a driver does, in a process of its own, and what that adds to its peak memory.
DRIVER = """
import re, sys
from pathlib import Path

def memory(which):
    return int(re.search(which + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

url, user, key, container, how = sys.argv[1:]
from spark_storlets.datasource.listing_source import ListingSource
import swiftclient
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports does not count
if how == "ours":
    options = {"authUrl": url, "user": user, "key": key, "path": f"swift://{container}"}
    ListingSource({"options": options, "schema": {"fields": []}, "predicates": []}).plan()
else:
    swiftclient.Connection(url, user, key).get_container(container, full_listing=True)
print(memory("VmHWM") - before)
"""


def main(names: int, rounds: int) -> None:
    """Measure, print and write."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # of the executors, which list in Python
    builder = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.log.level", "OFF")
    )
    spark = spark_storlets.configure(builder).getOrCreate()
    with tempfile.TemporaryDirectory(prefix="storlets-bench-") as directory:
        stack = Devstack(Path(directory) / "devstack", 28180)
        stack.up()
        try:
            client = login_of({"authurl": stack.auth_url, "user": USER, "key": KEY}).client()
            fill(stack, client, names)
            found: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                ours, theirs = timed(lambda: rdd(spark, stack, names)), timed(lambda: full(client, names))
                if number:  # the first round warms up
                    found.setdefault("names_per_s", []).append(names / ours)
                    found.setdefault("vs_swiftclient", []).append(theirs / ours)
                    found.setdefault("driver_peak_mb", []).append(memory(stack, "ours"))
                    found.setdefault("swiftclient_peak_mb", []).append(memory(stack, "swiftclient"))
                    found.setdefault("planning_requests", []).append(requests(client))
        finally:
            spark.stop()
            stack.down()
    report("listing", found, {"names": names, "rounds": rounds}, ["pyspark", "swift", "python-swiftclient"])


def fill(stack: Devstack, client: SwiftClient, names: int) -> None:
    """Write the names."""
    client.connection.put_container(CONTAINER)
    (database,) = (stack.layout.data(1) / "d1" / "containers").rglob("*.db")
    subprocess.run([sys.executable, "-c", FILL, str(database), str(names)], check=True)


def rdd(spark: SparkSession, stack: Devstack, names: int) -> None:
    """List in tasks."""
    options = {"authUrl": stack.auth_url, "user": USER, "key": KEY}
    count = spark_storlets.listing_rdd(spark.sparkContext, f"swift://{CONTAINER}", **options).count()
    if count != names:
        raise RuntimeError(f"{count} names instead of {names}")


def full(client: SwiftClient, names: int) -> None:
    """List with swiftclient."""
    _, entries = client.connection.get_container(CONTAINER, full_listing=True)
    if len(entries) != names:
        raise RuntimeError(f"{len(entries)} names instead of {names}")


def timed(work: Any) -> float:
    """Return the seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory(stack: Devstack, how: str) -> float:
    """Return the megabytes by which a driver's peak grows."""
    command = [sys.executable, "-c", DRIVER, stack.auth_url, USER, KEY, CONTAINER, how]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def requests(client: SwiftClient) -> float:
    """Count the requests of planning."""
    listing = Listing(client, CONTAINER, "")
    count, _ = listing.head()
    key_ranges(listing.ask, 32, LEAST_NAMES, total=count, budget=min(199, count // NAMES_A_PROBE))
    return listing.requests


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
