"""The four tasks of the r2d2 report: plain Spark RDDs beside Spark with the work offloaded to storlets.

    python -m benchmarks.r2d2 [--megabytes 50] [--rounds 5]

Writes build/bench/r2d2.json, in which each factor is the time of plain Spark divided by that with storlets:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
change_tracking    Who moved: people's records of two months, joined by id, where the city is another
word_count_small   How often each word occurs, in a tenth of the text
word_count_large   The same in all of the text
transformations    Two lists of numbers through ten rounds of map, map, filter, map, counted by value and joined
sort               Whole numbers of 32 bits, sorted
…_plain_s          Seconds of plain Spark
…_s                Seconds with storlets
================== ====================================================================================================

r2d2 (freeuni-oxidizers/r2d2 on GitHub) is a Spark in Rust; these tasks are among its examples. Here each reads ten
objects a data set from Swift. Plain Spark is PySpark with its RDDs as its users write them, reading by `textFile`
through S3A from the Swift that runs the storlets. The storlets are Python, too: each does of an object what does not
need the others, up to the exchange between tasks, and Spark the rest. Both give the same answer, which is compared in
each round. The numbers to be sorted are even over their range, and both ways know that range.

It differs from r2d2's programs where those have nothing to do with a store: words are of 10,000 and not of five, the
transformations begin with objects and not with lists in the program, and join once at the end, on counts.
"""

from __future__ import annotations

import argparse
import array
import functools
import itertools
import math
import operator
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark import RDD
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import upload_storlet
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from benchmarks.machine import machine
from benchmarks.report import report, timed

STORLET = Path(__file__).with_name("r2d2_storlet.py")
OBJECTS = 10  # of each data set, as r2d2's
PARTS = 8  # into which records are parted between tasks
ROUNDS = 10  # of transformations
LEAST, MOST = -(1 << 31), (1 << 31) - 1
WIDTH = (1 << 32) // PARTS
CITIES = ("Lyon", "Porto", "Tartu", "Gdansk", "Bergen", "Utrecht", "Malaga", "Graz", "Cork", "Varna", "Split", "Ghent")
NAMES = ("Ada", "Bela", "Carl", "Dora", "Emil", "Finn", "Gaia", "Hugo", "Ines", "Jan", "Kira", "Leo", "Mila", "Nils")

#: Gives the lines of a data set, as Spark reads them.
Read = Callable[[str], "RDD[str]"]
#: Gives what the storlet answers on a data set, with these parameters.
Call = Callable[..., "RDD[tuple[str, str]]"]


def main(megabytes: int, rounds: int) -> None:
    """Measure, print and write."""
    found: dict[str, list[float]] = {}
    with machine(s3a=True) as (spark, stack):
        client = SwiftClient(stack.auth_url, USER, KEY)
        upload_storlet(client, STORLET.name, STORLET.read_bytes(), "r2d2_storlet.Tasks", [])
        sizes = upload(client, megabytes << 20)
        login = {"authUrl": stack.auth_url, "user": USER, "key": KEY}

        def read(data: str) -> RDD[str]:
            return spark.sparkContext.textFile(f"s3a://bench/{data}/*")

        def call(data: str, **params: object) -> RDD[tuple[str, str]]:
            paths = f"swift://bench/{data}/*"
            lines = spark_storlets.storlet_rdd(spark.sparkContext, paths, STORLET.name, params, **login)
            return lines.map(lambda line: tuple(line.split("\t")))

        for number in range(rounds + 1):
            for task, (plain, offloaded) in TASKS.items():
                peer, expected = timed(functools.partial(plain, read))
                ours, answer = timed(functools.partial(offloaded, call))
                if answer != expected or not answer:
                    raise RuntimeError(f"{task}: the storlets do not give the answer that plain Spark gives")
                if number:  # the first only warms up
                    found.setdefault(task, []).append(peer / ours)
                    found.setdefault(f"{task}_plain_s", []).append(peer)
                    found.setdefault(f"{task}_s", []).append(ours)
    report("r2d2", found, {"rounds": rounds, "objects": OBJECTS, "bytes": sizes}, ("pyspark", "swift", "storlets"))


def moved(read: Read) -> dict[tuple[str, str], int]:
    """Count the people that moved, by whence and whither."""

    def cities(month: str) -> RDD[tuple[str, str]]:
        return read(month).map(lambda line: line.split(",")).map(lambda row: (row[0], row[4]))

    both = cities("january").join(cities("february")).values()
    changed = both.filter(lambda pair: pair[0] != pair[1])
    return changed.map(lambda pair: (pair, 1)).reduceByKey(operator.add).collectAsMap()


def moved_offloaded(call: Call) -> dict[tuple[str, str], int]:
    """Join parts of the people, as the storlets part them."""
    january, february = (call(month, task="cities", parts=PARTS) for month in ("january", "february"))
    return january.cogroup(february).values().flatMap(moves).reduceByKey(operator.add).collectAsMap()


def moves(months: tuple[Iterable[str], Iterable[str]]) -> Iterable[tuple[tuple[str, str], int]]:
    """Count those of a part."""
    before, after = ((record.split(",") for text in texts for record in text.split(";")) for texts in months)
    homes = dict(before)
    return Counter((homes[who], city) for who, city in after if homes[who] != city).items()


def words(read: Read, data: str) -> dict[str, int]:
    """Count each word."""
    found = read(data).flatMap(str.split).map(lambda word: (word, 1))
    return found.reduceByKey(operator.add).collectAsMap()


def words_offloaded(call: Call, data: str) -> dict[str, int]:
    """Add up what each object counts."""
    return call(data, task="words").mapValues(int).reduceByKey(operator.add).collectAsMap()


def transformed(read: Read) -> dict[int, tuple[int, int]]:
    """Put numbers through the rounds; give how often the values occur that come of both lists."""

    def counts(data: str, wave: Callable[[float], float]) -> RDD[tuple[int, int]]:
        numbers = read(data).map(int)
        for _ in range(ROUNDS):
            doubled = numbers.map(lambda number: number * 2).map(wave)
            numbers = doubled.filter(lambda one: one < 0.9).map(lambda one: math.floor(one * 1000))
        return numbers.map(lambda number: (number, 1)).reduceByKey(operator.add)

    return counts("a", math.sin).join(counts("b", math.tan)).collectAsMap()


def transformed_offloaded(call: Call) -> dict[int, tuple[int, int]]:
    """Add up what each object counts, and join."""

    def counts(data: str, wave: str) -> RDD[tuple[int, int]]:
        pairs = call(data, task="transformed", wave=wave, rounds=ROUNDS)
        return pairs.map(lambda pair: (int(pair[0]), int(pair[1]))).reduceByKey(operator.add)

    return counts("a", "sin").join(counts("b", "tan")).collectAsMap()


def ordered(read: Read) -> bytes:
    """Sort the numbers."""
    pairs = read("integers").map(lambda line: (int(line), None))
    ranges = pairs.repartitionAndSortWithinPartitions(PARTS, lambda number: (number - LEAST) // WIDTH)
    return b"".join(ranges.keys().mapPartitions(lambda numbers: [array.array("i", numbers).tobytes()]).collect())


def ordered_offloaded(call: Call) -> bytes:
    """Merge what each object gives in order."""
    pairs = call("integers", task="ordered", least=LEAST, width=WIDTH)
    return b"".join(pairs.groupByKey(PARTS, int).values().map(merged).collect())


def merged(runs: Iterable[str]) -> bytes:
    """Merge numbers, of which each text has some in order; sorting finds such runs and merges them."""
    return array.array("i", sorted(int(number) for run in runs for number in run.split())).tobytes()


#: Each task in its two ways.
TASKS: dict[str, tuple[Callable[[Read], Any], Callable[[Call], Any]]] = {
    "change_tracking": (moved, moved_offloaded),
    "word_count_small": (lambda read: words(read, "text-small"), lambda call: words_offloaded(call, "text-small")),
    "word_count_large": (lambda read: words(read, "text-large"), lambda call: words_offloaded(call, "text-large")),
    "transformations": (transformed, transformed_offloaded),
    "sort": (ordered, ordered_offloaded),
}


def upload(client: SwiftClient, size: int) -> dict[str, int]:
    """Make the data sets and upload them; give their sizes.

    Args:
        client: of the store.
        size: of the large text; the rest are parts of it.
    """
    dice = random.Random(0)
    vocabulary = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 10))) for _ in range(10_000)]
    shares = list(itertools.accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))

    def text(bytes_: int) -> str:
        lines = (" ".join(dice.choices(vocabulary, cum_weights=shares, k=100)) for _ in range(bytes_ // 600))
        return "\n".join(lines)

    def numbers(count: int, least: int, most: int) -> str:
        return "\n".join(str(dice.randint(least, most)) for _ in range(count))

    sizes: Counter[str] = Counter()
    for part in range(OBJECTS):
        share = size // OBJECTS
        january, february = people(dice, part, share // 100)
        for data, content in {
            "text-small": text(share // 10),
            "text-large": text(share),
            "january": january,
            "february": february,
            "a": numbers(share // 60, 0, 999_999),
            "b": numbers(share // 60, 0, 999_999),
            "integers": numbers(share // 20, LEAST, MOST),
        }.items():
            client.connection.put_object("bench", f"{data}/{part}", content.encode())
            sizes[data] += len(content)
    return dict(sizes)


def people(dice: random.Random, part: int, count: int) -> tuple[str, str]:
    """Make some people's records of two months, between which three in ten are given another city, or the same."""
    january, february = [], []
    for number in range(part * count, (part + 1) * count):
        who = f"{number},{dice.choice(NAMES)},{dice.choice(NAMES)}son,{dice.randint(0, 100)}"
        city = dice.choice(CITIES)
        january.append(f"{who},{city}")
        february.append(f"{who},{dice.choice(CITIES) if dice.random() < 0.3 else city}")
    return "\n".join(january), "\n".join(february)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
