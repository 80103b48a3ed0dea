"""The commands ``spark-storlets sandbox``: make this node fit to run storlets, say whether it is, and how it does."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spark_storlets.output import AS_JSON

if TYPE_CHECKING:
    from spark_storlets.sandbox.check import Finding

__all__ = ["sandbox"]

_DOCKER_URL = click.option(
    "--docker-url",
    default="unix:///var/run/docker.sock",
    show_default=True,
    envvar="DOCKER_HOST",
    help="The Docker daemon on this node.",
)
_IMAGE = click.option("--image", default="spark-storlets-sandbox:latest", show_default=True, help="The image's name.")
_HOST_ROOT = click.option(
    "--host-root",
    type=click.Path(path_type=Path),
    default=Path("/var/lib/storlets"),
    show_default=True,
    help="The gateway's option of this name.",
)


@click.group()
def sandbox() -> None:
    """What storlets run in on a storage node."""


@sandbox.command()
@_DOCKER_URL
@_IMAGE
@click.option(
    "--base",
    default="debootstrap",
    show_default=True,
    help="An image with Python 3.11 and util-linux to build on, such as python:3.11-slim-bookworm; or debootstrap: "
    "make a Debian here, as root, without any hub.",
)
def build(docker_url: str, image: str, base: str) -> None:
    """Build the image for the Docker sandbox, and print its digest.

    Example: spark-storlets sandbox build --base python:3.11-slim-bookworm
    """
    from spark_storlets.sandbox.image import build as build_image

    digest = build_image(docker_url, base, image, lambda text: click.echo(text, err=True))
    click.echo(digest)


@sandbox.command()
@_DOCKER_URL
@_IMAGE
@_HOST_ROOT
@click.option("--only", type=click.Choice(["docker", "bubblewrap"]), help="Look at this sandbox alone.")
@AS_JSON
def check(docker_url: str, image: str, host_root: Path, only: str | None, as_json: bool) -> None:
    """Say whether this user can run storlets on this node, and what to install; exit code 1 if in neither sandbox.

    Run it as the user that Swift's servers run as.

    Example: spark-storlets sandbox check --only bubblewrap
    """
    from spark_storlets.sandbox.check import check_bubblewrap, check_docker

    warnings.filterwarnings("ignore", "\nEventlet is deprecated")
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "docker": lambda: check_docker(docker_url, image, host_root),
        "bubblewrap": lambda: check_bubblewrap(host_root),
    }
    if only is not None:
        checks = {only: checks[only]}
    if as_json:
        found = {name: [asdict(finding) for finding in findings()] for name, findings in checks.items()}
        click.echo(json.dumps(found))
        sys.exit(0 if any(not any(one["remedy"] for one in findings) for findings in found.values()) else 1)
    able = []
    for name, findings in checks.items():
        click.echo(f"{name}:")
        if _show(findings()):
            able.append(name)
    click.echo(f"This node can run storlets in {' and in '.join(able)}." if able else "This node cannot run storlets.")
    sys.exit(0 if able else 1)


def _show(findings: Iterator[Finding]) -> bool:
    """Print what was found, and return whether all is well."""
    well = True
    for finding in findings:
        click.echo(f"  {'no ' if finding.remedy else 'yes'}  {finding.what}")
        if finding.remedy:
            click.echo(f"       {finding.remedy}")
            well = False
    return well


@sandbox.command()
@_HOST_ROOT
@AS_JSON
def status(host_root: Path, as_json: bool) -> None:
    """Show what the Swift servers of this node have done with storlets since they started.

    Example: spark-storlets sandbox status --json
    """
    from spark_storlets.sandbox.status import statuses

    if as_json:
        click.echo(json.dumps([{"pid": pid, **vars(found)} for pid, found in statuses(host_root)]))
        return
    head = ("server", "calls", "failed", "left", "mean s", "wait s", "CPU s", "MB out", "workers", "idle", "waiting")
    click.echo("".join(f"{word:>9}" for word in head))
    for pid, found in statuses(host_root):
        calls = max(found.calls, 1)
        row = (
            *(str(number) for number in (pid, found.calls, found.failures.total(), found.gone)),
            *(f"{seconds:.3f}" for seconds in (found.seconds / calls, found.wait / calls, found.cpu)),
            f"{found.bytes / 1e6:.1f}",
            *(str(number) for number in (found.workers, found.idle, found.waiting)),
        )
        click.echo("".join(f"{word:>9}" for word in row))
        for kind, number in found.failures.most_common():
            click.echo(f"{'':>9}  failed as {kind}: {number}")
