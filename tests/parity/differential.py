"""One read done by Spark and by us, what the two answers say of each file, and the smallest read that still differs."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from filters import conditions
from made_reads import Read
from pyspark.sql import SparkSession
from recorded import recorded, schema_text
from store_reading import Reader

from spark_storlets.errors import StorletError, UnsupportedError

FILE = "file_name"
JSON_TYPES = {"int": "integer", "bigint": "long", "tinyint": "byte", "smallint": "short"}
#: Failures that no one foresaw are never right, even where Spark fails, too.
CRASH = re.compile(r"please report this|\b[A-Z]\w+(Error|Exception): ")


@dataclass(frozen=True)
class Failed:
    """No answer: why, and whether it was refused by name."""

    message: str
    refused: bool = False


@dataclass(frozen=True)
class Answer:
    """Rows of one file, and the schema found if none was given."""

    rows: pa.Table
    schema: str | None = None


Outcome = Answer | Failed
Json = dict[str, Any]


def write(read: Read, folder: Path) -> None:
    """Put the files of a read into an empty folder."""
    folder.mkdir(parents=True)
    for name, data in read.files.items():
        (folder / name).write_bytes(data)


# ---- Spark


def sparks(spark: SparkSession, read: Read, folder: Path) -> dict[str, Outcome]:
    """Spark's outcome for each file; what has no schema is one read of all files, and an outcome of all."""
    with confs(spark, read.conf):
        try:
            return _split(read, *_spark_table(spark, read, str(folder)))
        except Exception as error:
            if read.schema is None or len(read.files) == 1:
                return dict.fromkeys(_keys(read), Failed(_reason(error)))
        found: dict[str, Outcome] = {}
        for name in read.files:
            one = replace(read, files={name: read.files[name]})
            try:
                found |= _split(one, *_spark_table(spark, one, str(folder / name)))
            except Exception as error:
                found[name] = Failed(_reason(error))
        return found


def _spark_table(spark: SparkSession, read: Read, path: str) -> tuple[pa.Table, str | None]:
    reader = spark.read.options(**read.options)
    if read.schema is not None:
        reader = reader.schema(ddl_of(read.schema))
    frame = reader.csv(path)
    found = schema_text(json.loads(frame.schema.json())) if read.schema is None else None
    for condition in read.where:
        frame = frame.where(condition)
    columns = frame.columns if read.select is None else read.select
    names = [f"`{name.replace('`', '``')}`" for name in columns]
    table = frame.selectExpr(*names, f"_metadata.file_name AS {FILE}").toArrow()
    return table, found


def _split(read: Read, table: pa.Table, schema: str | None) -> dict[str, Outcome]:
    files = table[table.num_columns - 1].combine_chunks()
    columns = table.select(range(table.num_columns - 1))
    # A table without columns forgets how many rows it has.
    made: dict[str, Outcome] = {}
    for key, names in _keys(read).items():
        rows = pc.indices_nonzero(pc.is_in(files, pa.array(names, pa.string())))
        part = columns.take(rows) if columns.num_columns else _rows(len(rows))
        order = pc.sort_indices(files.take(rows)) if len(names) > 1 else None
        made[key] = Answer(part if order is None or not columns.num_columns else part.take(order), schema)
    return made


def _keys(read: Read) -> dict[str, list[str]]:
    return {"all": list(read.files)} if read.schema is None else {name: [name] for name in read.files}


def _rows(count: int) -> pa.Table:
    return pa.table({"rows": pa.nulls(count)})


def _reason(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)()
    return str(condition or type(error).__name__)


@contextmanager
def confs(spark: SparkSession, conf: Mapping[str, str]) -> Iterator[None]:
    """The session with these confs."""
    before = {name: spark.conf.get(name, None) for name in conf}
    for name, value in conf.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            spark.conf.unset(name) if old is None else spark.conf.set(name, old)


# ---- ours


def ours(read: Read, folder: Path) -> dict[str, Outcome]:
    """Our outcome for each file, as `sparks`."""
    try:
        return _ours(read, folder, None)
    except StorletError as error:
        if read.schema is None or len(read.files) == 1:
            return dict.fromkeys(_keys(read), _failed(error))
    found: dict[str, Outcome] = {}
    for name in read.files:
        try:
            found |= _ours(read, folder, name)
        except StorletError as error:
            found[name] = _failed(error)
    return found


def _failed(error: StorletError) -> Failed:
    return Failed(str(error), isinstance(error, UnsupportedError))


def _ours(read: Read, folder: Path, only: str | None) -> dict[str, Outcome]:
    reader = Reader(folder, {**read.options, **read.splits}, read.conf, only)
    schema = reader.schema() if read.schema is None else schema_of(read.schema)
    found = schema_text(schema) if read.schema is None else None
    columns = [field["name"] for field in schema["fields"]] if read.select is None else list(read.select)
    if not schema["fields"]:
        return {"all": Answer(_rows(0), found)}
    tables = reader.read(schema, columns, conditions(" and ".join(read.where)))
    made: dict[str, Outcome] = {}
    for key, names in _keys(read).items():
        if only is not None and key != only:
            continue
        parts = [table for name in names for table in tables.get(name, [])]
        failures = [part for part in parts if isinstance(part, StorletError)]
        if failures:
            made[key] = _failed(failures[0])
        elif not columns:
            made[key] = Answer(_rows(sum(part.num_rows for part in parts)), found)
        elif parts:
            made[key] = Answer(pa.concat_tables(parts).select(columns), found)
        else:
            made[key] = Answer(_rows(0), found)
    return made


def schema_of(columns: Sequence[tuple[str, str]]) -> Json:
    """A schema in Spark's JSON."""
    fields = [{"name": n, "type": JSON_TYPES.get(kind, kind), "nullable": True, "metadata": {}} for n, kind in columns]
    return {"type": "struct", "fields": fields}


def ddl_of(columns: Sequence[tuple[str, str]]) -> str:
    """A schema as DDL. What `timestamp` means there is the session's affair, so it is not used."""
    return ", ".join(f"`{name}` {'timestamp_ltz' if kind == 'timestamp' else kind}" for name, kind in columns)


# ---- both


def verdict(spark: Outcome, our: Outcome) -> str:
    """`equal`, `refused`, or what differs."""
    if isinstance(our, Failed) and our.refused:
        return "refused"
    if isinstance(our, Failed) and CRASH.search(our.message):
        return f"we crash: {our.message}"
    if isinstance(spark, Failed) and isinstance(our, Failed):
        return "equal"
    if isinstance(spark, Failed):
        return f"Spark fails ({spark.message}), we answer"
    if isinstance(our, Failed):
        return f"Spark answers, we fail: {our.message}"
    if spark.schema != our.schema:
        return f"Spark finds {spark.schema}, we find {our.schema}"
    if spark.rows.num_rows != our.rows.num_rows:
        return f"Spark answers {spark.rows.num_rows} rows, we {our.rows.num_rows}"
    for place, name in enumerate(spark.rows.column_names if spark.rows.num_rows else []):
        theirs, mine = _bits(spark.rows.column(place)), _bits(our.rows.column(place))
        if not theirs.equals(mine):
            return f"the column {name} differs"
    return "equal"


def _bits(column: pa.ChunkedArray) -> pa.Array:
    """What is equal only if all of it is: NaN is NaN, and -0.0 is not 0.0."""
    array, kind = column.combine_chunks(), column.type
    if pa.types.is_floating(kind):
        array = pc.if_else(pc.is_nan(array), pa.scalar(float("nan"), kind), array)
        return array.view(pa.int32() if kind == pa.float32() else pa.int64())
    return array.view(pa.int64()) if pa.types.is_timestamp(kind) and kind.tz else array


def case_of(read: Read, spark: Outcome, name: str) -> Json:
    """A read of one file in the form of the recorded cases."""
    files = [[file, base64.b64encode(data).decode()] for file, data in read.files.items()]
    where = " and ".join(read.where)
    schema = None if read.schema is None else ddl_of(read.schema)
    case: Json = {"id": name, "options": dict(read.options), "schema": schema, "select": read.select}
    if len(files) > 1:
        case |= {"files": files}
    else:
        case |= {"bytes_b64": files[0][1]}
        if not files[0][0].endswith(".csv"):
            case["file_name"] = files[0][0]
    for key, value in (("where", where), ("conf", dict(read.conf)), ("splits", dict(read.splits))):
        if value:
            case[key] = value
    if isinstance(spark, Failed):
        return {**case, "expect": {"error": spark.message, "chain": [spark.message]}}
    if read.schema is None:
        case["expect_schema"] = spark.schema
    return {**case, "expect": {"count": spark.rows.num_rows} if read.select == [] else recorded(spark.rows)}


def shrunk(read: Read, differs: Callable[[Read], bool], tries: int = 120) -> Read:
    """A smaller read that differs still: without options, columns and bytes that do not matter."""

    def smaller(one: Read) -> Iterator[Read]:
        for part in ("options", "conf", "splits"):
            given = getattr(one, part)
            for name in given:
                yield replace(one, **{part: {n: v for n, v in given.items() if n != name}})
        for at in range(len(one.where)):
            yield replace(one, where=[*one.where[:at], *one.where[at + 1 :]])
        if len(one.files) > 1:
            for name in one.files:
                yield replace(one, files={n: data for n, data in one.files.items() if n != name})
        if one.schema is not None and one.select is not None and len(one.select) > 1:
            for name in one.select:
                yield replace(one, select=[n for n in one.select if n != name])
        for name, data in one.files.items():
            if name.endswith(".csv"):
                for shorter in _shorter(data):
                    yield replace(one, files={**one.files, name: shorter})

    left, found = tries, True
    while found and left > 0:
        found = False
        for candidate in smaller(read):
            left -= 1
            if differs(candidate):
                read, found = candidate, True
                break
            if left <= 0:
                break
    return read


def _shorter(data: bytes) -> Iterator[bytes]:
    size = len(data) // 2
    while size:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]
        size = size // 2 if size > 1 else 0


class Differential:
    """Compares reads, in a folder of its own.

    Args:
        spark: the session.
        folder: for the files.
    """

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark, self._folder, self._count = spark, folder, 0

    def outcomes(self, read: Read) -> dict[str, tuple[Outcome, Outcome]]:
        """Spark's outcome and ours, by file."""
        self._count += 1
        folder = self._folder / str(self._count)
        write(read, folder)
        theirs, mine = sparks(self._spark, read, folder), ours(read, folder)
        shutil.rmtree(folder)
        return {name: (theirs[name], mine[name]) for name in theirs}

    def differs(self, read: Read) -> bool:
        """Whether any file's outcomes differ."""
        return any(verdict(*pair) not in ("equal", "refused") for pair in self.outcomes(read).values())

    def blamed(self, read: Read, key: str) -> str:
        """The options without which a file would not be refused."""
        one = read if read.schema is None else replace(read, files={key: read.files[key]})
        guilty = []
        for part in ("options", "conf"):
            given = getattr(one, part)
            for name in given:
                rest = replace(one, **{part: {n: v for n, v in given.items() if n != name}})
                if not any(isinstance(found, Failed) and found.refused for found in self._ours(rest).values()):
                    guilty.append(f"{name}={given[name]!r}")
        return " with ".join(guilty) or "the files' content"

    def _ours(self, read: Read) -> dict[str, Outcome]:
        self._count += 1
        folder = self._folder / str(self._count)
        write(read, folder)
        found = ours(read, folder)
        shutil.rmtree(folder)
        return found

    def reproduction(self, read: Read, key: str) -> Json:
        """The smallest case that shows how a file's outcomes differ."""
        one = read if read.schema is None else replace(read, files={key: read.files[key]})
        if not self.differs(one):
            return {"id": f"seed-{read.seed}", "remark": f"differs only together with other files: {key}"}
        small = shrunk(one, self.differs)
        ((_, (theirs, mine)),) = self.outcomes(small).items()
        return {**case_of(small, theirs, f"seed-{read.seed}"), "remark": verdict(theirs, mine)}
