"""A Spark on this machine for one command: nothing is heard of it unless it does not start, its progress is shown."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spark_storlets.errors import ConfigurationError
from spark_storlets.session import configure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["local_spark", "tasks_shown"]

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


@contextmanager
def tasks_shown(spark: SparkSession) -> Iterator[None]:
    """Show on standard error how many tasks of the running stages are done, if that is a terminal."""
    console, tracker, ended = Console(stderr=True), spark.sparkContext.statusTracker(), threading.Event()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        bar = shown.add_task("asking the store", total=None)

        def watch() -> None:
            while not ended.wait(0.2):
                stages = [stage for key in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(key))]
                if stages:
                    done = sum(stage.numCompletedTasks for stage in stages)
                    shown.update(bar, completed=done, total=sum(stage.numTasks for stage in stages))

        watching = threading.Thread(target=watch, daemon=True)
        if console.is_terminal:
            watching.start()
        try:
            yield
        finally:
            ended.set()
            if watching.ident:
                watching.join()
