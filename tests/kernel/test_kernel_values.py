"""Values of every type from their text, one table a rule, and the Python face's errors.

Rule numbers are those of docs/csv.md.
"""

import math
import zoneinfo
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from csv_kernel import Kernel, KernelError, Wanted, load, tokens
from reading import File, rows


def values(library: str, kind: str, texts: list[str | bytes]) -> list[object]:
    """The values of one column that holds `texts`, beside one that keeps blank texts from being blank lines."""
    fields = [text.encode() if isinstance(text, str) else text for text in texts]
    data = b"".join(b"|" + field + b"\n" for field in fields)
    return [row[0] for row in rows(library, File(data, ("string", kind), (1,), sep="|"))]


INTEGERS = {
    "0": 0, "-0": 0, "+1": 1, "0042": 42, "-17": -17, "\u0663": 3, "\uff11\u0662": 12, "\u0967\u0968": 12,
    "": None, " 1": None, "1 ": None, "1.0": None, "1e3": None, "0x1f": None, "1_000": None, "1,000": None, "1L": None,
    "+": None, "-": None, "--1": None, "\U0001d7d9": None, "\u00bd": None, "\u2460": None, "abc": None,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["int", "bigint"])
def test_integers(library: str, kind: str) -> None:
    """[5.2]"""
    assert values(library, kind, list(INTEGERS)) == list(INTEGERS.values())


def test_integer_ranges(library: str) -> None:
    """Out of range is null and never wraps [5.2]."""
    texts = ["2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775808", "0" * 30 + "5"]
    assert values(library, "int", texts) == [2147483647, None, -2147483648, None, None, 5]
    texts = ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9" * 400]
    assert values(library, "bigint", texts) == [2**63 - 1, None, -(2**63), None, None]


DOUBLES = {
    "1.5": 1.5, "1.": 1.0, ".5": 0.5, "1E+3": 1000.0, "-0": -0.0, " 1.5\t": 1.5, "1.5f": 1.5, "1.5D": 1.5,
    "0x1.8p1": 3.0,
    "0X.8P-1d": 0.25, "Infinity": math.inf, "-Infinity": -math.inf, "Inf": math.inf, "-Inf": -math.inf,
    "1e400": math.inf,
    "1e-400": 0.0, "9007199254740993": 9007199254740992.0, "2.4e-324": 0.0, "2.5e-324": 5e-324,
    "0." + "0" * 400 + "1e401": 1.0, "1" + "0" * 400 + "e-400": 1.0, "0x1.00000000000008p0": 1.0,
    "": None, " ": None, "nan": None, "+Inf": None, " Inf": None, "INF": None, "infinity": None, "1.5L": None,
    "0x1.8": None,
    "1,000.5": None, "1_0": None, "1e": None, ".": None, "1 5": None, "NaNd": None, "\u00a01": None, "\u0663": None,
}  # fmt: skip


def test_doubles(library: str) -> None:
    """[4.11] [5.3]"""
    assert repr(values(library, "double", list(DOUBLES))) == repr(list(DOUBLES.values()))
    assert all(math.isnan(value) for value in values(library, "double", ["NaN", "-NaN", " +NaN "]))


DATES = {
    "1970-01-01": 0, "2020-01-02": 18263, "2020-1-2": 18263, "2020": 18262, "2020-1": 18262, " 2020-01-02 ": 18263,
    "2020-01-02T": 18263, "2020-01-02 anything": 18263, "\x7f2020\x01": 18262, "0000-01-01": -719528,
    "-2020-01-02": -1457317, "+10000-01-01": 2932897, "1582-10-10": -141432, "5881580-07-11": 2**31 - 1,
    "+00002020-01-02": 18263, "2020-GMT01-02GMT": 18263, "-5877641-06-23": -(2**31),
    "": None, "2020-01-02x": None, "20200102": None, "2020/01/02": None, "2020-02-30": None, "1500-02-29": None,
    "20-01-02": None, "999-01-01": None, "2020-01-02Z": None, "2020 x": None, "2020T": None, "today": None,
    "\u0662\u0660\u0662\u0660": None, "5881580-07-12": None, "00002020-01-02": None, "-00000000-01-01": None,
}  # fmt: skip


def test_dates(library: str) -> None:
    """[5.7], with what the pattern `yyyy-MM-dd` takes beyond the lenient parser [5.8]."""
    assert values(library, "date", list(DATES)) == list(DATES.values())


TEXTS = {
    b"a": "a", b" a ": " a ", b"NULL": "NULL", b"\x00": "\x00", b"": None, b'""': None, b'"a"': "a",
    b'"a""b"': '"a""b"',
    b'"a\\"b"': 'a"b', b'"a\\\\"': "a\\", b'"a"b': '"a"b', b'"a" ': "a", b'"a" b"': '"a" b""', b'"a|b"': "a|b",
    b"\xff": "\ufffd", b"\xed\xa0\x80": "\ufffd", b"\xc0\x80": "\ufffd" * 2, b"\xe2(\xa1": "\ufffd(\ufffd",
    b"\xe0\x80\x80": "\ufffd" * 3, b"\xf4\x90\x80\x80": "\ufffd" * 4, "\U0001d7d9é".encode(): "\U0001d7d9é",
}  # fmt: skip


def test_texts(library: str) -> None:
    """[1.11] [3.2] [4.2] [5.1]"""
    assert values(library, "string", list(TEXTS)) == list(TEXTS.values())


def test_tokens(library: str) -> None:
    """Header lines: all tokens, null where empty, a byte order mark dropped [1.24]."""
    assert tokens(b'a,,"b ""c",""', {}, library) == ["a", None, '"b ""c"', ""]
    assert tokens(b"a\tb\t", {"sep": "\t"}, library) == ["a", "b", None]
    assert tokens(b"\xef\xbb\xbf\xff", {}, library) == ["\ufffd"]
    assert tokens(b"", {}, library) == []


def test_rows_in_any_order(library: str) -> None:
    with Kernel({}, columns=2, required=[1, 0], library=library) as kernel:
        data = b"1,a\n2,b\n3,\n"
        assert kernel.scan(data, 0, len(data), limit=len(data), last=True) == (3, len(data))
        wanted = pa.array([9, 2, 0, 0], pa.uint64())[1:]
        assert kernel.column(0, "string", wanted).to_pylist() == [None, "a", "a"]
        assert kernel.column(1, "bigint", wanted).to_pylist() == [3, 1, 1]
        assert len(kernel.column(1, "int", pa.array([], pa.uint64()))) == 0
        array = kernel.column(0, "string")
        for bad in (pa.array([3], pa.uint64()), pa.array([0]), pa.array([None], pa.uint64())):
            with pytest.raises(KernelError):
                kernel.column(0, "string", bad)
    assert array.to_pylist() == ["a", "b", None], "arrays outlive their kernel"


def test_columns_made_together(library: str) -> None:
    data = b"1,a,2020-01-02\n2,,x\n3,c,\n"
    wanted = Wanted([("day", 2, "date"), ("text", 1, "string"), ("number", 0, "int"), ("again", 0, "decimal(3,1)")])
    with Kernel({}, columns=3, required=[0, 1, 2], library=library) as kernel:
        kernel.scan(data, 0, len(data), limit=len(data), last=True)
        some = kernel.columns(wanted, pa.array([2, 0], pa.uint64()))
        assert kernel.columns(Wanted([])).num_rows == 3, "no columns, but as many rows as records"
        assert kernel.columns(Wanted([]), pa.array([], pa.uint64())).num_rows == 0
        batch = kernel.columns(wanted)
        assert kernel.malformed().to_pylist() == kernel.failed(2).to_pylist() == [False, True, False]
        assert kernel.failed(0).to_pylist() == [False] * 3, "each column has its own"
        with pytest.raises(KernelError, match="slot"):
            kernel.columns(Wanted([("number", 0, "int"), ("none", 3, "int")]))
    batch.validate(full=True)
    assert batch.schema == wanted.schema
    assert batch.column("text").to_pylist() == ["a", None, "c"]
    assert [str(row) for row in batch.to_pylist()[0].values()] == ["2020-01-02", "a", "1", "1.0"]
    assert some.to_pylist() == batch.take([2, 0]).to_pylist()


def test_any_buffer_can_be_scanned(library: str) -> None:
    for buffer in (b"xx1,2\n", bytearray(b"xx1,2\n"), memoryview(b"xx1,2\n"), pa.py_buffer(b"xx1,2\n")):
        with Kernel({}, columns=2, required=[1], library=library) as kernel:
            assert kernel.scan(buffer, 2, 6, limit=4, last=False) == (1, 4)
            assert kernel.column(0, "int").to_pylist() == [2]


def test_errors(library: str) -> None:
    for options in ({"sep": ""}, {"comment": "##"}, {"multi_line": "yes"}, {"seperator": ","}):
        with pytest.raises(KernelError, match=next(iter(options))):
            Kernel(options, columns=1, required=[0], library=library)
    for required in ([1], [0, 0], ["a"], [-1]):
        with pytest.raises(KernelError):
            Kernel({}, columns=1, required=required, library=library)
    kernel = Kernel({}, columns=1, required=[0], library=library)
    for start, end, limit in ((-1, 1, 1), (0, 3, 1), (2, 1, 1), (0, 1, -1)):
        with pytest.raises(KernelError):
            kernel.scan(b"1\n", start, end, limit=limit, last=True)
    with pytest.raises(KernelError, match="interval"):
        kernel.column(0, "interval")
    with pytest.raises(KernelError, match="slot"):
        kernel.column(1, "int")
    kernel.close()
    kernel.close()
    with pytest.raises(KernelError, match="closed"):
        kernel.column(0, "int")


def test_a_library_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="cargo build"):
        load(str(tmp_path / "nothing.so"))


def test_types_are_told_apart(library: str) -> None:
    data = b"2020\n"
    with Kernel({}, columns=1, required=[0], library=library) as kernel:
        kernel.scan(data, 0, len(data), limit=len(data), last=True)
        assert [str(kernel.column(0, kind)[0]) for kind in ("int", "bigint", "double", "string", "date")] == [
            "2020",
            "2020",
            "2020.0",
            "2020",
            "2020-01-01",
        ]


def timestamps(library: str, texts: list[str], options: dict[str, str]) -> list[object]:
    data = "".join(f"{text}\n" for text in texts).encode()
    with Kernel(options, columns=1, required=[0], library=library) as kernel:
        kernel.scan(data, 0, len(data), limit=len(data), last=True)
        return [value and value.strftime("%d %H:%M") for value in kernel.column(0, "timestamp").to_pylist()]


def test_mere_times(library: str) -> None:
    """They are on the date that it is `now` in their own zone, or else in the session's [5.9]."""
    now = str(int(datetime(2020, 6, 2, 5, tzinfo=timezone.utc).timestamp()) * 1_000_000)
    texts = ["12:00", "12:00:00Asia/Tokyo", "12:00:00 PST", "12:00:00-06:00", "12:00:00 Europe/Nowhere"]
    zoned = ["02 03:00", "01 19:00", "01 18:00", None]
    for zone, expected in (("UTC", "02 12:00"), ("PST", "01 19:00"), ("-08:00", "01 20:00"), ("GMT+9", "02 03:00")):
        assert timestamps(library, texts, {"time_zone": zone, "now": now}) == [expected, *zoned], zone


def test_names_of_no_zone_do_not_begin_the_column_anew(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, looked = [], []
    give, available = Kernel._give_zone, zoneinfo.available_timezones
    monkeypatch.setattr(Kernel, "_give_zone", lambda kernel: asked.append(give(kernel)))
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: looked.append(0) or available())
    texts = [f"2020-01-02 03:04:05 x{number:05}" for number in range(3000)]
    texts[1000], texts[2000] = "2020-01-02 03:04:05 Asia/Tokyo", "2020-01-02 03:04:05 Europe/Paris"
    found = timestamps(library, texts, {})
    assert [value for value in found if value] == [found[1000], found[2000]] == ["01 18:04", "02 02:04"]
    assert len(asked) <= 3, "two zones, and that no other name is one"
    assert len(looked) <= 1
