"""The command `spark-storlets plan`: which task reads which bytes of a path from which replica."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from spark_storlets.output import AS_JSON
from spark_storlets.store_options import store_options

if TYPE_CHECKING:
    from spark_storlets.partitioner.plan import Read
    from spark_storlets.partitioner.topology import Topology

WIDTH = 60
_AHEAD = 4 << 20


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--rows", default=40, show_default=True, help="Splits in the table at most.")
@AS_JSON
@store_options
def plan(paths: tuple[str, ...], rows: int, as_json: bool, given: dict[str, str]) -> None:
    """Show how a path is cut into splits and tasks, and what each replica does.

    Splits of multiLine objects move to the next record.

    Example: spark-storlets plan 'swift://demo/*.csv' --option workersPerNode=4
    """
    import json

    from spark_storlets.datasource.csv_options import compression_of
    from spark_storlets.datasource.options import ReadOptions
    from spark_storlets.datasource.paths import find, look_at
    from spark_storlets.datasource.topology import topology_of
    from spark_storlets.partitioner.plan import Bounds, Sized
    from spark_storlets.partitioner.plan import plan as planned

    read = ReadOptions.parse({**given, "paths": json.dumps(paths)})
    client = read.client()
    objects = look_at(client, find(client, read.paths, read.base_path, read.recursive).every(), trusting=True)
    topology = topology_of(client, objects[0].container, read)
    bounds = Bounds(read.min_split_size, read.max_split_size, read.reading["window"] * _AHEAD)
    sized = [
        Sized(str(item), item.size, not item.large, client.segment_ends(item), compression_of(item.name) is None)
        for item in objects
    ]
    tasks = planned(sized, topology, bounds)
    if as_json:
        click.echo(json.dumps({"tasks": [[read._asdict() for read in task] for task in tasks]}))
        return
    for line in [*_table(tasks, rows), "", *_picture(tasks, topology)]:
        click.echo(line)


def _table(tasks: Sequence[Sequence[Read]], rows: int) -> Iterator[str]:
    yield f"{'task':>6}  {'reads':>10}  {'replica':<7}  {'bytes':<25}  object"
    shown = [(number, read) for number, task in enumerate(tasks) for read in task]
    for number, read in shown[:rows]:
        place = "proxy" if read.replica is None else str(read.replica)
        size = _bytes(read.end - read.start)
        of = f", segments {read.segments[0]}-{read.segments[-1]}" if read.segments else ""
        yield f"{number:>6}  {size:>10}  {place:<7}  {f'{read.start}-{read.end - 1}':<25}  {read.name}{of}"
    if len(shown) > rows:
        yield f"{'…':>6}  and {len(shown) - rows} more"


def _picture(tasks: Sequence[Sequence[Read]], topology: Topology) -> Iterator[str]:
    """Draw a bar for each replica, a character for each split, as long as it has bytes."""
    splits: dict[int | None, list[int]] = defaultdict(list)
    for task in tasks:
        for read in task:
            splits[read.replica].append(read.end - read.start)
    longest = max((sum(sizes) for sizes in splits.values()), default=1) or 1
    for replica in sorted(splits, key=lambda one: (one is None, one or 0)):
        sizes = splits[replica]
        bar, at = "", 0
        for number, size in enumerate(sizes):
            at += size
            bar += "█▒"[number % 2] * (round(at * WIDTH / longest) - len(bar))
        name = "proxies" if replica is None else f"replica {replica}"
        yield f"{name:<9}  {bar:<{WIDTH}}  {len(sizes)} splits, {_bytes(sum(sizes))}"
    sums = sorted(sum(read.end - read.start for read in task) for task in tasks) or [0]
    yield ""
    yield (
        f"{len(tasks)} tasks of {_bytes(sums[0])} to {_bytes(sums[-1])}; {topology.replicas} replicas of "
        f"{topology.workers} workers, {topology.running} calls running"
    )
    if not topology.affinity:
        yield "The proxies do not say that they send requests to the replica named: any may answer."


def _bytes(size: float) -> str:
    power = min(4, max(0, (int(size).bit_length() - 1) // 10))
    return f"{size / 1024**power:.4g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
