"""TPC-H data as CSV, from PyPI's tpchgen-cli, and the tables' schemas in the types that the CSV storlet makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCHEMAS = {
    "lineitem": "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int, l_quantity double, "
    "l_extendedprice double, l_discount double, l_tax double, l_returnflag string, l_linestatus string, "
    "l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct string, l_shipmode string, "
    "l_comment string",
    "orders": "o_orderkey bigint, o_custkey bigint, o_orderstatus string, o_totalprice double, o_orderdate date, "
    "o_orderpriority string, o_clerk string, o_shippriority int, o_comment string",
}


def generate(directory: Path, scale: float) -> dict[str, Path]:
    """Make the tables of SCHEMAS below a directory, unless they are there.

    Args:
        directory: where; one for each scale.
        scale: TPC-H's scale factor; 1 is about 1 GB in all tables.

    Returns:
        The file of each table.
    """
    files = {table: directory / f"{table}.csv" for table in SCHEMAS}
    if not all(file.exists() for file in files.values()):
        directory.mkdir(parents=True, exist_ok=True)
        tool = Path(sys.executable).parent / "tpchgen-cli"
        tables = ",".join(SCHEMAS)
        subprocess.run([tool, "csv", "-s", str(scale), f"--tables={tables}", f"--output-dir={directory}"], check=True)
    return files
