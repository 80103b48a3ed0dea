"""How fast the CSV storlet finds and converts records: beside pyarrow, polars, duckdb and `wc -l`, on one core.

    python -m benchmarks.kernel [--rounds 5]

Writes build/bench/kernel.json:

================== ====================================================================================================
Key                Meaning
================== ====================================================================================================
filter_vs_pyarrow  Three columns of the rows of one day (1 in 2,400): pyarrow's time divided by the storlet's
filter_mb_per_s    Megabytes of CSV a second that the storlet reads for it
q6_vs_pyarrow      The columns and the predicate of TPC-H's query 6 (1 row in 50)
scan_vs_pyarrow    All 16 columns of all rows
quoted_vs_pyarrow  As filter, in a file of which every field is quoted
vs_polars          As filter, polars' time divided by the storlet's
vs_duckdb          As filter, duckdb's
vs_wc              As filter, that of `wc -l`
================== ====================================================================================================

The table is lineitem of TPC-H at scale 1, in the page cache. What is measured of the storlet is all but HTTP and the
encoding of its answer. Times are a process's CPU seconds, user and system, without its start: with one thread on one
core that is the time it takes when nothing else runs. Each is that of a process of its own, and the contenders take
turns. All have one thread and are pinned to one core, and of three attempts in a process the best counts; pyarrow,
which is read block by block and filtered, has another block size in each. All must find the same rows. To pyarrow an
empty field is null and nothing else is, as to Spark; its own list of texts for null would cost it a tenth more.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks.report import BUILD, report
from samples.tpch import SCHEMAS, generate

ROOT = Path(__file__).resolve().parent.parent
ARROW_BLOCKS = (1 << 20, 1 << 21, 1 << 22)

#: The table's columns. Money is decimal(15,2) in TPC-H.
TYPES = dict(c.replace("double", "decimal(15,2)").split() for c in SCHEMAS["lineitem"].split(", "))


class Query(NamedTuple):
    """Columns, and comparisons that must all be true."""

    columns: list[str]
    where: list[tuple[str, str, Any]]


DAY = Query(["l_orderkey", "l_extendedprice", "l_shipdate"], [("l_shipdate", "=", datetime.date(1995, 3, 15))])
QUERIES = {
    "filter": DAY,
    "quoted": DAY,
    "q6": Query(
        ["l_extendedprice", "l_discount"],
        [
            ("l_shipdate", ">=", datetime.date(1994, 1, 1)),
            ("l_shipdate", "<", datetime.date(1995, 1, 1)),
            ("l_discount", ">=", Decimal("0.05")),
            ("l_discount", "<=", Decimal("0.07")),
            ("l_quantity", "<", Decimal("24.00")),
        ],
    ),
    "scan": Query(list(TYPES), []),
}


class Answer(NamedTuple):
    """What a query took, and found: the number of its rows, and the sum of the first column of numbers."""

    seconds: float
    rows: int
    sum: str


def main(rounds: int) -> None:
    """Measure, print and write."""
    plain = generate(BUILD / "data" / "tpch-1", 1)["lineitem"]
    files = {"filter": plain, "q6": plain, "scan": plain, "quoted": quoted(plain)}
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for query, file in files.items():
            times: dict[str, float] = {}
            answers = set()
            for name in ("storlet", "pyarrow", *(("polars", "duckdb") if query == "filter" else ())):
                seconds, *answer = run(name, query, file)
                times[name] = seconds
                answers.add(tuple(answer))
            if len(answers) != 1:
                raise RuntimeError(f"{query}: the contenders find {answers}")
            found.setdefault(f"{query}_vs_pyarrow", []).append(times["pyarrow"] / times["storlet"])
            if query == "filter":
                found.setdefault("filter_mb_per_s", []).append(file.stat().st_size / 1e6 / times["storlet"])
                for name, peer in {**times, "wc": lines(file)}.items():
                    if name not in ("storlet", "pyarrow"):
                        found.setdefault(f"vs_{name}", []).append(peer / times["storlet"])
    sizes = {f"{query}_bytes": file.stat().st_size for query, file in files.items()}
    report("kernel", found, {"rounds": rounds, **sizes}, ["pyarrow", "polars", "duckdb"])


def quoted(plain: Path) -> Path:
    """Make the file with every field quoted, unless it is there."""
    file = plain.with_name("quoted.csv")
    if not file.exists():
        made = file.with_suffix(".tmp")
        texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(TYPES, pa.string()))
        options = pyarrow.csv.WriteOptions(quoting_style="all_valid")
        with (
            pyarrow.csv.open_csv(plain, convert_options=texts) as reader,
            pyarrow.csv.CSVWriter(made, reader.schema, write_options=options) as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)
        made.rename(file)
    return file


def run(name: str, query: str, file: Path) -> Answer:
    """Run a contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.kernel", "--contender", name, query, str(file)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    printed = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return Answer(*json.loads(printed))


def lines(file: Path) -> float:
    """Return the CPU seconds of `wc -l`."""
    process = subprocess.Popen(["wc", "-l", file], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


def contender(name: str, query: str, file: str) -> None:
    """Be the process of a contender."""
    sys.path.insert(0, str(ROOT / "storlets"))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    best: Answer | None = None
    for attempt in CONTENDERS[name](QUERIES[query], file):
        begin = time.process_time()
        rows, total = attempt()
        answer = Answer(time.process_time() - begin, rows, f"{total:f}" if isinstance(total, Decimal) else str(total))
        best = min(best or answer, answer)
    print(json.dumps(best))


Attempt = Callable[[], tuple[int, Any]]


def storlet(query: Query, file: str) -> Iterator[Attempt]:
    """Scan as the storlet does."""
    from csv_storlet import Scan
    from storlet_source import FileSource

    epoch = datetime.date(1970, 1, 1)
    tree: dict[str, Any] | None = None
    for column, operator, value in query.where:
        literal = (value - epoch).days if isinstance(value, datetime.date) else str(value)
        args = [{"col": column}, {"lit": literal, "type": TYPES[column]}]
        compared = {"op": operator, "args": args, "type": "boolean"}
        tree = {"op": "and", "args": [tree, compared], "type": "boolean"} if tree else compared
    request = {
        "csv": {}, "header": True, "data_start": None, "aligned": False, "start": 0, "end": None, "names": None,
        "schema": list(TYPES.items()), "columns": query.columns, "predicate": tree, "early": [], "mode": "PERMISSIVE",
        "corrupt_record": None, "fold_case": True,
    }  # fmt: skip

    def attempt() -> tuple[int, Any]:
        with open(file, "rb", buffering=0) as data:
            source = FileSource(data.fileno(), os.fstat(data.fileno()).st_size)
            return summed(query, (batch for _, batch in Scan(request).batches(source)))

    yield from [attempt] * len(ARROW_BLOCKS)


def summed(query: Query, batches: Iterator[pa.RecordBatch]) -> tuple[int, Any]:
    """Keep what is selected, as an answer does; of all rows only their number."""
    if not query.where:
        return sum(batch.num_rows for batch in batches), 0
    table = pa.Table.from_batches(batches)
    return table.num_rows, pc.sum(table["l_extendedprice"]).as_py()


def arrow(query: Query, file: str) -> Iterator[Attempt]:
    """Read with pyarrow, only the columns that are needed."""
    from csv_kernel import arrow_type

    needed = list(dict.fromkeys([*query.columns, *(column for column, _, _ in query.where)]))
    types = {name: arrow_type(TYPES[name]) for name in needed}
    convert = pyarrow.csv.ConvertOptions(
        include_columns=needed, column_types=types, null_values=[""], strings_can_be_null=True
    )
    operators = {"=": pc.equal, "<": pc.less, "<=": pc.less_equal, ">=": pc.greater_equal}

    def filtered(batch: pa.RecordBatch) -> pa.RecordBatch:
        masks = [operators[op](batch[column], pa.scalar(value, types[column])) for column, op, value in query.where]
        for mask in masks[1:]:
            masks[0] = pc.and_(masks[0], mask)
        return (batch.filter(masks[0]) if masks else batch).select(query.columns)

    def attempt(block: int) -> tuple[int, Any]:
        read = pyarrow.csv.ReadOptions(use_threads=False, block_size=block)
        with pyarrow.csv.open_csv(file, read_options=read, convert_options=convert) as reader:
            return summed(query, (filtered(batch) for batch in reader))

    for block in ARROW_BLOCKS:
        yield lambda block=block: attempt(block)  # type: ignore[misc]


def polars(query: Query, file: str) -> Iterator[Attempt]:
    """Read with polars, lazily."""
    import polars as pl

    kinds = {
        "bigint": pl.Int64,
        "int": pl.Int32,
        "decimal(15,2)": pl.Decimal(15, 2),
        "string": pl.String,
        "date": pl.Date,
    }
    schema = pl.Schema({name: kinds[kind] for name, kind in TYPES.items()})
    ((column, _, day),) = query.where

    def attempt() -> tuple[int, Any]:
        rows = pl.scan_csv(file, schema=schema).filter(pl.col(column) == day).select(query.columns).collect()
        return rows.height, rows["l_extendedprice"].sum()

    yield from [attempt] * len(ARROW_BLOCKS)


def duckdb(query: Query, file: str) -> Iterator[Attempt]:
    """Read with duckdb."""
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    columns = ", ".join(f"'{name}': '{'varchar' if kind == 'string' else kind}'" for name, kind in TYPES.items())
    ((column, _, day),) = query.where
    table = f"read_csv('{file}', header=true, auto_detect=false, columns={{{columns}}})"
    sql = f"SELECT {', '.join(query.columns)} FROM {table} WHERE {column} = DATE '{day}'"

    def attempt() -> tuple[int, Any]:
        rows = base.sql(sql).to_arrow_table()
        return rows.num_rows, pc.sum(rows["l_extendedprice"]).as_py()

    yield from [attempt] * len(ARROW_BLOCKS)


CONTENDERS = {"storlet": storlet, "pyarrow": arrow, "polars": polars, "duckdb": duckdb}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.contender:
        contender(*given.contender)
    else:
        main(given.rounds)
