"""The reader's options: one table, from which parsing, the command line and the documents take them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from spark_storlets.errors import ConfigurationError, UnsupportedError

#: Spark's CSV options that the storlet does not know yet, with the default that it implements. See
#: https://spark.apache.org/docs/latest/sql-data-sources-csv.html#data-source-option
FIXED_CSV_OPTIONS = {
    "quote": '"', "escape": "\\", "encoding": "UTF-8", "charset": "UTF-8", "comment": "", "multiline": "false",
    "mode": "PERMISSIVE", "inferschema": "false", "enforceschema": "true", "nullvalue": "", "emptyvalue": "",
    "nanvalue": "NaN", "positiveinf": "Inf", "negativeinf": "-Inf", "ignoreleadingwhitespace": "false",
    "ignoretrailingwhitespace": "false", "unescapedquotehandling": "STOP_AT_DELIMITER", "locale": "en-US",
    "maxcolumns": "20480", "maxcharspercolumn": "-1", "columnpruning": "true", "linesep": None, "dateformat": None,
    "columnnameofcorruptrecord": None, "chartoescapequoteescaping": None, "compression": None,
    "singlevariantcolumn": None, "enabledatetimeparsingfallback": None,
    # Of every file source: to ignore one would answer other rows.
    "pathglobfilter": None, "recursivefilelookup": None, "modifiedbefore": None, "modifiedafter": None,
    "basepath": None, "ignorecorruptfiles": "false", "ignoremissingfiles": "false",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One option: its name as in Spark, what it is for, its default and its environment variable, if any."""

    name: str
    help: str
    default: str | None = None
    environment: str | None = None


OPTIONS = (
    Option("path", "swift://container/object; the object part may hold * and ?; load() takes a list too"),
    Option("authUrl", "v1 authentication URL of the Swift cluster", None, "ST_AUTH"),
    Option("user", "account:user", None, "ST_USER"),
    Option("key", "the user's key", None, "ST_KEY"),
    Option("header", "the first line of each object holds the names", "false"),
    Option("sep", "the separator, one ASCII character", ","),
    Option("replicas", "replicas that the store keeps of an object", "3"),
    Option("workersPerNode", "requests that a storage node works on at once", "2"),
    Option("minSplitSize", "bytes that a split has at least", str(1 << 20)),
    Option("maxSplitSize", "bytes that a split has at most", str(256 << 20)),
)


@dataclass(frozen=True)
class ReadOptions:
    """The options of one read, checked.

    Raises (in `parse`):
        ConfigurationError: an option is missing or cannot be understood.
        UnsupportedError: an option of Spark's CSV reader that the storlet would not answer exactly.
    """

    paths: tuple[str, ...]
    auth_url: str
    user: str
    key: str
    header: bool
    sep: str
    parallelism: int
    min_split_size: int
    max_split_size: int

    def __repr__(self) -> str:
        return f"ReadOptions(paths={self.paths}, auth_url={self.auth_url!r}, user={self.user!r})"

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> ReadOptions:
        """Read the options as Spark hands them over; names in any case."""
        options = {name.lower(): value for name, value in given.items()}
        _refuse_unsupported(options)

        def value(name: str) -> str:
            option = next(o for o in OPTIONS if o.name == name)
            found = options.get(name.lower()) or (option.environment and os.environ.get(option.environment))
            found = found or option.default
            if not found:
                also = f" or the environment variable {option.environment}" if option.environment else ""
                raise ConfigurationError(f"the option {name} ({option.help}) is missing: give it{also}.")
            return found

        paths = json.loads(options["paths"]) if options.get("paths") else [value("path")]
        sep = options.get("sep") or options.get("delimiter") or value("sep")
        sep = "\t" if sep == "\\t" else sep
        if len(sep) != 1 or not sep.isascii() or sep in '\0\r\n"\\':
            raise UnsupportedError(f"sep = {sep!r}: the CSV storlet takes one ASCII character. Use spark.read.csv.")
        return cls(
            paths=tuple(paths),
            auth_url=value("authUrl"),
            user=value("user"),
            key=value("key"),
            header=_boolean("header", value("header")),
            sep=sep,
            parallelism=_positive("replicas", value("replicas")) * _positive("workersPerNode", value("workersPerNode")),
            min_split_size=_positive("minSplitSize", value("minSplitSize")),
            max_split_size=_positive("maxSplitSize", value("maxSplitSize")),
        )


def _refuse_unsupported(options: Mapping[str, str]) -> None:
    for name, default in FIXED_CSV_OPTIONS.items():
        given = options.get(name)
        if given is not None and (default is None or given.lower() != default.lower()):
            known = f", only {default!r}" if default is not None else ""
            raise UnsupportedError(
                f"the CSV storlet does not support the option {name} = {given!r}{known}, and would answer other rows "
                "than Spark. Leave it out, or read the file with spark.read.csv."
            )


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigurationError(f"the option {name} is true or false, not {text!r}.")
    return text.lower() == "true"


def _positive(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"the option {name} is a whole number from 1 on, not {text!r}.")
    return int(text)
