"""How a benchmark ends: build/bench/NAME.json with medians, ranges and where it was measured, and one line printed."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parent.parent / "build"


def report(
    name: str, found: Mapping[str, Sequence[float]], of: Mapping[str, Any], versions: Sequence[str] = ()
) -> None:
    """Write the medians with their ranges, and print them.

    Args:
        name: of the benchmark.
        found: the rounds' values by key.
        of: what was measured: sizes, rounds.
        versions: the packages besides our own whose version matters.
    """
    medians = {key: round(statistics.median(values), 3) for key, values in found.items()}
    ranges = {f"{key}_{how.__name__}": round(how(values), 3) for key, values in found.items() for how in (min, max)}
    packages = {package: importlib.metadata.version(package) for package in ("spark-storlets", *versions)}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine = {"cores": os.cpu_count(), "memory": memory, "system": platform.platform()}
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    file = BUILD / "bench" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**medians, **ranges, **of, **machine, **packages, "date": date}, indent=2) + "\n")
    print(f"{name}:", *(f"{key}={value}" for key, value in medians.items()))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give the seconds that something takes, and what comes of it."""
    start = time.monotonic()
    result = work()
    return time.monotonic() - start, result
