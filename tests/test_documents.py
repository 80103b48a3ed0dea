"""The documents that are made of code say what the code says."""

from __future__ import annotations

import ast
import configparser
import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner
from spark_storlets.datasource.options import OPTIONS
from spark_storlets.devstack import configuration

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


#: The options of a storage node's configuration: whose, and the module of docker/sandbox/ that has their table.
NODE_OPTIONS = {
    "Of both gateways, in `[DEFAULT]` of `storlet_gateway.conf`:": "gateway",
    "Of Docker's gateway, there:": "docker",
    "Of bubblewrap's, there:": "bubblewrap",
    "Of the filter, in its own section:": "middleware",
}


def options_of(module: str) -> list[tuple[str, str, str]]:
    """Read the table Option, Default, Description in a module's docstring."""
    # Not by importing it: with eventlet in this process no Spark starts from it.
    docstring = ast.get_docstring(ast.parse((DOCS.parent / "docker" / "sandbox" / f"{module}.py").read_text())) or ""
    _, _, rows, *_ = re.split(r"^(?:=+ *)+$", docstring, flags=re.MULTILINE)
    columns = [*re.finditer(r"=+", re.search(r"^=+ +=+ +=+$", docstring, re.MULTILINE)[0])]
    ends = [columns[0].end(), columns[1].end(), None]
    found: list[tuple[str, str, str]] = []
    for line in filter(None, rows.splitlines()):
        name, default, text = (line[one.start() : end].strip() for one, end in zip(columns, ends, strict=True))
        if not name:
            name, default, before = found.pop()
            text = f"{before} {text}"
        found.append((name, default, text))
    return found


def test_the_options_of_storage_nodes_are_those_in_the_code() -> None:
    tables = "".join(
        f"{whose}\n\n| option | default | |\n| --- | --- | --- |\n"
        + "".join(f"| {name} | {default} | {text} |\n" for name, default, text in options_of(module))
        + "\n"
        for whose, module in NODE_OPTIONS.items()
    )
    file = DOCS / "sandbox.md"
    before, mark, rest = file.read_text(encoding="utf-8").partition(
        "<!-- options: written by tests/test_documents.py -->"
    )
    _, end, after = rest.partition("<!-- end of options -->")
    assert mark and end
    text = f"{before}{mark}\n\n{tables}{end}{after}"
    if os.environ.get("WRITE_DOCS"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "WRITE_DOCS=1 writes the tables in docs/sandbox.md anew"


def settings(page: str) -> configparser.RawConfigParser:
    """Read a page's blocks of configuration as the servers do: what stands behind a value belongs to it."""
    lines = re.findall(r"^    (.*)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    ours = [line for line in lines if re.match(r"\[[\w:-]+\]$|\w+ = | ", line)]
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string("\n".join(["[none]", *ours]))
    return parser


def test_configurations_in_the_documents_are_read_as_they_are_meant() -> None:
    known = {name: default for module in NODE_OPTIONS.values() for name, default, _ in options_of(module)}
    for page in ("operators.md", "sandbox.md"):
        parser = settings(page)
        given = {(section, name): value for section in parser.sections() for name, value in parser.items(section)}
        assert not {key: value for key, value in given.items() if "#" in value}
        assert parser["filter:storlet_handler"]["execution_server"] in ("object", "proxy")
        assert parser["filter:storlet_handler"]["storlet_gateway_module"] in (
            "spark_storlets_docker",
            "spark_storlets_bubblewrap",
        )
    operators = settings("operators.md")
    gateways = {name: value for name, value in operators.defaults().items() if name in known}
    assert {"host_root", "pool_size", "storlet_timeout", "storlet_max_time"} == set(gateways)
    assert all(value.isdecimal() == known[name].isdecimal() for name, value in gateways.items())


def test_the_pipeline_in_the_documents_is_the_one_that_is_tested(tmp_path: Path) -> None:
    text = (DOCS / "operators.md").read_text(encoding="utf-8")
    documented = re.search(r"pipeline = (catch_errors gatekeeper(?:.|\n)*?proxy-server)\n", text)
    layout = configuration.Layout(tmp_path, 8080, "bubblewrap", {}, token_seconds=60)
    tested = re.search(r"pipeline = (.*)", configuration._files(layout, "secret")["proxy.conf"])
    assert documented and tested and documented[1].split() == tested[1].split()


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
