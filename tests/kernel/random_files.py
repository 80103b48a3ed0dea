"""Random files that try the kernel's rules: the same seed gives the same file."""

import random

from reading import BOM, File

TEXTS = ["a", "b c", "é", "\U0001d7d9", "\u20ac", "\u00a0", "null", "NULL", "x'y", "\ufeff"]
BYTES = [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x00"]
INTEGERS = [
    "0", "-0", "+5", "007", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "1_0", "1L", "0x1f", "+", "-", "\u0663", "\uff11\u0662",
    "00000000000000000000001", "\u00b2", "12,34", "\U0001d7d9",
]  # fmt: skip
DOUBLES = [
    "1.5", ".5", "1.", "1e3", "1E+3", "1e-400", "1e400", "-0", "-0.0", "NaN", "-NaN", "nan", "Inf", "-Inf", "+Inf",
    "Infinity", "-Infinity", "infinity", "1.5f", "1.5D", "1.5L", "0x1p3", "0x1.8P-1d", "0x1.8", "0x.p1", "0x1p-1074",
    "0x1.8p-1075", "0x1.fffffffffffff8p1023", "9007199254740993", "2.2250738585072012e-308", "4.9e-324", "2.4e-324",
    "1e", "e1", ".", "1..2", "1 5", "NaNd", "179769313486231580793728971405301e276", "0.1e-6", "123456789012345678",
    "8.41E21", "5.0E-324", "1.7976931348623159e308", "0x10000000000000000000000000000001p-3", "1e00000000000000000005",
]  # fmt: skip
DATES = [
    "2020-01-02", "2020-1-2", "2020", "2020-12", "2020-02-30", "2020-02-29", "1900-02-29", "2020-01-02T",
    "2020-01-02 x", "2020-01-02x", "20200102", "999-01-01", "-2020-01-02", "+10000-01-01", "5881580-07-11",
    "5881580-07-12",
    "+00002020-01-02", "-00000000-01-01", "+0002020-01-02", "2020-GMT01-02", "2020-GGMTMT01-02", "0000-01-01",
    "1582-10-10", "2020-01-02Z", "2020-13-01", "2020-00-01", "2020-01-32", "12345678-01-01", "2020-01-",
    "2020-", "2020-001-01",
    "+2020-01-02 ", "2020-01-02T\u00e9", "2020T", "-5877641-06-23", "-5877641-06-22", "+0000000000000002020-01-02",
]  # fmt: skip


def generated(seed: int) -> File:
    """A file of one of several characters: realistic, ragged, soup of quotes and escapes, soup of bytes."""
    random_ = random.Random(seed)
    pick = random_.choice
    sep = pick([",", ",", ",", ",", "|", "\t", ";", " ", "a", "-", "1", "\x01", "#"])
    types = tuple(pick(["string", "string", "int", "bigint", "double", "date"]) for _ in range(random_.randint(1, 6)))
    required = random_.sample(range(len(types)), random_.randint(0, len(types)))
    header = random_.random() < 0.3
    style = pick(["values", "values", "quotes", "soup", "bytes"])
    line_ends = pick([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r", b"\r\n", b"\n\n", b"\n \n", b"\r\t\x00\n"]])

    def number() -> str:
        if random_.random() < 0.1:
            whole, fraction = random_.getrandbits(random_.randint(1, 90)), random_.getrandbits(40)
            return f"{pick(['', '-'])}0x{whole:x}.{fraction:x}p{random_.randint(-1180, 1100)}"
        if random_.random() < 0.05:
            zero = pick([0x0660, 0x0966, 0x0E50, 0xAA50, 0xFF10, 0x1D7CE])
            return "".join(chr(zero + random_.randint(0, 10)) for _ in range(random_.randint(1, 4)))
        digits = str(random_.randrange(10 ** random_.choice([3, 5, 9, 10, 15, 17, 19, 22, 22, 400])))
        point = random_.randint(0, len(digits))
        exponent = pick(["", "", "", f"e{random_.randint(-330, 330)}"])
        return pick(["", "-", "+"]) + pick([digits, digits[:point] + "." + digits[point:]]) + exponent

    def date() -> str:
        return f"{random_.randint(1, 9999):04}-{random_.randint(1, 12):02}-{random_.randint(1, 31):02}"

    def mutated(text: str) -> str:
        at = random_.randrange(len(text) + 1)
        piece = pick(["", "-", "0", "1", " ", "T", "GMT", ".", "e", "x", "\x1f", "\u0663"])
        return text[:at] + piece + text[at + pick([0, 1]) :]

    def value(kind: str) -> bytes:
        if random_.random() < 0.1:
            return b""
        text = {
            "string": lambda: "".join(random_.choices([*TEXTS, number()], k=random_.randint(1, 3))),
            "int": lambda: pick([*INTEGERS, number()]),
            "bigint": lambda: pick([*INTEGERS, number()]),
            "double": lambda: pick([*DOUBLES, number(), number()]),
            "date": lambda: pick([*DATES, date(), date()]),
        }[kind]()
        text = (mutated(text) if random_.random() < 0.2 else text).encode()
        if random_.random() < 0.06:
            before, after = pick(
                [(b"", pick(BYTES)), (pick(BYTES), b""), (b" ", b""), (b"", b"\t "), (b"\x00", b"\x7f")]
            )
            text = before + text + after
        return text

    def quoted(text: bytes) -> bytes:
        shape = random_.random()
        if shape < 0.5:
            return b'"' + text + b'"'
        inner = b"".join(random_.choices([text, b'"', b"\\", b'\\"', b"\\\\", sep.encode(), b" ", b'""'], k=3))
        if shape < 0.8:
            return b'"' + inner + b'"' + pick([b"", b"", b" ", b"\t", b"x", b' "', b"\\"])
        return pick([b'"' + inner, inner, inner + b'"', b' "' + inner + b'"'])

    def record() -> bytes:
        width = len(types) if random_.random() < 0.8 else random_.randint(0, len(types) + 2)
        fields = [value(types[column] if column < len(types) else "string") for column in range(width)]
        if style == "quotes":
            fields = [quoted(field) if random_.random() < 0.6 else field for field in fields]
        return sep.encode().join(fields)

    def soup(alphabet: list[bytes]) -> bytes:
        return b"".join(random_.choices(alphabet, k=random_.randint(0, 24)))

    alphabet = [b'"', b'"', b"\\", b"\\", sep.encode(), sep.encode(), b"a", b" ", b"1"]
    if style == "bytes":
        alphabet += [*BYTES, b"\t", b"\xa0", b"#", b"\xe9", b"\x80", b"\xbf", b"\xf0", b"\xe0", b"2020-01-01", b'"a"']
    lines = [soup(alphabet) if style in ("soup", "bytes") else record() for _ in range(random_.randint(0, 60))]
    if lines and random_.random() < 0.03:
        lines[pick(range(len(lines)))] += pick([b"x", b'"', sep.encode() + b'"\\\\",x"', b"\xc3"]) * 6000
    data = b"".join(line + pick(line_ends) for line in lines)
    if random_.random() < 0.3:
        data = data.rstrip(b"\r\n")
    data = pick([b"", b"", b"", b"", BOM, BOM + BOM, b"\n \n"]) + data
    return File(data, types, tuple(required), sep, header)
