"""The command `spark-storlets run`: a deployed storlet's output on one object."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import click
import requests

from spark_storlets.errors import ConfigurationError
from spark_storlets.output import bytes_shown
from spark_storlets.store_options import pairs, store_options

__all__ = ["run"]


@click.command()
@click.argument("storlet")
@click.argument("path")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the storlet.")
@click.option("--range", "span", metavar="FIRST-LAST", help="The bytes that the storlet gets, both ends included.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file. [standard output]")
@store_options
def run(
    storlet: str, path: str, params: tuple[str, ...], span: str | None, output: Path | None, given: dict[str, str]
) -> None:
    """Run a storlet in the store on an object, and print what it answers.

    \b
    spark-storlets run jsonl.py swift://logs/a.jsonl --param 'args=--where level=ERROR'
    spark-storlets run jsonl.py swift://logs/a.jsonl --range 0-1048575 -o first.jsonl
    """
    from spark_storlets.datasource.login import login_of
    from spark_storlets.datasource.paths import parse_path
    from spark_storlets.datasource.storlet_call import call_of, take
    from spark_storlets.partitioner.splits import Split

    client, session = login_of(given).client(), requests.Session()
    item = client.object(*parse_path(path))
    whole = Split(0, item.size)
    split = Split(*_split(span, item.size)) if span else whole
    call = call_of(client, item, storlet, pairs(params, "--param"), split, None if split == whole else split)
    if output is None:
        take(call, sys.stdout.buffer, session)
        return
    # Never half an answer under the name that was given.
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file, bytes_shown(f"receiving {output.name}") as received:
            take(call, _Told(file, received), session)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


class _Told:
    """A file whose writing is told."""

    def __init__(self, file: IO[bytes], told: Callable[[int], None]) -> None:
        self._file, self._told = file, told

    def write(self, data: bytes) -> int:
        self._told(len(data))
        return self._file.write(data)


def _split(span: str, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)-(\d+)", span)
    if found is None or not int(found[1]) <= int(found[2]):
        raise click.UsageError(f"--range {span}: write FIRST-LAST, as 0-999.")
    if int(found[1]) >= size:
        raise ConfigurationError(f"--range {span} begins behind the object's end: it has {size} bytes.")
    return int(found[1]), min(int(found[2]) + 1, size)
