"""Writes docs/benchmarks.md and its pictures from what the benchmarks have left in build/bench.

    python -m benchmarks.publish

Every figure of the page is one that a benchmark wrote. What a key means is said in the benchmark's own docstring, in
its table of keys, and taken from there. A benchmark that was not run since keeps its part of the page.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.report import BUILD

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
RESULTS = DOCS / "benchmarks"  # what the page is made of, kept with it
COLORS = ("#00695c", "#4db6ac", "#b2dfdb", "#3949ab", "#7986cb", "#c5cae9")
LOGARITHMIC = 20  # times the peer, from which on small ratios could not be seen beside large ones
HEAD = """# Benchmarks

Medians, with the lowest and highest of the rounds; the compared runs alternate in one process table. Keys with `_vs_`
are ratios: greater is better, 1 is as fast as the peer. Each table names the command that measures it on your machine.
All of it (Spark, peers, a Swift of three nodes) shares one small machine of two cores, which did nothing else; only
beside `link` did tests run, at the scheduler's idle priority. S3A is Hadoop's, by its classic stream and for whole
files, the fastest of its ways here.
"""


def main() -> None:
    """Take over new results and write the page."""
    RESULTS.mkdir(exist_ok=True)
    for found in sorted((BUILD / "bench").glob("*.json")):
        if script(found.stem).exists():
            (RESULTS / found.name).write_text(found.read_text())
    parts = [part(file.stem, json.loads(file.read_text())) for file in sorted(RESULTS.glob("*.json"))]
    (DOCS / "benchmarks.md").write_text("\n".join([HEAD, *parts]))


def part(name: str, result: dict[str, Any]) -> str:
    """Write a benchmark's part of the page, and its picture."""
    docstring = ast.get_docstring(ast.parse(script(name).read_text())) or ""
    _, _, sandbox = name.partition("-")
    command = f"python -m benchmarks.engine --sandbox {sandbox}" if sandbox else f"make {target(name)}"
    keys = [key for key in result if f"{key}_min" in result]
    meanings = key_table(docstring)
    lines = [f"## {name}: {docstring.splitlines()[0]}", "", f"`{command}`", ""]
    ratios = [key for key in keys if "vs_" in key or f"{key}_plain_s" in keys]
    if ratios:
        draw(name, ratios, result)
        lines += [f"![{name}](images/bench-{name}.svg)", ""]
    lines += ["| key | median | lowest to highest | meaning |", "| --- | --- | --- | --- |"]
    for key in keys:
        spread = f"{shown(result[f'{key}_min'])} to {shown(result[f'{key}_max'])}"
        lines.append(f"| `{key}` | **{shown(result[key])}** | {spread} | {meaning_of(key, meanings)} |")
    of = {k: v for k, v in result.items() if re.sub("_(min|max)$", "", k) not in keys}
    lines += ["", "Measured with " + ", ".join(f"{key} {shown(value)}" for key, value in flat(of)) + ".", ""]
    return "\n".join(lines)


def script(name: str) -> Path:
    """Find what measures it: NAME, or NAME-SANDBOX."""
    return HERE / f"{name.partition('-')[0]}.py"


def target(name: str) -> str:
    """Name what makes it."""
    return name if name == "simulate" else f"bench-{name}"


def key_table(docstring: str) -> dict[str, str]:
    """Read the table of keys in a benchmark's docstring."""
    found: dict[str, str] = {}
    rows = re.split(r"^=+ =+$", docstring, flags=re.MULTILINE)
    width = re.search(r"^(=+) =+$", docstring, flags=re.MULTILINE)
    if width is None or len(rows) < 4:
        return found
    last = ""
    for line in rows[2].strip("\n").splitlines():
        key, meaning = line[: len(width[1])].strip(), line[len(width[1]) :].strip()
        last = key or last
        found[last] = f"{found.get(last, '')} {meaning}".strip()
    return found


def meaning_of(key: str, meanings: dict[str, str]) -> str:
    """Give a key's meaning; an ellipsis in the table stands for any beginning."""
    for known, meaning in meanings.items():
        if re.fullmatch(re.escape(known).replace("…", ".+"), key):
            return meaning
    return ""


def draw(name: str, keys: list[str], result: dict[str, Any]) -> None:
    """Draw the ratios with their ranges; where each of several queries has the same peers, in groups."""
    rows, peers = grid(keys)
    figure, axes = plt.subplots(figsize=(7.5, 0.6 + len(rows) * max(0.42, 0.15 * len(peers))), layout="constrained")
    width = 0.8 / len(peers)
    for number, peer in enumerate(peers):
        mine = [f"{row}_vs_{peer}" if peer else row for row in rows]
        values = [result[key] for key in mine]
        ranges = [
            [max(0.0, v - result[f"{k}_min"]) for k, v in zip(mine, values, strict=True)],
            [max(0.0, result[f"{k}_max"] - v) for k, v in zip(mine, values, strict=True)],
        ]
        at = [row + (number - (len(peers) - 1) / 2) * width for row in range(len(rows))]
        axes.barh(
            at,
            values,
            width,
            xerr=ranges,
            color=COLORS[number % len(COLORS)],
            ecolor="#37474f",
            capsize=width * 4,
            label=f"vs_{peer}",
        )
    axes.set_yticks(range(len(rows)), rows)
    axes.axvline(1, color="#c62828", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("times the peer (red: as fast as it)")
    axes.spines[["top", "right"]].set_visible(False)
    if len(peers) > 1:
        axes.legend(frameon=False, fontsize="small")
    if max(result[key] for key in keys) > LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    (DOCS / "images").mkdir(exist_ok=True)
    plt.rcParams["svg.hashsalt"] = name  # the same picture for the same figures
    figure.savefig(DOCS / "images" / f"bench-{name}.svg", metadata={"Date": None})
    plt.close(figure)


def grid(keys: list[str]) -> tuple[list[str], list[str]]:
    """Give queries and peers, where there is a key QUERY_vs_PEER for each of both; else keys, and one nameless peer."""
    pairs = [key.partition("_vs_") for key in keys]
    rows, peers = (list(dict.fromkeys(pair[part] for pair in pairs)) for part in (0, 2))
    is_grid = len(rows) > 1 and {f"{row}_vs_{peer}" for row in rows for peer in peers} == set(keys)
    return (rows, peers) if is_grid and len(peers) > 1 else (keys, [""])


def flat(of: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Name what lies deeper by its whole path."""
    pairs: list[tuple[str, Any]] = []
    for key, value in of.items():
        pairs += flat(value, f"{before}{key} ") if isinstance(value, dict) else [(before + key, value)]
    return pairs


def shown(value: Any) -> str:
    """Write a number so that it can be read."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


if __name__ == "__main__":
    main()
