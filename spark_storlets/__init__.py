"""Spark SQL over OpenStack Swift, with the work that shrinks the data done inside the store.

from pyspark.sql import SparkSession
import spark_storlets

spark = spark_storlets.configure(SparkSession.builder).getOrCreate()
spark.read.format("storlets").option("header", "true").load("swift://container/object.csv")
"""

from typing import TYPE_CHECKING, Any

from spark_storlets.datasource.prefetch import sliding_prefetch
from spark_storlets.errors import StorletError, error_from_spark
from spark_storlets.listing import listing_rdd, read_names
from spark_storlets.session import Answer, ScanReport, answer, configure, install

if TYPE_CHECKING:
    from spark_storlets.datasource.storlet_rdd import storlet_rdd

__all__ = [
    "Answer",
    "ScanReport",
    "StorletError",
    "answer",
    "configure",
    "error_from_spark",
    "install",
    "listing_rdd",
    "read_names",
    "sliding_prefetch",
    "storlet_rdd",
]


def __getattr__(name: str) -> Any:
    """Import when it is asked for what brings half a second of libraries along."""
    if name == "storlet_rdd":
        from spark_storlets.datasource.storlet_rdd import storlet_rdd

        return storlet_rdd
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
