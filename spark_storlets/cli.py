"""The command `spark-storlets`.

A failure is one message on standard error and exit code 1; a wrong call is exit code 2, with a hint.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from spark_storlets.bench_command import bench
from spark_storlets.deploy_command import deploy
from spark_storlets.errors import StorletError
from spark_storlets.ls_command import ls
from spark_storlets.output import AS_JSON
from spark_storlets.plan_command import plan
from spark_storlets.resources import jar_path
from spark_storlets.run_command import run
from spark_storlets.sandbox.command import sandbox
from spark_storlets.sql_command import sql
from spark_storlets.store_options import store_options
from spark_storlets.storlet_commands import COMMANDS

_DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("~/.local/share/spark-storlets/devstack"),
    show_default=True,
    envvar="SPARK_STORLETS_DIRECTORY",
    help="Where the cluster lives; everything it writes goes below it.",
)


class _Group(click.Group):
    """Shows an error of ours as one message."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except StorletError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
@click.version_option(package_name="spark-storlets")
def main() -> None:
    """Spark SQL over objects in OpenStack Swift, with the work done inside the store."""


@main.command()
def jar() -> None:
    """Print the path of the connector's jar.

    Example: spark-submit --jars "$(spark-storlets jar)" job.py
    """
    click.echo(jar_path())


@main.command()
@AS_JSON
@store_options
def doctor(as_json: bool, given: dict[str, str]) -> None:
    """Try what a query needs, one thing after the other; exit code 1 at the first that fails, with what to do.

    Example: spark-storlets doctor --profile lake
    """
    from spark_storlets.datasource.login import login_of
    from spark_storlets.doctor import examine

    findings = examine(lambda: login_of(given).client(), given)
    if as_json:
        found = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps(found))
        sys.exit(1 if any(one["remedy"] for one in found) else 0)
    for finding in findings:
        click.echo(f"{'no ' if finding.remedy else 'yes'}  {finding.what}")
        if finding.remedy:
            click.echo(f"     {finding.remedy}")
            sys.exit(1)
    click.echo("A query will work.")


@main.group()
def devstack() -> None:
    """An OpenStack Swift cluster with the storlet engine, on this machine."""


@devstack.command()
@_DIRECTORY
@click.option("--port", type=click.IntRange(1024, 65531), help="The proxy's; the next four are used too. [8080]")
def up(directory: Path, port: int | None) -> None:
    """Start the cluster, or what of it does not run; print the login.

    Example: eval "$(spark-storlets devstack up | grep ^export)"
    """
    from spark_storlets.devstack import Devstack
    from spark_storlets.devstack.configuration import KEY, USER

    cluster = Devstack(directory, port)
    cluster.up(click.echo)
    click.echo(f"export ST_AUTH={cluster.auth_url} ST_USER={USER} ST_KEY={KEY}")


@devstack.command()
@_DIRECTORY
def down(directory: Path) -> None:
    """Stop the cluster; its data stays.

    Example: spark-storlets devstack down
    """
    from spark_storlets.devstack import Devstack

    click.echo("stopped" if Devstack(directory).down() else "was not running")


@devstack.command()
@_DIRECTORY
@AS_JSON
def status(directory: Path, as_json: bool) -> None:
    """Show every server; exit code 1 if one does not answer.

    Example: spark-storlets devstack status --json
    """
    from spark_storlets.devstack import Devstack

    states = Devstack(directory).status()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(state) for state in states]))
        sys.exit(0 if all(s.healthy for s in states) else 1)
    for state in states:
        word = "up" if state.healthy else "not answering" if state.pid else "down"
        click.echo(f"{state.name:<10} {state.address:<18} {word}" + (f" (pid {state.pid})" if state.pid else ""))
    sys.exit(0 if all(s.healthy for s in states) else 1)


@devstack.command()
@click.argument("server")
@_DIRECTORY
def logs(server: str, directory: Path) -> None:
    """Print the log of a server: proxy, object-1, …

    Example: spark-storlets devstack logs proxy | grep csv_storlet
    """
    from spark_storlets.devstack import Devstack

    click.echo(Devstack(directory).log_file(server).read_text(errors="replace"), nl=False)


for _command in (sql, run, ls, deploy, plan, sandbox, bench, *COMMANDS):
    main.add_command(_command)


if __name__ == "__main__":
    main()
