"""Spark SQL over OpenStack Swift, with the work that shrinks the data done inside the store.

from pyspark.sql import SparkSession
import spark_storlets

spark = spark_storlets.configure(SparkSession.builder).getOrCreate()
spark.read.format("storlets").option("header", "true").load("swift://container/object.csv")
"""

from spark_storlets.errors import StorletError, error_from_spark
from spark_storlets.session import Answer, ScanReport, answer, configure, install

__all__ = ["Answer", "ScanReport", "StorletError", "answer", "configure", "error_from_spark", "install"]
