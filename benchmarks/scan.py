"""What a scan costs as more of it is thrown away: beside Spark on the local disk, and through S3A from the same Swift.

    python -m benchmarks.scan [--scale 1] [--rounds 5]

Writes build/bench/scan.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
q6_vs_spark_csv    TPC-H's query 6: the time of spark.read.csv on the local disk divided by ours
q1_vs_spark_csv    TPC-H's query 1, over doubles
q6_vs_s3a          Query 6: the time of spark.read.csv through S3A divided by ours
q1_vs_s3a          Query 1
…_vs_off           Each with the time of ours with every pushdown off
sel…_vs_…          All columns of the rows that one filter leaves when it discards so many % (999: 99.9 %)
…_seconds          Of ours
================== ====================================================================================================

The filter is a range of l_shipdate, by which lineitem is not ordered.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks.query import QUERIES, VERSIONS
from benchmarks.report import report
from benchmarks.tables import alternate, lineitem, ratios, session

DISCARDED = {"sel0": 0.0, "sel50": 0.5, "sel90": 0.9, "sel99": 0.99, "sel999": 0.999}


def main(scale: float, rounds: int) -> None:
    """Measure, print and write."""
    file, names = lineitem(scale), ("ours", "off", "csv", "s3a")
    queries = scans(file)
    found: dict[str, list[float]] = {}
    with session(file, names) as spark:
        times = alternate(spark, queries, names, rounds)
    for query in queries:
        for peer, key in (("csv", "spark_csv"), ("s3a", "s3a"), ("off", "off")):
            found[f"{query}_vs_{key}"] = ratios(times, query, peer)
        found[f"{query}_seconds"] = times[query, "ours"]
    report("scan", found, {"rounds": rounds, "scale": scale, "bytes": file.stat().st_size}, VERSIONS)


def scans(file: Path) -> dict[str, str]:
    """Write the queries: TPC-H's, and those that discard so much of the table."""
    convert = pyarrow.csv.ConvertOptions(include_columns=["l_shipdate"], column_types={"l_shipdate": pa.date32()})
    days = pyarrow.csv.read_csv(file, convert_options=convert)["l_shipdate"].cast(pa.int32())
    found = {"q6": QUERIES["q6"], "q1": QUERIES["q1"]}
    for name, part in DISCARDED.items():
        after = pc.quantile(days, part, interpolation="lower")[0].as_py() if part else -1
        found[name] = f"SELECT * FROM {{table}} WHERE l_shipdate > DATE_FROM_UNIX_DATE({after})"
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
