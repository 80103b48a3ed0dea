"""Spark's options for reading CSV: which there are, what they mean together with the session's confs, what is refused.

The names, defaults and checks are those of Spark 4.3's CSVOptions; what the store cannot do exactly is refused by name.
See https://spark.apache.org/docs/latest/sql-data-sources-csv.html#data-source-option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_storlets.datasource.kernel import csv_kernel

from spark_storlets.errors import ConfigurationError, UnsupportedError

ENCODINGS = ("UTF-8", "ISO-8859-1", "US-ASCII", "UTF-16LE", "UTF-16BE")
QUOTE_HANDLINGS = ("STOP_AT_DELIMITER", "STOP_AT_CLOSING_QUOTE", "BACK_TO_DELIMITER", "SKIP_VALUE", "RAISE_ERROR")
MODES = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")

#: Options that would change the answer and that the store does not do; with the value that changes nothing.
REFUSED = {
    "inputBufferSize": None,
    "singleVariantColumn": None,
    # Of every file source.
    "ignoreCorruptFiles": "false",
    "ignoreMissingFiles": "false",
}

#: The suffixes by which Spark knows a compressed object, and the storlet's names for them.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd", ".deflate": "deflate"}
#: The suffixes of other Hadoop codecs.
REFUSED_COMPRESSIONS = (".lz4", ".snappy")

#: Column types that the kernel makes, as Spark's simple names.
_TYPE = re.compile(
    r"boolean|tinyint|smallint|int|bigint|float|double|decimal\(\d+,\d+\)|string|binary|date|timestamp(_ntz)?"
)


@dataclass(frozen=True)
class CsvOptions:
    """The options of one read, resolved.

    Raises (in `parse`):
        ConfigurationError: a value that Spark refuses, too.
        UnsupportedError: a value that the store cannot answer exactly.
    """

    kernel: Mapping[str, str]  # those that the kernel knows, by its names; what is as in Spark is left out
    header: bool
    multi_line: bool
    infer_schema: bool
    enforce_schema: bool
    case_sensitive: bool
    mode: str
    corrupt_record: str  # the name of the column for the text of malformed records
    locale: str
    filter_pushdown: bool  # FAILFAST only: does Spark drop rows that fail a filter before it looks for errors?
    time_parser_policy: str
    infers_times: bool  # does inference try the type time?
    sampling_ratio: float

    @classmethod
    def parse(cls, given: Mapping[str, str], conf: Mapping[str, Any]) -> CsvOptions:
        """Read the options as Spark hands them over (names in any case) and the session's confs."""
        take = _Given({name.lower(): value for name, value in given.items()}, conf)
        take.refuse()
        header, multi_line = take.boolean("header", False), take.boolean("multiLine", False)
        corrupt_record = take.text("columnNameOfCorruptRecord") or take.conf("columnNameOfCorruptRecord", "")
        options = cls(
            kernel=_kernel_options(take, multi_line),
            header=header,
            multi_line=multi_line,
            infer_schema=take.boolean("inferSchema", False),
            enforce_schema=take.boolean("enforceSchema", True),
            case_sensitive=bool(conf.get("caseSensitive", False)),
            # Any other name is PERMISSIVE, as in Spark.
            mode=next((m for m in MODES if m == (take.text("mode") or "").upper()), MODES[0]),
            corrupt_record=corrupt_record or "_corrupt_record",
            locale="en-US" if take.text("locale") is None else str(take.text("locale")),
            filter_pushdown=take.conf("csv.filterPushdown.enabled", "true") == "true",
            time_parser_policy=take.conf("legacy.timeParserPolicy", "CORRECTED").upper(),
            infers_times=take.conf("timeType.enabled", "false").lower() == "true",
            sampling_ratio=take.ratio("samplingRatio"),
        )
        _check_kernel(options.kernel)
        return options

    def check_schema(self, columns: Iterable[tuple[str, str]]) -> None:
        """Refuse what the store does not make of the bytes: types, and what options mean for them.

        Args:
            columns: names and Spark's simple type names.

        Raises:
            UnsupportedError: a type, or an option that this type brings into play.
        """
        for name, kind in columns:
            if not _TYPE.fullmatch(kind):
                raise UnsupportedError(
                    f"the column {name} is of type {kind}, which the CSV storlet does not make. Give another type in "
                    "the schema, or read the file with spark.read.csv."
                )
            if kind.startswith("decimal") or (kind in ("date", "timestamp", "timestamp_ntz") and self._format_of(kind)):
                self._check_locale(name, kind)
            if kind in ("date", "timestamp", "timestamp_ntz"):
                self._check_policy(name, kind)
                self._check_format(name, kind)

    def check_inference(self) -> None:
        """Refuse what inference brings into play: every type.

        Raises:
            UnsupportedError: as check_schema; or sampling, which depends on how Spark would cut the files.
        """
        self._check_locale("any column", "decimal")
        self._check_policy("any column", "timestamp")
        for kind in ("date", "timestamp", "timestamp_ntz"):
            self._check_format("any column", kind)
        if self.infers_times:
            raise UnsupportedError(
                "spark.sql.timeType.enabled = true with inferSchema: the CSV storlet makes no columns of type time. "
                "Give a schema, or read the file with spark.read.csv."
            )
        if self.sampling_ratio < 1:
            raise UnsupportedError(
                f"samplingRatio = {self.sampling_ratio}: which lines Spark samples depends on its own splits. Leave it "
                "out: the store looks at all lines, in parallel."
            )

    def _check_format(self, name: str, kind: str) -> None:
        pattern, kernel = self._format_of(kind), csv_kernel()
        if pattern is None:
            return
        try:
            kernel.check_pattern(pattern)
        except kernel.KernelError as error:
            raise UnsupportedError(
                f"the pattern {pattern!r} for {name} ({kind}) has parts that the CSV storlet does not read as Spark "
                "does. Use y, M, d, H, h, m, s, S, a, X, x, Z and literal text, or read the file with spark.read.csv."
            ) from error

    def _format_of(self, kind: str) -> str | None:
        return self.kernel.get({"date": "date_format", "timestamp": "timestamp_format"}.get(kind, f"{kind}_format"))

    def _check_locale(self, name: str, kind: str) -> None:
        if self.locale.lower() != "en-us":
            raise UnsupportedError(
                f"locale = {self.locale!r} for {name} ({kind}): the CSV storlet reads numbers and dates as written in "
                "en-US. Read the column as a string, or the file with spark.read.csv."
            )

    def _check_policy(self, name: str, kind: str) -> None:
        if self.time_parser_policy != "CORRECTED":
            raise UnsupportedError(
                f"spark.sql.legacy.timeParserPolicy = {self.time_parser_policy} for {name} ({kind}): the CSV storlet "
                "parses by the rules of CORRECTED. Set it so, or read the file with spark.read.csv."
            )


def compression_of(name: str) -> str | None:
    """Name the compression of an object, by its suffix as Spark does; None for plain bytes.

    Raises:
        UnsupportedError: a compression that the storlet cannot undo.
    """
    suffix = "." + name.rpartition(".")[2].lower()
    if suffix in REFUSED_COMPRESSIONS:
        raise UnsupportedError(
            f"{name} is compressed ({suffix}); the CSV storlet reads {', '.join(COMPRESSIONS)} and plain objects. "
            "Compress it otherwise, or read it with spark.read.csv."
        )
    return COMPRESSIONS.get(suffix)


class _Given:
    """Options and confs, by name, with Spark's checks."""

    def __init__(self, options: Mapping[str, str], confs: Mapping[str, Any]) -> None:
        self._options, self._confs = options, confs

    def refuse(self) -> None:
        for name, neutral in REFUSED.items():
            value = self.text(name)
            if value is not None and (neutral is None or value.lower() != neutral):
                raise UnsupportedError(
                    f"the CSV storlet does not support the option {name} = {value!r} and would answer other rows than "
                    "Spark. Leave it out, or read the file with spark.read.csv."
                )
        if str(self.conf("files.ignoreCorruptFiles", "false")).lower() == "true":
            raise UnsupportedError(
                "spark.sql.files.ignoreCorruptFiles = true: the CSV storlet drops no part of an object silently. "
                "Set it to false, or read the file with spark.read.csv."
            )

    def conf(self, name: str, default: str) -> str:
        return str(self._confs.get(f"spark.sql.{name}", default))

    def session_zone(self) -> str:
        return str(self._confs.get("timeZone") or "UTC")

    def text(self, name: str) -> str | None:
        return self._options.get(name.lower())

    def boolean(self, name: str, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise ConfigurationError(f"the option {name} is true or false, not {text!r}.")
        return text.lower() == "true"

    def character(self, name: str) -> str | None:
        """One character as Java has it; an empty option gives an empty text."""
        text = self.text(name)
        if text is not None and len(text.encode("utf-16-le", "surrogatepass")) > 2:
            raise ConfigurationError(f"the option {name} is one character, not {text!r}.")
        return text

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not re.fullmatch(r"[+-]?\d+", text) or not -(2**31) <= int(text) < 2**31:
            raise ConfigurationError(f"the option {name} is a whole number, not {text!r}.")
        return int(text)

    def ratio(self, name: str) -> float:
        text = self.text(name)
        try:
            value = 1.0 if text is None else float(text)
        except ValueError:
            value = -1.0
        if not value > 0:
            raise ConfigurationError(f"the option {name} is a number above 0, not {text!r}.")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        text = self.text(name)
        if text is None or text.upper() in choices:
            return None if text is None else text.upper()
        raise ConfigurationError(f"the option {name} is one of {', '.join(choices)}, not {text!r}.")


def _kernel_options(take: _Given, multi_line: bool) -> dict[str, str]:
    pruning = take.conf("csv.parser.columnPruning.enabled", "true") == "true" and not multi_line
    max_columns, max_chars = take.number("maxColumns"), take.number("maxCharsPerColumn")
    fallback = take.text("enableDateTimeParsingFallback") and take.boolean("enableDateTimeParsingFallback", False)
    fallback_conf = take.conf("legacy.csv.enableDateTimeParsingFallback", "").lower()
    values: dict[str, str | bool | None] = {
        "sep": _separator(take.text("sep") if take.text("sep") is not None else take.text("delimiter")),
        "quote": _or_nul(take.character("quote")),
        "escape": _or_nul(take.character("escape")),
        "char_to_escape_quote_escaping": take.character("charToEscapeQuoteEscaping") or None,
        "comment": take.character("comment") or None,
        "line_sep": _line_separator(take.text("lineSep")),
        "multi_line": multi_line or None,
        "unescaped_quote_handling": take.choice("unescapedQuoteHandling", QUOTE_HANDLINGS),
        "ignore_leading_white_space": take.boolean("ignoreLeadingWhiteSpace", False) or None,
        "ignore_trailing_white_space": take.boolean("ignoreTrailingWhiteSpace", False) or None,
        "encoding": _encoding(take),
        "null_value": take.text("nullValue"),
        "empty_value": take.text("emptyValue"),
        "nan_value": take.text("nanValue"),
        "positive_inf": take.text("positiveInf"),
        "negative_inf": take.text("negativeInf"),
        "date_format": take.text("dateFormat"),
        "timestamp_type": None if take.conf("timestampType", "") in ("", "TIMESTAMP_LTZ") else "TIMESTAMP_NTZ",
        "timestamp_format": take.text("timestampFormat"),
        "timestamp_ntz_format": take.text("timestampNTZFormat"),
        "enable_date_time_parsing_fallback": fallback if fallback is not None else fallback_conf or None,
        "prefer_date": None if take.boolean("preferDate", True) else "false",
        "time_zone": take.text("timeZone") or take.session_zone(),
        "max_columns": None if max_columns is None else str(max_columns),
        "max_chars_per_column": None if max_chars in (None, -1) else str(max_chars),
        "column_pruning": "true" if take.boolean("columnPruning", pruning) else "false",
    }
    return {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items() if v is not None}


def _check_kernel(options: Mapping[str, str]) -> None:
    """Let the kernel look at its options."""
    module, probe = csv_kernel(), b"2020-01-01 00:00:00"
    # A multiLine object's line separator is known when its first bytes are.
    resolved = {"line_sep": "\n", **options} if "multi_line" in options else options
    try:
        module.Kernel(resolved, columns=1, required=[0]).close()
        with module.Kernel({"time_zone": options["time_zone"]}, columns=1, required=[0]) as kernel:
            kernel.scan(probe, 0, len(probe), limit=1, last=True)
            zone_known = not kernel.column(0, "timestamp").null_count
    except module.KernelError as error:
        if error.unsupported:
            raise UnsupportedError(f"the CSV storlet does not read these options as Spark does: {error}") from error
        raise ConfigurationError(f"the options cannot be used: {error}") from error
    if not zone_known:
        raise ConfigurationError(f"timeZone = {options['time_zone']!r} is no time zone.")


def _or_nul(text: str | None) -> str | None:
    # An empty option does not switch quoting off: univocity takes it as NUL.
    return "\0" if text == "" else text


def _separator(text: str | None) -> str | None:
    """Un-escape a separator as Spark's CSVExprUtils.toDelimiterStr does."""
    if text is None:
        return None
    escapes = {"t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
    found, rest = "", text
    while rest:
        if rest[0] != "\\":
            found, rest = found + rest[0], rest[1:]
        elif len(rest) > 1 and rest[1] in escapes:
            found, rest = found + escapes[rest[1]], rest[2:]
        else:
            raise ConfigurationError(f"the option sep = {text!r}: {rest[:2]!r} is no escape that Spark knows.")
    if not found:
        raise ConfigurationError("the option sep is empty: give a separator.")
    return found


def _line_separator(text: str | None) -> str | None:
    if text is not None and not 1 <= len(text.encode("utf-16-le", "surrogatepass")) // 2 <= 2:
        raise ConfigurationError(f"the option lineSep has one or two characters, not {text!r}.")
    return text


def _encoding(take: _Given) -> str | None:
    text = take.text("encoding") or take.text("charset")
    if text is None or text.upper() in ENCODINGS:
        return None if text is None else text.upper()
    if text.upper() in ("UTF-16", "UTF-32") or take.conf("legacy.javaCharsets", "false") == "true":
        raise UnsupportedError(
            f"encoding = {text!r}: the CSV storlet reads {', '.join(ENCODINGS)}. Use one of them, or spark.read.csv."
        )
    raise ConfigurationError(f"encoding = {text!r} is none that Spark knows: {', '.join(ENCODINGS)}, UTF-16, UTF-32.")
