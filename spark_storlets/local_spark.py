"""A Spark on this machine for one command, of which nothing is heard unless it does not start."""

from __future__ import annotations

import logging
import tempfile
from typing import TYPE_CHECKING

from spark_storlets.errors import ConfigurationError
from spark_storlets.session import configure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["local_spark"]

_QUIET = {"spark.ui.enabled": "false", "spark.log.level": "OFF", "spark.ui.showConsoleProgress": "false"}


def local_spark(cores: str = "*") -> SparkSession:
    """Start it, with the connector.

    Raises:
        ConfigurationError: it does not start.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # PySpark logs each error it raises
    builder = configure(SparkSession.builder.master(f"local[{cores}]").config(map={**_QUIET}))
    conf = SparkConf().setAll(list(builder._options.items()))
    # Before any configuration counts, the JVM writes what it and Spark's logging start with.
    with tempfile.TemporaryFile() as said:
        try:
            gateway = launch_gateway(conf, {"stderr": said})
        except (PySparkRuntimeError, OSError) as error:
            said.seek(0)
            words = said.read().decode(errors="replace").strip() or str(error)
            raise ConfigurationError(f"Spark does not start; see `spark-storlets doctor`. It said: {words}") from error
    SparkContext(conf=conf, gateway=gateway)
    return builder.getOrCreate()
