"""The command `spark-storlets ls`: what is in a container, however many objects it has."""

from __future__ import annotations

import datetime
import fnmatch
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from spark_storlets.output import AS_JSON
from spark_storlets.store_options import store_options

if TYPE_CHECKING:
    from spark_storlets.listing import ListedObject

__all__ = ["ls"]


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", text.lower())
    if not found:
        raise click.BadParameter(f"{text!r} is no size: write bytes, or 10k, 1.5M, 2G (by 1024).")
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2] or " "))


_SIZE: Any = {"callback": lambda _context, _option, text: None if text is None else _bytes(text), "metavar": "SIZE"}
_TIME: Any = {"type": click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), "metavar": "TIME"}


@click.command()
@click.argument("path")
@click.option("-r", "--recursive", is_flag=True, help="Objects in folders below, too.")
@click.option("--larger", **_SIZE, help="Objects of more bytes than this (10k, 1.5M, 2G).")
@click.option("--smaller", **_SIZE, help="Objects of fewer bytes.")
@click.option("--since", **_TIME, help="Objects written then or later (2024-05-01, 2024-05-01T18:30:00; UTC).")
@click.option("--before", **_TIME, help="Objects written earlier.")
@click.option("--type", "kind", metavar="PATTERN", help="Objects of this content type, for example 'image/*'.")
@AS_JSON
@store_options
def ls(path: str, recursive: bool, as_json: bool, given: dict[str, str], **filters: Any) -> None:
    """List what is in a container: the names that begin as PATH does, or match it as a pattern.

    Names are shown up to the next slash, as folders, unless --recursive is given. In a pattern * and ? mean no slash.

    \b
    spark-storlets ls swift://photos/2024/
    spark-storlets ls 'swift://photos/*/*.jpg' --larger 1M --since 2024-05-01
    spark-storlets ls -r swift://photos --type 'image/*' --json | jq .name
    """
    shown = _Progress()
    for entry in _entries(path, recursive, given, shown):
        if not _passes(entry, **filters):
            continue
        shown.found += 1
        shown.clear()
        click.echo(_json(entry) if as_json else _line(entry))
    shown.clear()


def _entries(path: str, recursive: bool, given: dict[str, str], shown: _Progress) -> Iterator[ListedObject]:
    """Give the objects and folders that a path names, in the order of their names."""
    from spark_storlets.datasource.paths import literal, matcher, parse_path
    from spark_storlets.listing import ListedObject, listed

    parse_path(path)  # it is one
    name = "".join(path.split("/", 3)[3:])
    prefix = literal(name)
    pattern = "" if prefix == name else name.rstrip("/")
    matched = matcher(pattern) if pattern else lambda found: "/".join(found.split("/")[: name.count("/") + 1])
    # Where only the last part of a path is a pattern, folders are the store's work.
    delimiter = "" if recursive or "/" in pattern[len(prefix) :] else "/"
    last: str | None = None
    path = path[: len(path) - len(name)] + prefix
    for entry in listed(path, **{**given, "storlet": "listing", "delimiter": delimiter}):
        shown.listed += 1
        shown.show()
        found = matched(entry.name)
        if found is None or found == last:
            continue
        if found != entry.name and not recursive:
            last, entry = found, ListedObject(f"{found}/", None, None, None, None)
        yield entry


def _passes(
    entry: ListedObject,
    larger: int | None,
    smaller: int | None,
    since: datetime.datetime | None,
    before: datetime.datetime | None,
    kind: str | None,
) -> bool:
    if entry.bytes is None or entry.last_modified is None:
        return all(one is None for one in (larger, smaller, since, before, kind))
    modified = entry.last_modified.replace(tzinfo=None)
    return (
        (larger is None or entry.bytes > larger)
        and (smaller is None or entry.bytes < smaller)
        and (since is None or modified >= since)
        and (before is None or modified < before)
        and (kind is None or fnmatch.fnmatchcase(entry.content_type or "", kind))
    )


def _line(entry: ListedObject) -> str:
    # A name may hold anything, also what moves a terminal's cursor.
    name = "".join(one if one.isprintable() else repr(one)[1:-1] for one in entry.name)
    size = "-" if entry.bytes is None else str(entry.bytes)
    modified = f"{entry.last_modified:%Y-%m-%d %H:%M:%S}" if entry.last_modified else "-"
    return f"{size:>12}  {modified:<19}  {entry.content_type or '-':<24}  {name}"


def _json(entry: ListedObject) -> str:
    modified = entry.last_modified and entry.last_modified.isoformat()
    return json.dumps({**entry._asdict(), "last_modified": modified}, ensure_ascii=False)


class _Progress:
    """A line on the terminal, from two seconds on, of how many names were looked at and how many are shown."""

    SECONDS, AGAIN = 2.0, 0.2

    def __init__(self) -> None:
        self.listed = self.found = 0
        self._next = time.monotonic() + self.SECONDS
        self._on_terminal, self._stands = sys.stderr.isatty(), False

    def show(self) -> None:
        """Write the line, if it is time."""
        if self._on_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.AGAIN
            click.echo(f"\r\x1b[K{self.listed} names looked at, {self.found} shown", nl=False, err=True)
            self._stands = True

    def clear(self) -> None:
        """Take the line away, so that another can be written."""
        if self._stands:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._stands = False
