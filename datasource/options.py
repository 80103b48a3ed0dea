"""The reader's options: one table, from which parsing, the command line and the documents take them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_storlets.datasource.client import Listed, SwiftClient
from spark_storlets.datasource.login import Login, login_of, s3_login
from spark_storlets.datasource.paths import parse_path

from spark_storlets.errors import ConfigurationError, UnsupportedError

if TYPE_CHECKING:
    from pyspark import SparkContext


@dataclass(frozen=True)
class Option:
    """One option: its name as in Spark, what it is for with its environment variables, and its default."""

    name: str
    help: str
    default: str | None = None


OPTIONS = (
    Option("path", "swift:// or s3://container/name of an object or a folder, or a pattern; load() takes a list too"),
    Option("names", "objects of the container that path names, as JSON: pairs of name and bytes, or null"),
    Option("basePath", "the folder below which key=value in folders' names makes columns"),
    Option("recursiveFileLookup", "whether all folders below a folder are read, none as a partition", "false"),
    Option("storlet", "what makes the table of the objects: csv, exif, or listing for the objects themselves", "csv"),
    Option(
        "python",
        "the driver's Python that plans reads, with spark_storlets in it; else spark.pyspark.driver.python or "
        "spark.pyspark.python [PYSPARK_DRIVER_PYTHON, PYSPARK_PYTHON]",
        "python3",
    ),
    Option("profile", "a section of ~/.config/spark-storlets/profiles.ini with the next ones [SPARK_STORLETS_PROFILE]"),
    Option("authUrl", "URL of Swift's v1 authentication, or of Keystone [ST_AUTH, OS_AUTH_URL]"),
    Option("user", "account:user, or Keystone's user [ST_USER, OS_USERNAME]"),
    Option("key", "the user's key or password [ST_KEY, OS_PASSWORD]"),
    Option("authVersion", "1 or 3 (Keystone), where the other options do not tell"),
    Option("projectName", "Keystone's project [OS_PROJECT_NAME]"),
    Option("userDomainName", "the user's domain, or Default [OS_USER_DOMAIN_NAME]"),
    Option("projectDomainName", "the project's domain, or Default [OS_PROJECT_DOMAIN_NAME]"),
    Option("applicationCredentialId", "instead of user and project [OS_APPLICATION_CREDENTIAL_ID]"),
    Option("applicationCredentialSecret", "its secret [OS_APPLICATION_CREDENTIAL_SECRET]"),
    Option("regionName", "whose Swift, if Keystone knows several [OS_REGION_NAME]; for paths s3:// s3api's location"),
    Option("storageUrl", "the account's URL, if it is not the one that Keystone gives [OS_STORAGE_URL]"),
    Option("cloud", "a cloud of clouds.yaml instead of all these [OS_CLOUD]"),
    Option("endpointUrl", "for paths s3://: URL of the proxy with s3api [AWS_ENDPOINT_URL]"),
    Option("accessKey", "for paths s3:// [AWS_ACCESS_KEY_ID]"),
    Option("secretKey", "for paths s3:// [AWS_SECRET_ACCESS_KEY]"),
    Option("replicas", "replicas that the store keeps of an object; else what it says itself, or 3"),
    Option("workersPerNode", "requests that a storage node works on at once; else what the store says, or 2"),
    Option("minSplitSize", "bytes that a split has at least", str(1 << 20)),
    Option("maxSplitSize", "bytes that a split has at most", str(256 << 20)),
    Option("window", "requests that a task has in flight at most", "4"),
    Option("delimiter", "of a listing: what ends a pseudo-folder's name; names behind it are one row"),
    Option("listingTasks", "tasks that list a container; more for a great many photos", "32"),
    Option("listingProbes", "requests at most by which a listing is cut for its tasks", "200"),
    Option("streamDelay", "seconds before a stream takes an object; no upload may last longer", "60"),
    Option("retries", "how often a request is repeated that the store could not answer, or not to the end", "3"),
    Option("connectTimeout", "seconds to connect", "10"),
    Option("readTimeout", "seconds without a byte", "600"),
    Option("compressAnswers", "whether the store compresses its answers, for a link slower than 1 Gb/s (csv)", "false"),
    Option("wasm", "the name of an uploaded WebAssembly module, for wasmColumns"),
    Option("wasmColumns", "columns that its functions make: NAME TYPE = FUNCTION(COLUMN, …); several with semicolons"),
    Option("wasmFuel", "instructions that a function may take for a row", "10000"),
    Option("pushPredicates", "whether the store evaluates filters", "true"),
    Option("pushAggregates", "whether the store aggregates", "true"),
    Option("pushLimit", "whether the store stops at a LIMIT, and keeps only the first rows of an order", "true"),
)


#: What their names begin with as Spark's confs.
SESSION = "spark.datasource.storlets."
#: Options of Spark's file sources that choose files, and would be without effect here.
REFUSED = ("pathGlobFilter", "modifiedBefore", "modifiedAfter")


@dataclass(frozen=True)
class ReadOptions:
    """The options of one read, checked.

    Raises (in `parse`):
        ConfigurationError: an option is missing or cannot be understood.
        UnsupportedError: an option of Spark's that would have no effect.
    """

    paths: tuple[str | Listed, ...]
    base_path: str | None
    recursive: bool
    login: Login
    storlet: str
    replicas: int | None
    workers: int | None
    min_split_size: int
    max_split_size: int
    reading: Mapping[str, int]  # what the connector must know of how to read, by its names
    delimiter: str
    listing_tasks: int
    listing_probes: int
    stream_delay: int
    compress_answers: bool
    wasm: str
    wasm_columns: str
    wasm_fuel: int
    push_predicates: bool
    push_aggregates: bool
    push_limit: bool

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> ReadOptions:
        """Read the options as Spark hands them over: names in any case."""
        options = {name.lower(): value for name, value in given.items()}
        for name in REFUSED:
            if name.lower() in options:
                raise UnsupportedError(
                    f"the option {name} is not supported, and would choose no objects. Leave it out: write a pattern "
                    "in the path, or read what a listing chooses with spark_storlets.read_names."
                )

        def value(name: str) -> str:
            option = next(o for o in OPTIONS if o.name == name)
            found = options.get(name.lower()) or option.default
            if not found:
                raise ConfigurationError(f"the option {name} ({option.help}) is missing: give it.")
            return found

        given_paths: list[str] = json.loads(options["paths"]) if options.get("paths") else [value("path")]
        paths: list[str | Listed] = [*given_paths]
        if options.get("names"):
            container, _ = parse_path(value("path"))
            known = json.loads(options["names"])
            paths = [Listed(container, name, -1 if size is None else size, None) for name, size in known]
        return cls(
            paths=tuple(paths),
            base_path=options.get("basepath"),
            recursive=_boolean("recursiveFileLookup", value("recursiveFileLookup")),
            login=s3_login(options) if _is_s3(given_paths, value("storlet")) else login_of(options),
            storlet=value("storlet"),
            replicas=_positive("replicas", options["replicas"]) if options.get("replicas") else None,
            workers=_positive("workersPerNode", options["workerspernode"]) if options.get("workerspernode") else None,
            min_split_size=_positive("minSplitSize", value("minSplitSize")),
            max_split_size=_positive("maxSplitSize", value("maxSplitSize")),
            reading={
                **{name: _positive(name, value(name)) for name in ("window", "connectTimeout", "readTimeout")},
                "retries": _whole("retries", value("retries"), 0),
            },
            delimiter=options.get("delimiter", ""),
            listing_tasks=_positive("listingTasks", value("listingTasks")),
            listing_probes=_positive("listingProbes", value("listingProbes")),
            stream_delay=_whole("streamDelay", value("streamDelay"), 0),
            compress_answers=_boolean("compressAnswers", value("compressAnswers")),
            wasm=options.get("wasm", ""),
            wasm_columns=options.get("wasmcolumns", ""),
            wasm_fuel=_positive("wasmFuel", value("wasmFuel")),
            push_predicates=_boolean("pushPredicates", value("pushPredicates")),
            push_aggregates=_boolean("pushAggregates", value("pushAggregates")),
            push_limit=_boolean("pushLimit", value("pushLimit")),
        )

    def client(self) -> SwiftClient:
        """Log in, anew for each plan: its tasks get the longest life that a token has."""
        return self.login.client()


def session_options(sc: SparkContext) -> dict[str, str]:
    """Give the options that a context's configuration has for all its reads."""
    pairs = sc.getConf().getAll()
    return {key.removeprefix(SESSION): value for key, value in pairs if key.startswith(SESSION)}


def _is_s3(paths: Sequence[str], storlet: str) -> bool:
    """Tell which protocol the paths mean.

    Raises:
        ConfigurationError: both, or one that cannot be used here.
    """
    found = {path.startswith("s3://") for path in paths}
    if len(found) > 1:
        raise ConfigurationError("paths swift:// and s3:// in one read: write all of them in one way.")
    if True in found and storlet == "listing":
        raise ConfigurationError("the option storlet = 'listing' takes paths swift:// only.")
    return True in found


def _positive(name: str, text: str) -> int:
    return _whole(name, text, 1)


def _whole(name: str, text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 1 << 53:
        raise ConfigurationError(f"the option {name} is a whole number from {least} on, not {text!r}.")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigurationError(f"the option {name} is true or false, not {text!r}.")
    return text.lower() == "true"
