"""Random files read by the kernel and by Spark: the answers must be equal, row by row.

KERNEL_FUZZ_FILES sets how many files, KERNEL_FUZZ_SEED where they start. A failure names the file's seed.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from csv_kernel import KernelError
from pyspark.sql import SparkSession
from random_files import generated
from reading import BOM, File, rows, same

FILES = int(os.environ.get("KERNEL_FUZZ_FILES", "150"))
SEED = int(os.environ.get("KERNEL_FUZZ_SEED", "0"))


def sparks_answer(spark: SparkSession, file: File, path: str) -> list[tuple[object, ...]]:
    """Spark's rows, dates in days."""
    names = [f"c{column}" for column in range(len(file.types))]
    schema = ", ".join(f"{name} {kind}" for name, kind in zip(names, file.types, strict=True))
    frame = spark.read.schema(schema).csv(path, sep=file.sep, header=file.header)
    if not file.required:
        return [()] * frame.count()
    wanted = [
        f"unix_date({names[column]})" if file.types[column] == "date" else names[column] for column in file.required
    ]
    return [tuple(row) for row in frame.selectExpr(*wanted).collect()]


@pytest.mark.parametrize("batch", range(0, FILES, 50))
def test_random_files(spark: SparkSession, library: str, tmp_path: Path, batch: int) -> None:
    wrong = []
    for seed in range(SEED + batch, SEED + min(batch + 50, FILES)):
        file = generated(seed)
        path = tmp_path / f"{seed}.csv"
        path.write_bytes(file.data)
        expected, found = sparks_answer(spark, file, str(path)), rows(library, file)
        if not same(expected, found):
            differing = [pair for pair in zip(expected, found, strict=False) if not same(*pair)]
            wrong.append(f"seed {seed}: {len(expected)} / {len(found)} rows, Spark's and ours: {differing[:3]} {file}")
    assert not wrong, "\n".join(wrong)


def assert_same(spark: SparkSession, library: str, tmp_path: Path, file: File) -> list[tuple[object, ...]]:
    path = tmp_path / "file.csv"
    path.write_bytes(file.data)
    expected = sparks_answer(spark, file, str(path))
    assert same(rows(library, file), expected)
    return expected


def test_the_first_record_is_read_unselected(spark: SparkSession, library: str, tmp_path: Path) -> None:
    """Spark's tokenizer learns which columns are selected only after its first line, the header if there is one.

    So the shortcut over unselected quoted fields, which here swallows two fields, is not taken in that line.
    """
    line = b'"a\\\\",b",c\n'
    types = ("string", "string", "string")
    assert assert_same(spark, library, tmp_path, File(line * 3, types, (1,))) == [('b"',), ("c",), ("c",)]
    headed = File(b"x,y,z\n" + line * 2, types, (1,), header=True)
    assert assert_same(spark, library, tmp_path, headed) == [("c",), ("c",)]


@pytest.mark.parametrize("text", [b"1,2", b'"x,y",2', b"", b" ", b",5", b'"'])
@pytest.mark.parametrize("header", [False, True])
def test_a_second_byte_order_mark(spark: SparkSession, library: str, tmp_path: Path, text: bytes, header: bool) -> None:
    """The file's own mark goes with the file; one more at the start of the first tokenized line goes as well.

    If that leaves nothing of the line, its token is a NUL from the tokenizer's empty buffer.
    """
    for required in ((0, 1), (1,), (0,)):
        data = (b"h\n" if header else BOM) + BOM + text + b"\n" + BOM + b"3,4\n"
        assert_same(spark, library, tmp_path, File(data, ("string", "string"), required, header=header))


def test_rule_e_goes_by_characters(spark: SparkSession, library: str, tmp_path: Path) -> None:
    """Found by fuzzing: after a closed quote and a blank, the character that counts may be several bytes long."""
    ends = ['é"b', "é", '\u20ac"', '\ufeff"x', '\U0001d7d9"', 'éé"b', '"', '""', 'b"c']
    broken = [b'\xff"b', b'\xe2\x82"b', b'\xe0\x80"b', b'\xed\xa0\x80"', b'\xf0\x9f\x98"b']
    data = b"".join(b'"" ' + end + b"\n" for end in [*(end.encode() for end in ends), *broken])
    assert len(assert_same(spark, library, tmp_path, File(data, ("string",), (0,)))) == len(ends) + len(broken)


def test_malformed_bytes_do_not_meet(spark: SparkSession, library: str, tmp_path: Path) -> None:
    """Found by fuzzing: bytes on both sides of a swallowed separator or escape are malformed each on its own."""
    lines = [b'"a"\\\xf0,\xa0,b', b'"a"\\\xf0\\\xa0,b', b'"a"\\\xc3,\xa9']
    lines += [b'"a"\\\xc3\\\xa9"\\\xe2,\x82,\xac', b'"\xc3"\xa9"']
    file = File(b"\n".join(lines), ("string", "string"), (0, 1))
    assert len(assert_same(spark, library, tmp_path, file)) == len(lines)


@pytest.mark.parametrize("pad", ["x", "é", "\U0001d7d9"])
def test_the_edges_of_spark_tokenizers_buffer(spark: SparkSession, library: str, tmp_path: Path, pad: str) -> None:
    """The shortcut over unselected quoted fields does not reach across 2^20 chars of a line."""
    units = len(pad.encode("utf-16-le")) // 2
    lines = ["1,2,3,4\n"]
    for shift in range(-14, 4):
        chars = (1 << 20) + shift
        lines.append(pad * (chars // units) + "x" * (chars % units) + ',"a\\\\",b",c\n')
    file = File("".join(lines).encode(), ("string",) * 4, (2,))
    assert len(set(assert_same(spark, library, tmp_path, file))) > 2


def test_too_many_tokens(spark: SparkSession, library: str, tmp_path: Path) -> None:
    """20480 tokens are allowed, one more is an error, wherever it is; but not when no column is required [1.22]."""
    for record in (b"," * 20479, b'"a",' * 20479):
        assert_same(spark, library, tmp_path, File(b"1,2\n" + record, ("int", "int"), (1,)))
    too_long = File(b"1,2\n" + b"," * 20480, ("int", "int"), (1,))
    with pytest.raises(KernelError, match="maxColumns"):
        rows(library, too_long)
    with pytest.raises(Exception, match="FAILED_READ_FILE"):
        assert_same(spark, library, tmp_path, too_long)
    assert len(assert_same(spark, library, tmp_path, replace(too_long, required=()))) == 2
