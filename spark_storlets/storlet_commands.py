"""The commands of `spark-storlets` for storlets of one's own: new, try, upload, pipe, put, wasm."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spark_storlets.output import bytes_shown
from spark_storlets.store_options import pairs, store_options

if TYPE_CHECKING:
    from spark_storlets.datasource.client import SwiftClient

__all__ = ["COMMANDS"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_PARAM = click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the storlet.")


@click.command()
@click.argument("directory", type=_DIRECTORY)
def new(directory: Path) -> None:
    """Make a storlet's project, with a test that needs no store.

    Example: spark-storlets new line_count
    """
    from spark_storlets.project import create

    for file in create(directory):
        click.echo(file)
    click.echo(f"Try it: python -m pytest {directory}; upload it: spark-storlets upload {directory}")


@click.command("try")
@click.argument("directory", type=_DIRECTORY)
@click.argument("file", type=_FILE)
@_PARAM
@click.option("--table/--plain", default=True, help="Is it a TableStorlet, or one that reads plain parameters?")
def try_(directory: Path, file: Path, params: tuple[str, ...], table: bool) -> None:
    """Run a project's storlet on a file of this machine.

    Example: spark-storlets try line_count /var/log/syslog --param text=error
    """
    from spark_storlets.project import run

    answer = run(directory, file.read_bytes(), pairs(params, "--param"), table=table, name=file.name)
    if table:
        for row in answer.rows():
            click.echo("\t".join("NULL" if value is None else str(value) for value in row.values()))
    else:
        sys.stdout.buffer.write(answer.output)


@click.command()
@click.argument("directory", type=_DIRECTORY)
@store_options
def upload(directory: Path, given: dict[str, str]) -> None:
    """Upload a project's storlet to an account.

    Example: spark-storlets upload line_count
    """
    from spark_storlets.project import Project

    project = Project.load(directory)
    with bytes_shown(f"uploading {project.name}", _size(project.files.values())) as sent:
        project.upload(_client(given), sent)
    click.echo(f"uploaded storlet/{project.name}")


@click.command()
@click.argument("program", type=_FILE)
@click.option("--name", help="Of the storlet. [the program's]")
@click.option("--with", "files", type=_FILE, multiple=True, help="A file that the program finds beside itself.")
@store_options
def pipe(program: Path, name: str | None, files: tuple[Path, ...], given: dict[str, str]) -> None:
    """Upload a program that gets objects on its standard input, as a storlet.

    Example: spark-storlets pipe build/samples/release/jsonl
    """
    from spark_storlets.datasource.deploy import deploy_program

    with bytes_shown(f"uploading {program.name}", _size([program, *files])) as sent:
        storlet = deploy_program(_client(given), name or program.stem, program, files, sent)
    click.echo(f"uploaded storlet/{storlet}")


@click.command()
@click.argument("file", type=_FILE)
@click.argument("path")
@click.option("--storlet", required=True, help="What works on it on its way, for example exif_metadata_storlet.py.")
@_PARAM
@store_options
def put(file: Path, path: str, storlet: str, params: tuple[str, ...], given: dict[str, str]) -> None:
    """Upload a file through a storlet: what is stored is the storlet's output.

    Example: spark-storlets put holiday.jpg swift://photos/ --storlet exif_metadata_storlet.py
    """
    from spark_storlets.datasource.upload import upload_through

    with bytes_shown(f"uploading {file.name}", file.stat().st_size) as sent:
        stored = upload_through(_client(given), file, path, storlet, pairs(params, "--param"), sent)
    click.echo(f"stored {stored}")


@click.command()
@click.argument("module", type=_FILE)
@click.option("--name", help="For the option wasm. [the file's]")
@store_options
def wasm(module: Path, name: str | None, given: dict[str, str]) -> None:
    """Upload a WebAssembly module (binary or WAT), whose functions make columns.

    Example: spark-storlets wasm samples/wasm/geo.wat
    """
    from spark_storlets.datasource.deploy import deploy_module

    with bytes_shown(f"uploading {module.name}", _size([module])) as sent:
        storlet = deploy_module(_client(given), name or module.stem, module, sent)
    click.echo(f"uploaded storlet/{storlet}")


COMMANDS = (new, try_, upload, pipe, put, wasm)


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _client(given: dict[str, str]) -> SwiftClient:
    from spark_storlets.datasource.login import login_of

    return login_of(given).client()
