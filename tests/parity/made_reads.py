"""Reads made at random: files, and options, schema, columns and filter to read them with. A seed gives one read.

Most reads are usual ones, with a few options and files that are mostly well formed; all that Spark does with odd
bytes and odd options comes up now and then. Several files share a read, since a Spark job has its price.
"""

from __future__ import annotations

import bz2
import datetime
import gzip
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Read:
    """Files, and how they are read.

    Attributes:
        files: name → content.
        schema: names and types; None to find them.
        select: names; None for all, empty for the number of rows.
        where: conditions in SQL, all of which must hold.
        splits: our options for the size of splits.
    """

    seed: int
    files: Mapping[str, bytes]
    options: Mapping[str, str]
    conf: Mapping[str, str]
    schema: Sequence[tuple[str, str]] | None
    select: Sequence[str] | None
    where: Sequence[str]
    splits: Mapping[str, str]


#: Options: how often each is chosen beside the others, and its values.
OPTIONS: dict[str, tuple[float, list[str]]] = {
    "header": (3, ["true", "TRUE", "false"]),
    "sep": (3, ["|", "\t", "\\t", ";", "|", "\t", ";", " ", "a", "1", "-", "\x01", "\u00e9", "\u20ac", ".", ":", '"']),
    "quote": (2, ["'", "'", "`", "", "|", "~", "\u00e9", " ", "a", "\t"]),
    "escape": (3, ['"', '"', '"', "'", "", "/", "^", "|", "\u00e9"]),
    "charToEscapeQuoteEscaping": (1, ["\\", "|", '"', "#", ""]),
    "comment": (2, ["#", "#", "-", "/", "1", '"', "\u00e9", ";", ""]),
    "lineSep": (1.5, ["\n", "\r", ";", "|", "x", "\u00e9", "\0"]),
    "multiLine": (2, ["true"]),
    "unescapedQuoteHandling": (
        2,
        ["STOP_AT_CLOSING_QUOTE", "stop_at_closing_quote", "STOP_AT_DELIMITER", "BACK_TO_DELIMITER", "SKIP_VALUE", "RAISE_ERROR"],
    ),
    "trim": (2, ["true"]),
    "ignoreLeadingWhiteSpace": (0.5, ["true"]),
    "nullValue": (2, ["NULL", "NA", "-", "0", "1", "a", " ", "\\N", "true", "2020-01-02", ""]),
    "emptyValue": (1.5, ["E", "EMPTY", "0", "", "NULL", " "]),
    "nanValue": (0.5, ["nan", "NA", "0", "-"]),
    "positiveInf": (0.5, ["inf", "+", "1e9", "NaN"]),
    "negativeInf": (0.5, ["-inf", "-", "0", "NaN"]),
    "dateFormat": (1.5, []),
    "timestampFormat": (1.5, []),
    "timestampNTZFormat": (1, []),
    "enableDateTimeParsingFallback": (0.4, ["true", "false"]),
    "preferDate": (0.4, ["false", "true"]),
    "timeZone": (1, ["America/Los_Angeles", "Europe/Paris", "Asia/Kolkata", "+05:30", "-08:00", "UTC", "PST", "GMT+1"]),
    "mode": (2.5, ["DROPMALFORMED", "DROPMALFORMED", "dropmalformed", "FAILFAST", "PERMISSIVE", "none"]),
    "columnNameOfCorruptRecord": (1.5, ["_corrupt_record", "bad"]),
    "maxColumns": (0.4, ["3", "5", "8", "20"]),
    "maxCharsPerColumn": (0.4, ["5", "12", "40", "1000", "-1"]),
    "encoding": (1.5, ["UTF-8", "ISO-8859-1", "iso-8859-1", "US-ASCII", "UTF-16LE", "UTF-16BE"]),
    "locale": (0.3, ["en-US"]),
    "enforceSchema": (1, ["false"]),
    "columnPruning": (0.4, ["false", "true"]),
    "inferSchema": (1, ["true"]),
}  # fmt: skip

#: What is refused by design, or nearly nobody uses.
RARE: dict[str, list[str]] = {
    "sep": ["||", ", ", "::", "\u20ac\u20ac", "ab"],
    "lineSep": ["\r\n", ";;", "\n\n"],
    "ignoreTrailingWhiteSpace": ["true"],
    "encoding": ["UTF-16", "UTF-32", "latin1"],
    "locale": ["de-DE", "fr-FR", "en-GB"],
    "inputBufferSize": ["128"],
    "samplingRatio": ["0.5", "1.0"],
    "dateFormat": ["EEE, d MMM yyyy", "yyyy-DDD", "bogus"],
    "timestampFormat": ["yyyy-MM-dd HH:mm:ss z", "yyyy-MM-dd'T'HH:mm:ssVV"],
}

#: Patterns, and how strftime writes them.
DATE_FORMATS = {
    "dd/MM/yyyy": "%d/%m/%Y",
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy/M/d": "%Y/%-m/%-d",
    "yyyyMMdd": "%Y%m%d",
    "MM-dd-yy": "%m-%d-%y",
    "d.M.yyyy": "%-d.%-m.%Y",
    "dd-MMM-yyyy": "%d-%b-%Y",
    "yyyy-MM": "%Y-%m",
    "yyyy-MM-dd'x'": "%Y-%m-%dx",
}
TIME_FORMATS = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "dd/MM/yyyy HH:mm": "%d/%m/%Y %H:%M",
    "yyyy-MM-dd'T'HH:mm:ss.SSS": "%Y-%m-%dT%H:%M:%S.123",
    "yyyy-MM-dd'T'HH:mm:ss[.SSS]": "%Y-%m-%dT%H:%M:%S",
    "yyyy-MM-dd hh:mm:ss a": "%Y-%m-%d %I:%M:%S %p",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "M/d/yyyy H:m": "%-m/%-d/%Y %-H:%-M",
    "yyyy-MM-dd": "%Y-%m-%d",
}
ZONED_FORMATS = {
    **TIME_FORMATS,
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX": "%Y-%m-%dT%H:%M:%S.123+02:00",
    "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]": "%Y-%m-%dT%H:%M:%SZ",
    "yyyy-MM-dd HH:mm:ssX": "%Y-%m-%d %H:%M:%S-08",
    "yyyy-MM-dd HH:mm:ss Z": "%Y-%m-%d %H:%M:%S +0530",
}
FORMATS = {"dateFormat": DATE_FORMATS, "timestampFormat": ZONED_FORMATS, "timestampNTZFormat": TIME_FORMATS}

TYPES = [
    *["string"] * 6, *["int"] * 4, *["bigint"] * 2, *["double"] * 3, *["date"] * 3, *["timestamp"] * 3, "timestamp_ntz",
    "boolean", "tinyint", "smallint", "float", "binary", "decimal(10,2)", "decimal(5,0)", "decimal(38,18)", "decimal(3,3)",
]  # fmt: skip

#: An option that matters for one type only.
TYPE_OF_OPTION = {
    "dateFormat": "date", "timestampFormat": "timestamp", "timestampNTZFormat": "timestamp_ntz", "nanValue": "double",
    "positiveInf": "float", "negativeInf": "double", "timeZone": "timestamp", "locale": "decimal(10,2)",
    "enableDateTimeParsingFallback": "date", "preferDate": "date",
}  # fmt: skip

CONFS = [
    ("spark.sql.session.timeZone", "America/New_York"),
    ("spark.sql.session.timeZone", "Asia/Tokyo"),
    ("spark.sql.csv.parser.columnPruning.enabled", "false"),
    ("spark.sql.csv.filterPushdown.enabled", "false"),
    ("spark.sql.caseSensitive", "true"),
    ("spark.sql.ansi.enabled", "false"),
    ("spark.sql.columnNameOfCorruptRecord", "bad"),
    ("spark.sql.legacy.csv.enableDateTimeParsingFallback", "true"),
    ("spark.sql.timestampType", "TIMESTAMP_NTZ"),
]

COMPRESSIONS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".deflate": zlib.compress,
    ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}

WORDS = [
    "a",
    "b",
    "abc",
    "x y",
    "\u00e9t\u00e9",
    "\u65e5\u672c",
    "\U0001f600",
    "\u00a0",
    "null",
    "NULL",
    "NA",
    "nan",
    "\ufeff",
    "\\N",
    "x'y",
    "it\u2028s",
]
INTEGERS = ["0", "-0", "+7", "007", "127", "128", "-129", "32767", "32768", "-32769", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "1_0", "1,000", "0x1f", "+", "-", "--1", "1L", " 1", "1 ", "\u0663", "\uff11", "\U0001d7d9", "1e3", "1.0", "00000000000000000000012"]  # fmt: skip
FLOATS = ["1.5", ".5", "5.", "1e3", "1E+3", "-1e-3", "1e400", "-1e-400", "-0", "-0.0", "0.1", "NaN", "-NaN", "nan", "Inf", "-Inf", "+Inf", "Infinity", "-Infinity", "1.5f", "2d", "0x1p3", "0x1.8p-1", "0x1.8", "1.00000017881393432617187501", "16777217", "3.4028236e38", "1e-45", "7e-46", "9007199254740993", "1,000.5", "1e", ".", " 1.5 ", "1 5", "\u0661"]  # fmt: skip
# Larger exponents: Spark computes for hours, or runs out of memory.
DECIMALS = ["1.555", "-1.555", "1.545", "999.995", "1,0,0", "1,2.5", ",1", ",", "1e2", "1e-400", "1E400", "0e40000", "1e40000", "5.", ".5", "+.5", ".", " 1.5", "1.5f", "99999999.99", "99999999.995", "0.0005", ".9999", "12345678901234567890.123456789012345678", "\u0663.\u0664", "-,", "--1", "1e+", "0.00000000000000000000000000000000000001"]  # fmt: skip
DATES = ["2020-01-02", "2020-1-2", "2020", "2020-12", "2020-02-29", "2020-02-30", "1500-02-29", "1582-10-10", "0000-01-01", "-2020-01-02", "+10000-01-01", "10000-01-01", "999-01-01", "2020-01-02T", "2020-01-02 x", "2020-01-02x", " 2020-01-02 ", "20200102", "2020/01/02", "today", "2020-13-01", "2020-01-32", "5881580-07-11", "2020-01-", "2020-001-01"]  # fmt: skip
TIMES = ["2020-01-02 03:04:05", "2020-01-02T03:04:05.1", "2020-01-02 03:04:05.1234567", "2020-1-2 3:4", "2020-01-02T03", "2020-01-02T03:04:05Z", "2020-01-02 03:04:05+01:30", "2020-01-02 03:04:05 -8", "2020-01-02 03:04:05 America/New_York", "2020-03-08 02:30:00", "2020-11-01 01:30:00", "2011-12-30 10:00:00", "0001-01-01 00:00:00", "-0001-01-01 00:00:00", "294247-01-10T04:00:54.775807Z", "294247-01-10T04:00:54.775808Z", "2020-01-02T", "2020-01-02 24:00:00", "2020-01-02 03:60:00", "2020-01-02 03:04:05.", "2020-01-02  03:04", "2020-01-02T03:04:05 UTC", "2020-01-02T03:04:05GMT+1", "2020-01-02T03:04:05 EST", "2020-01-02t03:04:05", "2020-01-02 03:04:05+18:01", "1883-11-18 12:00:00", "2020-01-02 03:04:05+hh", "12020-01-02 00:00:00"]  # fmt: skip
BOOLEANS = ["true", "false", "TRUE", "False", "tRuE", "t", "1", "yes", " true", "true "]
BROKEN = [
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\x00",
    b"\x80",
    b"\xe9",
]


@dataclass
class Maker:
    """What a read is made with: one random source, and what was decided so far."""

    random: random.Random
    files: int
    options: dict[str, str] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    # ---- how it is read

    def choose_options(self) -> None:
        """Draw options: one to three in most reads."""
        count = self.random.choices([0, 1, 2, 3, 4, 6], [10, 30, 30, 17, 9, 4])[0]
        names = list(OPTIONS)
        weights = [OPTIONS[name][0] for name in names]
        for name in self.random.choices(names, weights, k=count):
            self.options[name] = self.pick(list(FORMATS[name]) if name in FORMATS else OPTIONS[name][1])
        if self.chance(0.012):
            name = self.pick(list(RARE))
            self.options[name], self.files = self.pick(RARE[name]), 3
        if self.options.pop("trim", None):
            self.options |= {"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"}
        if "enforceSchema" in self.options or ("inferSchema" in self.options and self.chance(0.7)):
            self.options["header"] = "true"
        wide = self.options.get("encoding", "").startswith("UTF-16")
        if wide and "multiLine" not in self.options and self.chance(0.9):
            # Without it, Spark cuts UTF-16 into lines in the middle of characters.
            self.options["lineSep"] = self.pick(["\n", "\n", ";", "\r"])
        if self.options.get("unescapedQuoteHandling") in ("BACK_TO_DELIMITER", "SKIP_VALUE") and self.chance(0.7):
            self.options["unescapedQuoteHandling"] = "STOP_AT_CLOSING_QUOTE"

    def choose_types(self) -> list[tuple[str, str]]:
        """Draw the columns: the types that the options are about are among them."""
        count = self.pick([1, 2, 2, 3, 3, 4, 6])
        self.types = [self.pick(TYPES) for _ in range(count)]
        for option, kind in TYPE_OF_OPTION.items():
            if option in self.options and self.chance(0.9):
                self.types[self.random.randrange(count)] = kind
        schema = [(f"c{i}", kind) for i, kind in enumerate(self.types)]
        if "columnNameOfCorruptRecord" in self.options or self.chance(0.06):
            name = self.options.get("columnNameOfCorruptRecord", "_corrupt_record")
            schema.insert(self.random.randint(0, count), (name, "string"))
        return schema

    def choose_columns(self, schema: Sequence[tuple[str, str]]) -> list[str] | None:
        """Draw the columns selected."""
        shape = self.random.random()
        if shape < 0.45:
            return None
        if shape < 0.53:
            return []
        names = self.random.sample([name for name, _ in schema], self.random.randint(1, len(schema)))
        # Spark refuses the corrupt record's column alone.
        return names if names[0].startswith("c") else [*names, "c0"] if "c0" not in names else names

    def choose_filter(self) -> list[str]:
        """Draw conditions on the columns."""
        made: list[str] = []
        for _ in range(self.random.choices([0, 1, 2], [75, 20, 5])[0]):
            column = self.random.randrange(len(self.types))
            literal = self.literal(self.types[column])
            if literal is None or self.chance(0.15):
                made.append(f"c{column} {self.pick(['is null', 'is not null'])}")
            else:
                made.append(f"c{column} {self.pick(['=', '<', '<=', '>', '>='])} {literal}")
        return made

    def literal(self, kind: str) -> str | None:
        """A literal of a type, as SQL; None where none is made."""
        if kind in ("int", "bigint"):
            return str(self.random.randint(-3, 100))
        if kind == "double":
            return f"{self.random.randint(-30, 300) / 10}D"
        if kind == "date":
            return f"DATE '{self.random.randint(1990, 2030)}-0{self.random.randint(1, 9)}-15'"
        return "'" + self.pick(["a", "b", "m", "0", "abc"]) + "'" if kind == "string" else None

    # ---- what is read

    def value(self, kind: str) -> str:
        """The text of a value: mostly one of its type."""
        shape = self.random.random()
        if shape < 0.06:
            return ""
        if shape < 0.12:
            named = [
                self.options[n]
                for n in ("nullValue", "emptyValue", "nanValue", "positiveInf", "negativeInf")
                if n in self.options
            ]
            return self.pick([*named, "NULL", " ", "-"])
        if shape < 0.16:
            kind = self.pick(TYPES)
        text = self.odd(kind) if shape > 0.75 else self.usual(kind)
        if shape > 0.97:
            at = self.random.randint(0, len(text))
            text = (
                text[:at]
                + self.pick(["", "-", "0", " ", "T", ".", "e", "x", "\x1f", "\u0663", ":", "\0"])
                + text[at + self.pick([0, 1]) :]
            )
        return text

    def odd(self, kind: str) -> str:
        kind = kind.partition("(")[0]
        texts = {
            "float": FLOATS,
            "double": FLOATS,
            "decimal": DECIMALS,
            "date": DATES,
            "boolean": BOOLEANS,
            "string": WORDS,
            "binary": WORDS,
        }
        choices = TIMES + DATES if kind.startswith("timestamp") else texts.get(kind, INTEGERS)
        return str(self.pick(choices))

    def usual(self, kind: str) -> str:
        number = self.random.randint(-(10 ** self.pick([1, 2, 3, 5, 9])), 10 ** self.pick([1, 2, 3, 5, 9, 15]))
        day = datetime.datetime(self.random.randint(1900, 2100), 1, 1) + datetime.timedelta(
            seconds=self.random.randrange(31_536_000)
        )
        if kind == "boolean":
            return str(self.pick(["true", "false"]))
        if kind in ("float", "double") or kind.startswith("decimal"):
            return str(
                self.pick(
                    [
                        f"{number / 100:.2f}",
                        str(number),
                        f"{number / 7:.{self.random.randint(0, 17)}f}",
                        repr(number / 1e5),
                    ]
                )
            )
        if kind == "date":
            return day.strftime(DATE_FORMATS.get(self.options.get("dateFormat", ""), "%Y-%m-%d"))
        if kind == "timestamp":
            usual = self.pick(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.5Z", "%Y-%m-%d", "%Y-%m-%dT%H:%M"])
            return day.strftime(ZONED_FORMATS.get(self.options.get("timestampFormat", ""), usual))
        if kind == "timestamp_ntz":
            usual = self.pick(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.25"])
            return day.strftime(TIME_FORMATS.get(self.options.get("timestampNTZFormat", ""), usual))
        if kind in ("string", "binary"):
            return "".join(self.random.choices([*WORDS, "word", "longer text", str(number)], k=self.pick([1, 1, 2, 4])))
        return str(number % {"tinyint": 128, "smallint": 32768, "int": 2**31}.get(kind, 10**15))

    def file(self) -> bytes:
        """A file: well formed in the main, or a soup of what the options make special."""
        if self.chance(0.02):
            return self.pick([b"", BOM, b"\n", b" \n\n", b"\r"])
        sep, quote, escape = (
            self.options.get("sep", ",").replace("\\t", "\t"),
            self.options.get("quote", '"'),
            self.options.get("escape", "\\"),
        )
        style = self.random.choices(["usual", "quoted", "ragged", "quotes", "soup", "bytes"], [30, 15, 20, 15, 12, 8])[
            0
        ]
        ends = self.line_ends()
        special = [
            sep,
            quote,
            quote,
            escape,
            self.options.get("charToEscapeQuoteEscaping", escape),
            self.options.get("comment", "#"),
            " ",
            "a",
            "1",
        ]
        many = self.pick([1, 3, 8, 8, 20])
        lines = [self.header(sep)] if self.options.get("header", "").lower() == "true" and self.chance(0.97) else []
        lines += [self.line(style, sep, quote, escape, special) for _ in range(self.random.randint(0, many))]
        if self.chance(0.15):
            lines.insert(
                self.random.randint(0, len(lines)),
                self.pick(["", " ", "   ", "\t", "\0", sep, quote, "\u00a0", self.options.get("comment", "#") + "c"]),
            )
        if lines and self.chance(0.01):
            lines[-1] += self.pick(["x", quote, sep, quote + sep, "\u00e9"]) * self.pick([300, 5000])
        text = "".join(line + self.pick(ends) for line in lines)
        if self.chance(0.3):
            text = text.rstrip("\r\n" + self.options.get("lineSep", ""))
        return (self.pick([BOM, BOM + BOM]) if self.chance(0.06) else b"") + self.encoded(text, style)

    def line_ends(self) -> list[str]:
        usual = [["\n"], ["\n"], ["\n"], ["\r\n"], ["\r\n"], ["\r"]]
        mixed = ["\n", "\r\n", "\r", "\n\n", "\n \n", "\r\r\n"]
        given = self.options.get("lineSep")
        if given:
            return [given] if self.chance(0.75) else [given, given, "\n", "\r", given * 2, "\r\n"]
        return mixed if self.chance(0.02 if "multiLine" in self.options else 0.2) else list(self.pick(usual))

    def header(self, sep: str) -> str:
        names = [f"c{i}" for i in range(len(self.types))]
        if "inferSchema" in self.options and self.chance(0.3):
            names = [self.pick(["a", "A", "", "b c", "1", "\u00e9", " d", '"q"', name]) for name in names]
        elif self.chance(0.15):
            names[self.random.randrange(len(names))] = self.pick(["C0", "x", " c0", "", '"c0"', "c1"])
        return sep.join(names[: self.random.randint(0, len(names))] if self.chance(0.04) else names)

    def line(self, style: str, sep: str, quote: str, escape: str, special: list[str]) -> str:
        comment = self.options.get("comment")
        if comment and self.chance(0.12):
            return comment + self.value("string")
        if style in ("soup", "bytes"):
            pieces = [*special, self.pick(["\t", "\0", "\u00e9", "\n", "\r", "\u20ac", '"a"', "x"])]
            return "".join(self.random.choices(pieces, k=self.random.randint(0, 20)))
        width = len(self.types)
        if style == "ragged" and self.chance(0.35):
            width = self.random.randint(0, width + 2)
        fields = [self.value(self.types[i] if i < len(self.types) else "string") for i in range(width)]
        return sep.join(self.field(text, style, sep, quote, escape, special) for text in fields)

    def field(self, text: str, style: str, sep: str, quote: str, escape: str, special: list[str]) -> str:
        if style == "quotes" and self.chance(0.5):
            inner = "".join(self.random.choices([text, *special], k=self.pick([1, 2, 3])))
            before, after = self.pick(["", "", " "]), self.pick(["", "", " ", "x", quote, escape, " x"])
            return str(self.pick([before + quote + inner + quote + after, quote + inner, inner + quote, inner]))
        inside = self.chance(0.06) and style == "quoted"
        if inside:
            text += self.pick(
                [
                    sep,
                    quote,
                    "\n" if "multiLine" in self.options else sep,
                    escape,
                    " ",
                    "\r\n" if self.chance(0.1) else "",
                ]
            )
        if inside or (style == "quoted" and self.chance(0.7)) or (sep in text and self.chance(0.8)):
            return quote + text.replace(quote, escape + quote) + quote if quote else text
        return f" {text} " if self.chance(0.02) else text

    def encoded(self, text: str, style: str) -> bytes:
        name = self.options.get("encoding", "UTF-8").upper()
        if name.startswith("UTF-16"):
            data = text.encode(name if name != "UTF-16" else "UTF-16LE", "replace")
            return data + (b"\xd8" if self.chance(0.03) else b"")
        latin = name == "ISO-8859-1" and self.chance(0.7)
        data = text.encode("latin-1", "replace") if latin else text.encode("utf-8")
        if style == "bytes":
            for _ in range(self.random.randint(0, 8)):
                at = self.random.randint(0, len(data))
                data = data[:at] + self.pick(BROKEN) + data[at:]
        return data


def made(seed: int, files: int) -> Read:
    """The read of a seed, with so many files; fewer where a Spark job is likely to read only one."""
    maker = Maker(random.Random(seed), files)
    maker.choose_options()
    schema: list[tuple[str, str]] | None = maker.choose_types()
    select, where = maker.choose_columns(schema or []), maker.choose_filter()
    if "inferSchema" in maker.options or (maker.options.get("header") == "true" and maker.chance(0.03)):
        schema, select, where, maker.files = None, None, [], maker.pick([1, 1, 2, 3])
    elif maker.options.get("mode") == "FAILFAST" or {"maxColumns", "maxCharsPerColumn"} & {*maker.options}:
        maker.files = min(maker.files, 6)
    contents = [maker.file() for _ in range(maker.files)]
    suffixes = [""]
    if maker.chance(0.06):
        suffixes = list(COMPRESSIONS)
    named = {}
    for number, data in enumerate(contents):
        suffix = suffixes[number % len(suffixes)]
        named[f"f{number:02}.csv{suffix}"] = COMPRESSIONS[suffix](data) if suffix else data
    largest = max(map(len, contents), default=0)
    splits = (
        {"maxSplitSize": str(max(1, largest // maker.pick([2, 3, 5, 9]))), "minSplitSize": "1"}
        if maker.chance(0.5)
        else {}
    )
    conf = dict([maker.pick(CONFS)]) if maker.chance(0.08) else {}
    return Read(seed, named, maker.options, conf, schema, select, where, splits)
