"""What scans cost over a slow link between the store and Spark: those of bench-scan, beside S3A from the same Swift.

    python -m benchmarks.link [--scale 1] [--rounds 2]

Writes build/bench/link.json:

========================= ==============================================================================================
Key                       Meaning
========================= ==============================================================================================
…_vs_s3a_1g               One of bench-scan's queries over 1 Gb/s: the time through S3A divided by ours
…_vs_s3a_1g_compressed    The same with compressed answers, which come right after, when the store remembers the storlet
…_vs_off_1g               The time of ours with every pushdown off divided by ours
…_vs_s3a_100m             Over 100 Mb/s, through S3A
…_vs_s3a_100m_compressed  Over 100 Mb/s, through S3A, with compressed answers
…_vs_off_100m             Over 100 Mb/s, every pushdown off
…_seconds_…               Of ours
========================= ==============================================================================================

Where no row is discarded (sel0) there is nothing to gain but by compression: in Arrow's form, decimals make the answer
longer than the CSV is. Needs root, and iproute2. Everything runs in a network namespace of its own, which ends with it.
On its loopback what the proxy sends is held to the rate; nothing else is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from benchmarks.machine import PORT
from benchmarks.query import VERSIONS
from benchmarks.report import report
from benchmarks.scan import scans
from benchmarks.tables import alternate, lineitem, ratios, session

RATES = {"1g": "1gbit", "100m": "100mbit"}
INSIDE = "STORLETS_BENCH_NAMESPACE"


def main(scale: float, rounds: int) -> None:
    """Measure, print and write."""
    file, names = lineitem(scale), ("ours", "compressed", "off", "s3a")
    queries = scans(file)
    found: dict[str, list[float]] = {}
    with session(file, names) as spark:
        for key, rate in RATES.items():
            limit(rate)
            times = alternate(spark, queries, names, rounds, again=key != "1g")
            for query in queries:
                found[f"{query}_vs_s3a_{key}"] = ratios(times, query, "s3a")
                found[f"{query}_vs_s3a_{key}_compressed"] = ratios(times, query, "s3a", "compressed")
                found[f"{query}_vs_off_{key}"] = ratios(times, query, "off")
                found[f"{query}_seconds_{key}"] = times[query, "ours"]
    report("link", found, {"rounds": rounds, "scale": scale, "bytes": file.stat().st_size}, VERSIONS)


def limit(rate: str) -> None:
    """Hold what the proxy sends to a rate."""
    if "htb" in subprocess.run(["tc", "qdisc", "show", "dev", "lo"], capture_output=True, text=True, check=True).stdout:
        tc("qdisc delete dev lo root")
    tc("qdisc add dev lo root handle 1: htb default 10")
    tc("class add dev lo parent 1: classid 1:10 htb rate 100gbit quantum 60000")
    # A packet of the loopback may be 64 KiB.
    tc(f"class add dev lo parent 1: classid 1:20 htb rate {rate} burst 256k cburst 256k quantum 60000")
    tc(f"filter add dev lo parent 1: protocol ip prio 1 u32 match ip sport {PORT} 0xffff flowid 1:20")


def tc(command: str) -> None:
    """Run tc."""
    subprocess.run(["tc", *command.split()], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        main(**vars(arguments))
    else:
        command = ["unshare", "--net", sys.executable, "-m", "benchmarks.link", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "1"}).returncode)
