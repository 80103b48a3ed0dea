"""What a query costs from CSV in Swift, beside Spark's own reader on the same file on the local disk.

    python -m benchmarks.query [--scale 1] [--rounds 5]

Writes build/bench/query.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
q6_vs_spark_csv    TPC-H's query 6: spark.read.csv's time divided by ours
q1_vs_spark_csv    TPC-H's query 1, over doubles
q1_decimal_…       The same over decimals, whose averages Spark does not let a source take part in
point_vs_spark_csv Three columns of the rows of one day
scan_vs_spark_csv  All columns of all rows, to nowhere
…_vs_off           Each as above, with the time of ours with every pushdown off instead
…_seconds          Of ours
…_bytes            Bytes received from the store; …_off_bytes with every pushdown off
================== ====================================================================================================

All of it, the three-node cluster and Spark, runs on this machine; the peer has no network at all. The file is in the
page cache. Runs alternate; a value is the median of the rounds' ratios. Money and quantities
are decimal(15,2), but for q1.
"""

from __future__ import annotations

import argparse

from benchmarks.report import report
from benchmarks.tables import alternate, lineitem, ratios, received, session

Q1 = """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
  sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
  avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
FROM {table} WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL 90 DAY
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus"""
VERSIONS = ("pyspark", "swift", "storlets")
QUERIES = {
    "q6": """SELECT sum(l_extendedprice * l_discount) AS revenue FROM {table}
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
    "q1": Q1.replace("{table}", "{table}_doubles"),
    "q1_decimal": Q1,
    "point": "SELECT l_orderkey, l_extendedprice, l_shipdate FROM {table} WHERE l_shipdate = DATE '1995-03-15'",
    "scan": "SELECT * FROM {table}",
}


def main(scale: float, rounds: int) -> None:
    """Measure, print and write."""
    file, names = lineitem(scale), ("ours", "off", "csv")
    found: dict[str, list[float]] = {}
    with session(file, names) as spark:
        times = alternate(spark, QUERIES, names, rounds)
        for query, text in QUERIES.items():
            found[f"{query}_vs_spark_csv"] = ratios(times, query, "csv")
            found[f"{query}_vs_off"] = ratios(times, query, "off")
            found[f"{query}_seconds"] = times[query, "ours"]
            for name, key in (("ours", "bytes"), ("off", "off_bytes")):
                found[f"{query}_{key}"] = [float(received(spark, text.format(table=name)))]
    report("query", found, {"rounds": rounds, "scale": scale, "bytes": file.stat().st_size}, VERSIONS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
