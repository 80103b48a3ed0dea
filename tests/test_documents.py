"""The documents that are made of code say what the code says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner
from spark_storlets.datasource.options import OPTIONS

from spark_storlets.cli import main

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEAD = """# Options

Of a read: `spark.read.format("storlets").option(NAME, VALUE)`, or `OPTIONS (NAME 'VALUE')` in SQL. Names ignore upper and
lower case. Each can be set for a session as `spark.datasource.storlets.NAME`. What stands in brackets are environment
variables of the driver, which count where the option is not given. The options of `spark.read.csv` have their own
meaning and Spark's defaults: [CSV as Spark reads it](csv.md#options) lists them.

| option | meaning | default |
| --- | --- | --- |
"""


def test_the_page_of_options_is_the_table_in_the_code() -> None:
    rows = [f"| {one.name} | {one.help.replace('|', chr(92) + '|')} | {one.default or ''} |\n" for one in OPTIONS]
    text, file = HEAD + "".join(rows), DOCS / "options.md"
    if os.environ.get("WRITE_DOCS"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "WRITE_DOCS=1 writes docs/options.md anew"


def test_every_page_stands_in_the_sites_navigation() -> None:
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [page.name for page in DOCS.glob("*.md") if f": {page.name}\n" not in navigation]
    assert not missing, f"add them to nav in mkdocs.yml: {missing}"


def commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def test_the_help_of_every_command_has_an_example() -> None:
    missing = [name for name, command in commands(main, "spark-storlets") if name not in (command.help or "")]
    assert not missing


def test_shells_complete_the_command() -> None:
    for shell in ("bash", "zsh", "fish"):
        asked = {"_SPARK_STORLETS_COMPLETE": f"{shell}_source"}
        said = CliRunner().invoke(main, prog_name="spark-storlets", env=asked)
        assert "spark-storlets" in said.output and said.exit_code == 0
