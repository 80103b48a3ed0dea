"""A multiLine object read in pieces that begin where its parts' outcomes say gives the records of a reading in one."""

import itertools
import random

import pytest
from csv_kernel import Cuts, Kernel, KernelError, compose

COLUMNS = 3


def dialect(random_: random.Random) -> dict[str, str]:
    """Options of one of many dialects that can be cut."""
    pick = random_.choice
    options = {
        "multi_line": "true",
        "column_pruning": "false",
        "sep": pick([",", ",", "|", "\t", " "]),
        "escape": pick(["\\", "\\", '"', "'"]),
        "quote": pick(['"', '"', "'"]),
        "encoding": pick(["UTF-8", "UTF-8", "ISO-8859-1", "US-ASCII", "UTF-16LE", "UTF-16BE"]),
        "unescaped_quote_handling": pick(["STOP_AT_DELIMITER", "STOP_AT_DELIMITER", "STOP_AT_CLOSING_QUOTE"]),
        "line_sep": pick(["\n", "\r\n", "\r"]),
        "normalize_line_ends": pick(["true", "true", "false"]),
        "ignore_leading_white_space": (trim := pick(["true", "false"])),
        "ignore_trailing_white_space": trim,
    }
    more = {"comment": pick(["#", ";"]), "char_to_escape_quote_escaping": pick(["\\", "x", '"'])}
    return options | {name: value for name, value in more.items() if random_.random() < 0.3}


def written(random_: random.Random, options: dict[str, str]) -> bytes:
    """An object of sound records with some odd ones in between, or of nothing but oddities."""
    quote, escape, sep, end = (options[name] for name in ("quote", "escape", "sep", "line_sep"))
    odd = [quote, quote, escape, escape, sep, end, " ", "a", "\0", "#", "\u00e9", "\u20ac", "\U0001f600", "x"]
    if random_.random() < 0.1:
        odd += ["\r", "\n"]

    def soup(most: int) -> str:
        return "".join(random_.choices(odd, k=random_.randint(0, most)))

    def field() -> str:
        text = "".join(random_.choices(["a", "bc", " ", "\u00e9", "1"], k=random_.randint(0, 5)))
        if random_.random() < 0.5:
            inner = random_.choices([text, sep, end, escape + quote], [4, 1, 1, 1], k=random_.randint(0, 4))
            return quote + "".join(inner) + quote
        return text

    oddness = random_.choice([0, 0.02, 0.2, 1])
    lines = [
        soup(20) if random_.random() < oddness else sep.join(field() for _ in range(COLUMNS))
        for _ in range(random_.randint(0, 80))
    ]
    data = "".join(line + end for line in lines).encode(options["encoding"], "replace")
    if random_.random() < 0.2:
        at = random_.randrange(len(data) + 1)
        data = data[:at] + random_.choice([b"\xff", b"\xc3", b"\xf0\x9f", b"\xed\xa0\x80", b"\xd8"]) + data[at:]
    return data


def beginnings(library: str, options: dict[str, str], data: bytes) -> list[int]:
    """Where records, empty lines and comments begin, up to a record that is refused, as a reading in one finds them."""
    begun, at = [], 0
    with Kernel(options, columns=COLUMNS, required=[], library=library) as kernel:
        while at < len(data):
            begun.append(at)
            try:
                at += kernel.scan(data, at, len(data), limit=1, last=True).consumed
            except KernelError:
                break
    return begun


def cuts(library: str, options: dict[str, str], data: bytes, bounds: list[int], block: int) -> list[int]:
    """The cuts of the parts between bounds, each fed in blocks of some size."""
    parts = []
    for start, end in itertools.pairwise(bounds):
        part = Cuts(options, library)
        for at in range(start, end, block):
            part.feed(data[at : min(at + block, end)])
        parts.append(
            [(before, after, None if first is None else start + first) for before, after, first in part.outcomes()]
        )
    return compose(parts)


@pytest.mark.parametrize("seed", range(150))
def test_cuts_are_the_first_records_of_the_parts(library: str, seed: int) -> None:
    random_ = random.Random(seed)
    options = dialect(random_)
    data = written(random_, options)
    begun = beginnings(library, options, data)
    for count in (1, 3, 12):
        bounds = sorted([0, len(data), *(random_.randint(0, len(data)) for _ in range(count))])
        firsts = [next((at for at in begun if start <= at < end), None) for start, end in itertools.pairwise(bounds)]
        found = cuts(library, options, data, bounds, random_.choice([1, 7, 4096]))
        assert found == [first for first in firsts if first is not None], (options, bounds)


@pytest.mark.parametrize("seed", range(60))
def test_pieces_between_cuts_have_the_rows_of_the_whole(library: str, seed: int) -> None:
    random_ = random.Random(seed)
    options = dialect(random_)
    data = written(random_, options)
    bounds = [*range(0, len(data), 1 + len(data) // 7), len(data)]
    pieces = list(itertools.pairwise([*cuts(library, options, data, bounds, 4096), len(data)]))

    def rows(start: int, end: int) -> list[tuple[str | None, ...]]:
        with Kernel(options, columns=COLUMNS, required=range(COLUMNS), library=library) as kernel:
            kernel.scan(data, start, len(data), limit=end - start, last=True)
            return list(zip(*(kernel.column(slot, "string").to_pylist() for slot in range(COLUMNS)), strict=True))

    try:
        whole = rows(0, len(data))
    except KernelError:
        with pytest.raises(KernelError):
            [rows(*piece) for piece in pieces]
        return
    assert [row for piece in pieces for row in rows(*piece)] == whole


def test_quotes_across_parts(library: str) -> None:
    data = b'1,"a\nb\nc"\n2,"d""\n",x\n'
    options = {"multi_line": "true", "line_sep": "\n", "escape": '"'}
    assert cuts(library, options, data, [0, 5, 7, 12, len(data)], 1) == [0, 10]
    assert cuts(library, options, data, [0, 4, 14, len(data)], 2) == [0, 10]


def test_what_cannot_be_cut_is_refused(library: str) -> None:
    lines = {"multi_line": "true", "line_sep": "\n"}
    for options in (
        {"sep": "||"},
        {"unescaped_quote_handling": "SKIP_VALUE"},
        {"quote": "\u00ab"},
        {"escape": "\0"},
        {"line_sep": ";;"},
    ):
        with pytest.raises(KernelError) as refused:
            Cuts(lines | options, library)
        assert refused.value.unsupported
    with pytest.raises(KernelError, match="invalid argument"):
        Cuts({"sep": "|"}, library)
