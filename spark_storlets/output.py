"""How commands speak besides their results: progress on a terminal, and the option by which programs ask for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

__all__ = ["AS_JSON", "bytes_shown"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For a program to read.")


@contextmanager
def bytes_shown(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show on standard error how many bytes have gone by, if that is a terminal.

    Args:
        what: is done.
        total: of the bytes, if one knows.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=total)
        yield lambda size: shown.advance(task, size)
