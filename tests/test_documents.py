"""The documents that are made of code say what the code says."""

from __future__ import annotations

import os
from pathlib import Path

from spark_storlets.datasource.options import OPTIONS

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
