"""Plays plans on a store that is only simulated: what comes of the splits, the grouping and the choice of replicas.

    python -m benchmarks.simulate [--nodes 1000] [--objects 10000000]

Writes build/bench/simulate.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
vs_chunks          Makespan of Spark's own planning by chunks of 128 MB, any replica, divided by ours
vs_random_replica  Makespan of our splits at any replica, divided by ours
…_makespan         Seconds, of ours, chunks, random: of the scenario with most objects
…_balance          The busiest node's work divided by the mean node's
================== ====================================================================================================

The medians are those of the scenarios, each printed: nodes, object sizes, a node that is down, one that is slow. A
node has workers that read at a rate, and takes requests in the order of their coming; a request costs some time
besides. A request to a node that is down goes to the next replica after a time. Spark has as many slots as the store
has workers; a slot works on the tasks in their order, one request after the other, or in a task of ours as many at
once as its window. Requests below a least split are not played one by one: a task's are spread over all nodes, as the
ring does. Replicas lie on nodes by chance, as by a ring. Nothing is known of disks, caches and the network.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heapreplace

from spark_storlets.partitioner.plan import Bounds, Read, Sized, plan
from spark_storlets.partitioner.topology import Topology

from benchmarks.report import report

CHUNK = 128 << 20
OPEN_COST = 4 << 20  # spark.sql.files.openCostInBytes
BOUNDS = Bounds()


@dataclass(frozen=True)
class Store:
    """A simulated store; rates in bytes a second of one worker, times in seconds."""

    nodes: int
    topology: Topology = field(default_factory=Topology)
    rate: float = 100e6
    request: float = 0.01
    down: frozenset[int] = frozenset()
    slow: frozenset[int] = frozenset()
    slowness: float = 4.0
    giving_up: float = 0.5

    def holders(self, name: str) -> list[int]:
        """Give the nodes that have the replicas of an object, in the ring's order."""
        number = zlib.crc32(name.encode())
        stride = 1 + number // self.nodes % max(1, (self.nodes - 1) // max(1, self.topology.replicas - 1))
        return [(number + replica * stride) % self.nodes for replica in range(self.topology.replicas)]


@dataclass
class Outcome:
    """What came of a plan: when all was done, each node's seconds of work, and the requests that it answered."""

    makespan: float
    work: list[float]
    requests: Counter[int]

    @property
    def balance(self) -> float:
        """How much more the busiest node had to do than the mean one."""
        return max(self.work) * len(self.work) / (sum(self.work) or 1)


def play(
    store: Store, tasks: Iterable[Sequence[Read]], window: int, least: int = BOUNDS.least, hinted: bool = True
) -> Outcome:
    """Let slots work on the tasks in their order; any replica answers if it is not hinted."""
    chance = random.Random(1)
    workers = [[0.0] * store.topology.workers for _ in range(store.nodes)]
    work = [0.0] * store.nodes
    requests: Counter[int] = Counter()
    slots = [0.0] * (store.nodes * store.topology.workers)
    heapify(slots)
    last = bulk = 0.0
    for task in tasks:
        now = slots[0]
        small = 0.0
        for read in task:
            size = read.end - read.start
            if size < least:
                small += store.request + size / store.rate
                continue
            place = None if not hinted else read.replica
            now = max(now, _answered(store, read, place, now, chance, workers, work, requests))
        now += small / window
        bulk += small
        last = max(last, now)
        heapreplace(slots, now)
    share = bulk / store.nodes
    return Outcome(last, [one + share for one in work], requests)


def _answered(
    store: Store,
    read: Read,
    place: int | None,
    now: float,
    chance: random.Random,
    workers: list[list[float]],
    work: list[float],
    requests: Counter[int],
) -> float:
    """Send one request; give the time at which its answer is there."""
    holders = store.holders(read.name)
    first = chance.randrange(len(holders)) if place is None else place
    for node in holders[first:] + holders[:first]:
        if node not in store.down:
            break
        now += store.giving_up
    takes = store.request + (read.end - read.start) / store.rate * (store.slowness if node in store.slow else 1)
    end = max(now, workers[node][0]) + takes
    heapreplace(workers[node], end)
    work[node] += takes
    requests[node] += 1
    return end


def chunks(objects: Iterable[Sized]) -> list[list[Read]]:
    """Plan as Spark's file sources do: chunks of one size, small ones packed by size and what opening costs."""
    reads = [
        Read(one.name, number, start, min(start + CHUNK, one.size), None)
        for one in objects
        for number, start in enumerate(range(0, one.size, CHUNK))
    ]
    reads.sort(key=lambda read: read.start - read.end)
    packed: list[list[Read]] = []
    room = 0
    for read in reads:
        cost = read.end - read.start + OPEN_COST
        if room < cost - OPEN_COST:
            packed.append([])
            room = CHUNK
        packed[-1].append(read)
        room -= cost
    return packed


def scenarios(nodes: int, objects: int) -> dict[str, tuple[Store, Callable[[], list[Sized]]]]:
    """Name what is played."""
    topology = Topology(3, 4)
    small, large = Store(12, topology), Store(nodes, topology)
    one = frozenset([5])

    def equal(count: int, size: int) -> Callable[[], list[Sized]]:
        return lambda: [Sized(f"c/{number}", size) for number in range(count)]

    def lognormal(count: int, mean: float) -> Callable[[], list[Sized]]:
        chance = random.Random(3)
        return lambda: [Sized(f"c/{n}", 1 + int(chance.lognormvariate(0, 2) * mean)) for n in range(count)]

    return {
        "one object of 10 GB on 3 nodes": (Store(3, topology), equal(1, 10 << 30)),
        "60 objects of 1 GB on 12 nodes": (small, equal(60, 1 << 30)),
        "the same, a node down": (Store(12, topology, down=one), equal(60, 1 << 30)),
        "the same, a node slow": (Store(12, topology, slow=one), equal(60, 1 << 30)),
        "100 GB and a million of 10 KB": (small, lambda: [Sized("c/x", 100 << 30), *equal(1_000_000, 10_000)()]),
        f"{objects} objects of all sizes on {nodes} nodes": (large, lognormal(objects, 100_000)),
    }


def main(nodes: int, objects: int) -> None:
    """Play all, print and write."""
    found: dict[str, list[float]] = {}
    outcomes: dict[str, Outcome] = {}
    started = time.monotonic()
    gc.disable()  # it would look at millions of plain tuples again and again, and nothing here has cycles
    for title, (store, make) in scenarios(nodes, objects).items():
        sized = make()
        planned = plan(sized, store.topology, BOUNDS)
        outcomes = {"ours": play(store, planned, 4), "random": play(store, planned, 4, hinted=False)}
        del planned
        outcomes["chunks"] = play(store, chunks(sized), 1)
        ours = outcomes["ours"].makespan
        found.setdefault("vs_chunks", []).append(outcomes["chunks"].makespan / ours)
        found.setdefault("vs_random_replica", []).append(outcomes["random"].makespan / ours)
        words = ", ".join(f"{k} {o.makespan:.1f} s (balance {o.balance:.2f})" for k, o in outcomes.items())
        print(f"{title}: {words}")
    for name, outcome in outcomes.items():
        found[f"{name}_makespan"], found[f"{name}_balance"] = [outcome.makespan], [outcome.balance]
    report("simulate", found, {"nodes": nodes, "objects": objects, "seconds": round(time.monotonic() - started)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--objects", type=int, default=10_000_000)
    main(**vars(parser.parse_args()))
