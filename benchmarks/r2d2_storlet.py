"""What benchmarks/r2d2.py gives to the store: of each task, what one object needs nothing else for."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any


class Tasks:
    """Answers lines of a key, a tab and a value; the parameter `task` says what they are."""

    def __init__(self, logger: Any) -> None:
        pass

    def __call__(self, in_files: list[Any], out_files: list[Any], params: dict[str, str]) -> None:
        """Run for the engine."""
        out_files[0].set_metadata({})
        for key, value in TASKS[params["task"]](in_files[0].read().decode(), params):
            out_files[0].write(f"{key}\t{value}\n".encode())


def words(text: str, params: dict[str, str]) -> Iterator[tuple[object, object]]:
    """Count the words."""
    yield from Counter(text.split()).items()


def cities(text: str, params: dict[str, str]) -> Iterator[tuple[object, object]]:
    """Give people's ids and cities, parted as Spark is to join them."""
    parts = defaultdict(list)
    for record in text.splitlines():
        number, _, _, _, city = record.split(",")
        parts[int(number) % int(params["parts"])].append(f"{number},{city}")
    for part, records in parts.items():
        yield part, ";".join(records)


def transformed(text: str, params: dict[str, str]) -> Iterator[tuple[object, object]]:
    """Put numbers through the rounds and count what comes of them."""
    wave = {"sin": math.sin, "tan": math.tan}[params["wave"]]
    numbers = list(map(int, text.split()))
    for _ in range(int(params["rounds"])):
        waves = (wave(number * 2) for number in numbers)
        numbers = [math.floor(one * 1000) for one in waves if one < 0.9]
    yield from Counter(numbers).items()


def ordered(text: str, params: dict[str, str]) -> Iterator[tuple[object, object]]:
    """Sort numbers, parted into ranges of one width."""
    least, width = int(params["least"]), int(params["width"])
    parts = defaultdict(list)
    for number in sorted(map(int, text.split())):
        parts[(number - least) // width].append(number)
    for part, numbers in parts.items():
        yield part, " ".join(map(str, numbers))


TASKS = {"words": words, "cities": cities, "transformed": transformed, "ordered": ordered}
