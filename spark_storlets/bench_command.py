"""The command `spark-storlets bench`: measure what the documents claim, on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click

from spark_storlets.errors import ConfigurationError

__all__ = ["bench"]

_ROOT = Path(__file__).resolve().parent.parent


@click.command()
@click.argument("names", nargs=-1, metavar="NAME…")
def bench(names: tuple[str, ...]) -> None:
    """Run benchmarks, one after the other; without a name, say which there are.

    They need a clone of the project, and there data, peers and tools that make gets: each is `make bench-NAME`.

    Example: spark-storlets bench engine kernel
    """
    makefile = _ROOT / "Makefile"
    targets = makefile.read_text() if makefile.exists() else ""
    known = dict(re.findall(r"^bench-(\w+):.*## (.*)$", targets, re.MULTILINE))
    if not known:
        raise ConfigurationError(
            "the benchmarks are not part of an installed package: clone the project and run `make bench-NAME` there."
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
    if not names:
        for name, what in known.items():
            click.echo(f"{name:<10} {what}")
        return
    sys.exit(subprocess.run(["make", "-C", str(_ROOT), *(f"bench-{name}" for name in names)]).returncode)
