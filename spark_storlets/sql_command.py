"""The command `spark-storlets sql`: a query without writing a program."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spark_storlets.errors import error_from_spark
from spark_storlets.store_options import store_options

__all__ = ["sql"]


@click.command()
@click.argument("query")
@click.option("--path", required=True, multiple=True, help="swift://container/object, the table `data`.")
@click.option("--schema", help="Columns and types, as in DDL; else all columns are strings.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    help="How rows are printed; csv: NULL is empty; json: an object a line. [table on a terminal, else csv]",
)
@store_options
def sql(query: str, path: tuple[str, ...], schema: str | None, form: str | None, given: dict[str, str]) -> None:
    """Run a query on objects, as the table `data`, in a Spark of its own.

    \b
    spark-storlets sql "SELECT city FROM data WHERE vid < 10" --path swift://demo/meters.csv -O header=true
    spark-storlets sql "SELECT make, count(*) FROM data GROUP BY make" --path 'swift://photos/*' -O storlet=exif
    """
    from pyspark.errors import PySparkException

    from spark_storlets.datasource.options import ReadOptions
    from spark_storlets.datasource.paths import parse_path
    from spark_storlets.local_spark import local_spark, tasks_shown
    from spark_storlets.session import answer

    # What is wrong with these can be said before Spark has taken its seconds to start.
    read = ReadOptions.parse({**given, "paths": json.dumps(path)})
    for one in path:
        parse_path(one)
    read.client()
    console = Console(stderr=True)
    with console.status("starting Spark"):
        spark = local_spark()
    try:
        with tasks_shown(spark):
            reader = spark.read.format("storlets").options(**given)
            (reader.schema(schema) if schema else reader).load(list(path)).createOrReplaceTempView("data")
            frame = spark.sql(query)
            found = answer(frame)
        _PRINT[form or ("table" if sys.stdout.isatty() else "csv")](frame.columns, found.rows)
        for scan in found.scans:
            click.echo(
                f"{scan.bytes_scanned} bytes scanned, {scan.bytes_received} received: {scan.description}", err=True
            )
    except PySparkException as error:
        ours = error_from_spark(error)
        raise ours or click.ClickException(str(error).split("\n\nJVM stacktrace")[0].strip()) from error
    except Exception as error:
        ours = error_from_spark(error)
        if ours is None:
            raise
        raise ours from error
    finally:
        spark.stop()


def _table(columns: Sequence[str], rows: Sequence[Any]) -> None:
    table = Table()
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text("NULL" if value is None else str(value)) for value in row))
    Console().print(table)


def _csv(columns: Sequence[str], rows: Sequence[Any]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _json(columns: Sequence[str], rows: Sequence[Any]) -> None:
    for row in rows:
        click.echo(json.dumps(dict(zip(columns, row, strict=True)), default=str, ensure_ascii=False))


_PRINT = {"table": _table, "csv": _csv, "json": _json}
