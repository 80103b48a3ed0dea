"""The command `spark-storlets`.

A failure is one message on standard error and exit code 1; a wrong call is exit code 2, with a hint.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from spark_storlets.errors import StorletError, error_from_spark
from spark_storlets.plan_command import plan
from spark_storlets.resources import jar_path
from spark_storlets.sandbox.command import sandbox
from spark_storlets.storlet_commands import COMMANDS

_DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("~/.local/share/spark-storlets/devstack"),
    show_default=True,
    envvar="SPARK_STORLETS_DIRECTORY",
    help="Where the cluster lives; everything it writes goes below it.",
)
_STORE = (
    click.option("--auth-url", help="Authentication URL [ST_AUTH, OS_AUTH_URL]."),
    click.option("--user", help="account:user, or Keystone's user [ST_USER, OS_USERNAME]."),
    click.option("--key", help="The user's key [ST_KEY, OS_PASSWORD]; better not on the command line."),
)
_OPTION = click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="A reader option, for example header=true."
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
    """Spark SQL over CSV in OpenStack Swift, with WHERE and SELECT done inside the store."""


@main.command()
def jar() -> None:
    """Print the path of the connector's jar, for spark-submit --jars."""
    click.echo(jar_path())


@main.command()
@_STORE[0]
@_STORE[1]
@_STORE[2]
@_OPTION
def deploy(auth_url: str | None, user: str | None, key: str | None, options: tuple[str, ...]) -> None:
    """Upload the storlets to an account and enable it for them."""
    from spark_storlets.datasource.deploy import deploy as upload
    from spark_storlets.datasource.login import login_of

    given = _given(auth_url, user, key, options)
    for name in upload(login_of(given).client()):
        click.echo(f"uploaded {name}")


@main.command()
@click.argument("query")
@click.option("--path", required=True, multiple=True, help="swift://container/object, the table `data`.")
@click.option("--schema", help="Columns and types, as in DDL; else all columns are strings.")
@_OPTION
@_STORE[0]
@_STORE[1]
@_STORE[2]
def sql(
    query: str,
    path: tuple[str, ...],
    schema: str | None,
    options: tuple[str, ...],
    auth_url: str | None,
    user: str | None,
    key: str | None,
) -> None:
    """Run a query on CSV objects, as the table `data`, in a local Spark.

    Example: spark-storlets sql "SELECT city FROM data WHERE vid < 10" --path swift://demo/meters.csv -o header=true
    """
    import logging

    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    from spark_storlets.session import answer, configure

    given = _given(auth_url, user, key, options)
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # PySpark logs each error it raises
    builder = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
    spark = configure(
        builder.config("spark.log.level", "OFF").config("spark.ui.showConsoleProgress", "false")
    ).getOrCreate()
    try:
        reader = spark.read.format("storlets").options(**given)
        (reader.schema(schema) if schema else reader).load(list(path)).createOrReplaceTempView("data")
        frame = spark.sql(query)
        found = answer(frame)
        click.echo("\t".join(frame.columns))
        for row in found.rows:
            click.echo("\t".join("NULL" if v is None else str(v) for v in row))
        for scan in found.scans:
            click.echo(
                f"{scan.bytes_scanned} bytes scanned, {scan.bytes_received} received: {scan.description}", err=True
            )
    except PySparkException as error:
        ours = error_from_spark(error)
        raise ours or click.ClickException(str(error).split("\n\nJVM stacktrace")[0].strip()) from error
    except Exception as error:
        ours = error_from_spark(error)
        if ours is None:
            raise
        raise ours from error
    finally:
        spark.stop()


@main.command()
@_STORE[0]
@_STORE[1]
@_STORE[2]
@_OPTION
def doctor(auth_url: str | None, user: str | None, key: str | None, options: tuple[str, ...]) -> None:
    """Try what a query needs, one thing after the other; exit code 1 at the first that fails, with what to do."""
    from spark_storlets.datasource.login import login_of
    from spark_storlets.doctor import examine

    given = _given(auth_url, user, key, options)
    for finding in examine(login_of(given).client, given):
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
    """Start the cluster, or what of it does not run."""
    from spark_storlets.devstack import Devstack
    from spark_storlets.devstack.configuration import KEY, USER

    cluster = Devstack(directory, port)
    cluster.up(click.echo)
    click.echo(f"export ST_AUTH={cluster.auth_url} ST_USER={USER} ST_KEY={KEY}")


@devstack.command()
@_DIRECTORY
def down(directory: Path) -> None:
    """Stop the cluster; its data stays."""
    from spark_storlets.devstack import Devstack

    click.echo("stopped" if Devstack(directory).down() else "was not running")


@devstack.command()
@_DIRECTORY
def status(directory: Path) -> None:
    """Show every server; exit code 1 if one does not answer."""
    from spark_storlets.devstack import Devstack

    states = Devstack(directory).status()
    for state in states:
        word = "up" if state.healthy else "not answering" if state.pid else "down"
        click.echo(f"{state.name:<10} {state.address:<18} {word}" + (f" (pid {state.pid})" if state.pid else ""))
    sys.exit(0 if all(s.healthy for s in states) else 1)


@devstack.command()
@click.argument("server")
@_DIRECTORY
def logs(server: str, directory: Path) -> None:
    """Print the log of a server: proxy, object-1, …"""
    from spark_storlets.devstack import Devstack

    click.echo(Devstack(directory).log_file(server).read_text(errors="replace"), nl=False)


for _command in (plan, sandbox, *COMMANDS):
    main.add_command(_command)


def _given(auth_url: str | None, user: str | None, key: str | None, options: tuple[str, ...]) -> dict[str, str]:
    """Give the reader options that were given; what is missing comes from the environment."""
    flags = {"authUrl": auth_url, "user": user, "key": key}
    given = {name: value for name, value in flags.items() if value is not None}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise click.UsageError(f"--option {name}: write NAME=VALUE.")
        given[name] = value
    return given


if __name__ == "__main__":
    main()
