"""Electricity meters by city and month, from smart-meter CSV in the store, and what each query moved.

    python -m samples.smart_meter_report swift://demo/meters.csv

The store: ST_AUTH, ST_USER and ST_KEY. The columns are those of samples/smart_meter.py, which makes such a file.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

import spark_storlets
from samples.smart_meter import SCHEMA

QUERIES = {
    "Consumption of each city in its coldest months, in kWh": """
        SELECT city, round(sum(sumHC), 1) AS off_peak, round(sum(sumHP), 1) AS peak FROM meters
        WHERE month(date) IN (1, 2, 12) GROUP BY city ORDER BY peak DESC""",
    "Meters without a reading on more than ten days": """
        SELECT vid, city, count(*) AS days FROM meters
        WHERE sumHC IS NULL GROUP BY vid, city HAVING count(*) > 10 ORDER BY days DESC, vid LIMIT 5""",
    "The highest peak loads in Lyon": """
        SELECT date, vid, sumHP FROM meters WHERE city = 'Lyon' AND sumHP > 15 ORDER BY sumHP DESC, vid LIMIT 5""",
}


def report(spark: SparkSession, path: str) -> None:
    """Print what the queries find.

    Args:
        spark: with the connector.
        path: of the CSV, or a pattern.
    """
    reader = spark.read.format("storlets").schema(SCHEMA).option("header", "true")
    reader.load(path).createOrReplaceTempView("meters")
    for title, query in QUERIES.items():
        print(f"\n{title}")
        found = spark_storlets.answer(spark.sql(query))
        for row in found.rows:
            print("  ", *row)
        for scan in found.scans:
            print(f"   ({scan.bytes_received:,} bytes received of {scan.bytes_scanned:,})")


if __name__ == "__main__":
    report(spark_storlets.configure(SparkSession.builder).getOrCreate(), sys.argv[1])
