"""What a container holds: how much of what, by folder and year, and its largest objects. From its listing alone.

    python -m samples.container_report swift://demo

The store: ST_AUTH, ST_USER and ST_KEY. Containers of any size: tasks list ranges of names.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import count, desc, substring_index, sum, when, year

import spark_storlets


def report(spark: SparkSession, path: str) -> None:
    """Print the report.

    Args:
        spark: with the connector.
        path: of a container, or of names in it that begin alike.
    """
    # The column `metadata` is left out: it would cost a request an object. The rest is listed once.
    columns = ("name", "bytes", "last_modified", "content_type")
    listing = spark.read.format("storlets").option("storlet", "listing").load(path).select(*columns).cache()
    objects, size = count("*").alias("objects"), sum("bytes").alias("bytes")
    folder = when(listing.name.contains("/"), substring_index("name", "/", 1)).otherwise("").alias("folder")
    listing.agg(objects, size).show()
    for what in (folder, listing.content_type, year("last_modified").alias("modified")):
        listing.groupBy(what).agg(objects, size).orderBy(desc("bytes")).show(10, truncate=False)
    listing.orderBy(desc("bytes"), "name").limit(10).show(truncate=False)
    listing.unpersist()


if __name__ == "__main__":
    report(spark_storlets.configure(SparkSession.builder).getOrCreate(), sys.argv[1])
