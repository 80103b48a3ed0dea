"""What photos in the store say of themselves: cameras, years, places, and files that are no good. No pixel moves.

    python -m samples.photo_report 'swift://photos/*'

The store: ST_AUTH, ST_USER and ST_KEY.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count, max, min, round, year

import spark_storlets


def report(spark: SparkSession, path: str) -> None:
    """Print the report.

    Args:
        spark: with the connector.
        path: of photos, or a pattern.
    """
    columns = ("name", "bytes", "make", "model", "datetime_original", "gps_latitude", "gps_longitude", "error")
    # One pass over the photos serves all that follows.
    photos = spark.read.format("storlets").option("storlet", "exif").load(path).select(*columns).cache()
    print(f"{photos.count()} photos")
    photos.groupBy("make", "model").agg(count("*").alias("photos")).orderBy(col("photos").desc(), "make").show()
    photos.groupBy(year("datetime_original").alias("year")).agg(count("*").alias("photos")).orderBy("year").show()
    located = photos.where("gps_latitude IS NOT NULL")
    located.groupBy(round("gps_latitude").alias("latitude"), round("gps_longitude").alias("longitude")).agg(
        count("*").alias("photos"), min("datetime_original").alias("first"), max("datetime_original").alias("last")
    ).orderBy(col("photos").desc(), "latitude").show(10)
    photos.where("error IS NOT NULL").select("name", "bytes", "error").show(truncate=False)
    photos.unpersist()


if __name__ == "__main__":
    report(spark_storlets.configure(SparkSession.builder).getOrCreate(), sys.argv[1])
