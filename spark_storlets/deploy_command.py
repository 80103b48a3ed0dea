"""The command `spark-storlets deploy`: the storlets of an account."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import track

from spark_storlets.errors import NotFoundError
from spark_storlets.output import AS_JSON
from spark_storlets.store_options import store_options

if TYPE_CHECKING:
    from spark_storlets.datasource.client import SwiftClient

__all__ = ["deploy"]

_META = "x-object-meta-storlet-"


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("--account", help="Another account than the login's, as URLs name it: AUTH_… For its administrators.")
@store_options
def deploy(context: click.Context, account: str | None, given: dict[str, str]) -> None:
    """Upload this release's storlets to an account, and enable it for them; or look at what is there.

    \b
    spark-storlets deploy
    spark-storlets deploy list
    spark-storlets deploy --account AUTH_photos show exif_storlet.py
    """
    context.obj = functools.partial(_client, given, account)
    if context.invoked_subcommand is not None:
        return
    from spark_storlets.datasource.deploy import STORLETS, deployed, files_of

    console = Console(stderr=True)
    names = deployed(context.obj(), STORLETS)
    total = len(files_of(STORLETS))
    for name in track(names, "uploading", total, console=console, transient=True, disable=not console.is_terminal):
        click.echo(f"uploaded {name}")


@deploy.command("list")
@AS_JSON
@click.pass_obj
def list_(log_in: Callable[[], SwiftClient], as_json: bool) -> None:
    """List the storlets of the account.

    Example: spark-storlets deploy list --json
    """
    found = list(_storlets(log_in()))
    if as_json:
        click.echo(json.dumps(found))
        return
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        which = {True: "this release", False: "another release", None: ""}[one["of_this_release"]]
        click.echo(f"{one['name']:<{width}} {one['bytes']:>9}  {one['uploaded']}  {one['version']:<8} {which}".rstrip())


@deploy.command()
@click.argument("name")
@AS_JSON
@click.pass_obj
def show(log_in: Callable[[], SwiftClient], name: str, as_json: bool) -> None:
    """Show a storlet: its class, its dependencies, when it was uploaded.

    Example: spark-storlets deploy show csv_storlet.py
    """
    found = _storlet(log_in(), name)
    if as_json:
        click.echo(json.dumps(found))
        return
    for key, value in found.items():
        click.echo(f"{key.replace('_', ' '):<16} {', '.join(value) if isinstance(value, list) else value}")


@deploy.command()
@click.argument("name")
@click.pass_obj
def remove(log_in: Callable[[], SwiftClient], name: str) -> None:
    """Remove a storlet from the account, and its dependencies that no other storlet has.

    Example: spark-storlets deploy remove line_count.py
    """
    from spark_storlets.datasource.client import explained

    client = log_in()
    gone = _storlet(client, name)
    kept = {file for one in _storlets(client) if one["name"] != name for file in one["dependencies"]}
    doomed = [("storlet", name), *(("dependency", file) for file in gone["dependencies"] if file not in kept)]
    for container, file in doomed:
        try:
            with explained(f"{container}/{file}"):
                client.connection.delete_object(container, file)
        except NotFoundError:
            continue  # it was gone already
        click.echo(f"removed {container}/{file}")


def _client(given: dict[str, str], account: str | None) -> SwiftClient:
    from spark_storlets.datasource.login import login_of

    client = login_of(given).client()
    if account is not None:
        client.turn_to(account)
    return client


def _storlets(client: SwiftClient) -> Iterator[dict[str, Any]]:
    from spark_storlets.datasource.client import explained

    with explained("the container 'storlet': `spark-storlets deploy` makes it. It"):
        _, listing = client.connection.get_container("storlet", full_listing=True)
    for entry in listing:
        yield _storlet(client, entry["name"])


def _storlet(client: SwiftClient, name: str) -> dict[str, Any]:
    from spark_storlets.datasource.client import explained
    from spark_storlets.datasource.deploy import DIGEST, STORLETS, VERSION

    with explained(f"storlet/{name}"):
        headers: dict[str, str] = client.connection.head_object("storlet", name)
    ours = next((one for one in STORLETS if one.name == name), None)
    return {
        "name": name,
        "main": headers.get(f"{_META}main", ""),
        "language": headers.get(f"{_META}language", ""),
        "dependencies": [part for part in re.split(r"\s*,\s*", headers.get(f"{_META}dependency", "")) if part],
        "bytes": int(headers["content-length"]),
        "uploaded": parsedate_to_datetime(headers["last-modified"]).isoformat(),
        "version": headers.get(VERSION, ""),
        "of_this_release": None if ours is None else headers.get(DIGEST) == ours.digest,
    }
