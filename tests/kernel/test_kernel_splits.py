"""The same records and columns come out, however a file is cut into blocks and splits."""

import itertools
import random
from pathlib import Path

import pytest
from csv_kernel import Kernel
from random_files import generated
from reading import File, rows

REALISTIC = File(
    data=b"id,name,price,day\r\n"
    + b"".join(
        f'{n},"Miller, {n} ""x""",{n / 7},2020-01-{n % 28 + 1:02}\r\n'.encode() + b"\r\n" * (n % 9 == 0)
        for n in range(60)
    ),
    types=("int", "string", "double", "date"),
    required=(0, 1, 2, 3),
    header=True,
)


def soup(seed: int) -> File:
    """Bytes that matter to the tokenizer, in any order."""
    alphabet = [b'"', b"\\", b",", b"\n", b"\r", b"\r\n", b" ", b"a", b"\xc3\xa9", b"\xff", b"\x00", b"1"]
    random_ = random.Random(seed)
    data = b"".join(random_.choices(alphabet, k=random_.randint(1, 120)))
    required = tuple(random_.sample(range(3), random_.randint(0, 3)))
    return File(data, ("string", "int", "string"), required)


@pytest.mark.parametrize("seed", range(60))
def test_soup_in_blocks_of_every_size(library: str, seed: int) -> None:
    file = soup(seed)
    whole = rows(library, file)
    for block in range(1, len(file.data) + 1):
        assert rows(library, file, block) == whole, block


@pytest.mark.parametrize("seed", range(40))
def test_generated_files_in_blocks(library: str, seed: int) -> None:
    file = generated(seed)
    whole = rows(library, file)
    for block in (1, 2, 3, 7, 16, 61, 256, 4096):
        assert repr(rows(library, file, block)) == repr(whole), block


def test_realistic_file_in_blocks_of_every_size(library: str) -> None:
    whole = rows(library, REALISTIC)
    assert len(whole) == 60
    assert whole[1][:2] == (1, '"Miller, 1 ""x"""')
    for block in range(1, 700):
        assert rows(library, REALISTIC, block) == whole, block


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_record_belongs_to_the_split_of_its_first_byte(library: str, end: bytes) -> None:
    """Every record comes out of exactly one split: a split begins behind the first line end from the byte before it."""
    data = end.join(b"%d,%s" % (n, b"x" * (n % 5)) for n in range(40)) + end
    whole = [(n,) for n in range(40)]
    for cuts in itertools.combinations(range(0, len(data), 7), 2):
        bounds = list(itertools.pairwise([0, *cuts, len(data)]))
        assert [row for split in bounds for row in split_rows(library, data, *split)] == whole


def split_rows(library: str, data: bytes, start: int, end: int) -> list[tuple[object, ...]]:
    at = start
    while 0 < at < len(data) and data[at - 1] not in b"\r\n":
        at += 1
    with Kernel({}, columns=2, required=[0], library=library) as kernel:
        kernel.scan(data, at, len(data), limit=max(0, end - at), last=True)
        return [(value,) for value in kernel.column(0, "int").to_pylist()]


def test_the_end_of_the_buffer_is_not_the_end_of_the_object(library: str) -> None:
    with Kernel({}, columns=1, required=[0], library=library) as kernel:
        data = b"ab\n \ncd"
        assert kernel.scan(data, 0, 7, limit=7, last=False) == (1, 5)
        assert kernel.scan(data, 0, 7, limit=7, last=True) == (2, 7)
        assert kernel.scan(data, 0, 4, limit=4, last=False) == (1, 3)
        assert kernel.scan(data, 0, 4, limit=4, last=True) == (1, 4)
        assert kernel.scan(data, 5, 5, limit=0, last=True) == (0, 0)


def test_a_record_larger_than_spark_tokenizers_buffer(library: str, tmp_path: Path) -> None:
    big = b"x" * (3 << 20)
    file = File(b"1," + big + b',"' + big + b'"\n2,a,b\n', ("int", "string", "string"), (0, 2))
    assert rows(library, file, 1 << 20) == [(1, big.decode()), (2, "b")]
