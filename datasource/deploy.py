"""Uploading the storlets, and knowing whether what is deployed is what this release speaks with."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from spark_storlets.datasource.client import SwiftClient, explained

from spark_storlets.errors import ConfigurationError, NotFoundError
from spark_storlets.resources import storlets_path

DIGEST, VERSION = "x-object-meta-spark-storlets-digest", "x-object-meta-spark-storlets-version"


@dataclass(frozen=True)
class Storlet:
    """A storlet of this release: its file, its class and the files that it imports."""

    name: str
    main: str
    dependencies: tuple[str, ...]

    @functools.cached_property
    def digest(self) -> str:
        """Name the exact content of the storlet and its dependencies."""
        files = [storlets_path() / name for name in (self.name, *self.dependencies)]
        return hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files)).hexdigest()


_EXPRESSIONS = ("storlet_expression.py", "csv_kernel.py", "libstorlets_csv_kernel.so")
_TABLE = ("storlet_sdk.py", "storlet_source.py")

CSV = Storlet(
    "csv_storlet.py",
    "csv_storlet.CsvStorlet",
    (
        *_TABLE,
        "storlet_batches.py",
        "storlet_aggregate.py",
        "storlet_top.py",
        "csv_records.py",
        "csv_filter.py",
        *_EXPRESSIONS,
    ),
)
EXIF = Storlet("exif_storlet.py", "exif_storlet.ExifStorlet", (*_TABLE, "exif_image.py", "exif_tags.py", *_EXPRESSIONS))
EXIF_METADATA = Storlet(
    "exif_metadata_storlet.py", "exif_metadata_storlet.ExifMetadataStorlet", (EXIF.name, *EXIF.dependencies)
)
CSV_INDEX = Storlet(
    "csv_index_storlet.py",
    "csv_index_storlet.CsvIndexStorlet",
    (*_TABLE, "csv_records.py", "csv_kernel.py", "libstorlets_csv_kernel.so"),
)
CSV_CLEAN = Storlet("csv_clean_storlet.py", "csv_clean_storlet.CsvCleanStorlet", ())
#: The part of a module's storlet that is the same for all modules.
WASM = Storlet("wasm_storlet.py", "", (CSV.name, *CSV.dependencies))
STORLETS = (CSV, EXIF, EXIF_METADATA, CSV_CLEAN, CSV_INDEX)


def deploy(client: SwiftClient, storlets: Sequence[Storlet] = STORLETS) -> list[str]:
    """Upload storlets and what they import to an account and enable storlets on it.

    Returns:
        The names uploaded, as container/object.

    Raises:
        AuthenticationError: the user may not do that; an account's admin may.
    """
    return list(deployed(client, storlets))


def deployed(client: SwiftClient, storlets: Sequence[Storlet]) -> Iterator[str]:
    """Do the same, and give each name when it is uploaded."""
    enable(client)
    directory, ours = storlets_path(), {storlet.name: storlet for storlet in storlets}
    for container, name in files_of(storlets):
        content = (directory / name).read_bytes()
        if container == "dependency":
            upload_dependency(client, name, content)
        else:
            one = ours[name]
            upload_storlet(client, name, content, one.main, one.dependencies, _release(one))
        yield f"{container}/{name}"


def _release(storlet: Storlet) -> dict[str, str]:
    return {DIGEST: storlet.digest, VERSION: importlib.metadata.version("spark-storlets")}


def files_of(storlets: Sequence[Storlet]) -> list[tuple[str, str]]:
    """Name what is uploaded for storlets, each with its container.

    The storlets come last: with them the engine sees a new version, dependencies included.
    """
    names = dict.fromkeys(name for storlet in storlets for name in storlet.dependencies)
    return [*(("dependency", name) for name in names), *(("storlet", storlet.name) for storlet in storlets)]


def enable(client: SwiftClient) -> None:
    """Allow an account to run storlets."""
    with explained("the account's storlets"):
        client.connection.post_account({"X-Account-Meta-Storlet-Enabled": "True"})
        for container in ("storlet", "dependency", "log"):
            client.connection.put_container(container)


def upload_dependency(
    client: SwiftClient,
    name: str,
    content: bytes,
    executable: bool = False,
    sent: Callable[[int], None] = lambda size: None,
) -> None:
    """Upload a file that storlets find beside them; `sent` is told how many bytes more have gone."""
    headers = {
        "X-Object-Meta-Storlet-Dependency-Version": "1",
        "X-Object-Meta-Storlet-Dependency-Permissions": "0700" if executable else "0600",
    }
    with explained(f"dependency/{name}"):
        client.connection.put_object("dependency", name, _Told(content, sent), len(content), headers=headers)


class _Told(io.BytesIO):
    """Bytes whose reading is told."""

    def __init__(self, content: bytes, told: Callable[[int], None]) -> None:
        super().__init__(content)
        self._told = told

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._told(len(data))
        return data


def upload_storlet(
    client: SwiftClient,
    name: str,
    content: bytes,
    main: str,
    dependencies: Sequence[str],
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Upload a storlet.

    Args:
        client: of the account that is to have it.
        name: of its file.
        content: of its file.
        main: module.Class.
        dependencies: names of the files that it finds beside it.
        more: headers besides those of the engine.
    """
    headers = {
        "X-Object-Meta-Storlet-Language": "Python",
        "X-Object-Meta-Storlet-Interface-Version": "1.0",
        "X-Object-Meta-Storlet-Object-Metadata": "no",
        "X-Object-Meta-Storlet-Dependency": ",".join(dependencies),
        "X-Object-Meta-Storlet-Main": main,
        **more,
    }
    with explained(f"storlet/{name}"):
        client.connection.put_object("storlet", name, content, headers=headers)


def check_deployed(client: SwiftClient, storlet: Storlet, name: str | None = None) -> None:
    """See that the account has a storlet as it is in this release.

    Args:
        client: of the account.
        storlet: which one.
        name: under which it is there, if not its own.

    Raises:
        NotFoundError: it is not deployed.
        ConfigurationError: another release's is.
    """
    name = name or storlet.name
    again = "spark-storlets wasm" if storlet == WASM else "spark-storlets deploy"
    try:
        headers = client.headers("storlet", name)
    except NotFoundError as error:
        raise NotFoundError(f"the storlet {name} is not deployed in this account: run `{again}`.") from error
    if headers.get(DIGEST) != storlet.digest:
        raise ConfigurationError(f"the deployed {name} is not that of this release of spark-storlets: run `{again}`.")


def deploy_module(client: SwiftClient, name: str, module: Path, sent: Callable[[int], None] = lambda size: None) -> str:
    """Upload a WebAssembly module, for the reader's options wasm and wasmColumns.

    Args:
        client: of the account that is to have it.
        name: a name that Python could have.
        module: its file; binary, or text (WAT).
        sent: is told how many bytes more of it have gone.

    Returns:
        The storlet's name.

    Raises:
        ConfigurationError: the name is none.
    """
    if not name.isidentifier():
        raise ConfigurationError(f"{name!r} cannot be a module's name: use letters, digits and _ only.")
    storlet, file = f"{name}.py", f"{name}.wasm"
    names = [WASM.name, *WASM.dependencies, file]
    enable(client)
    for own in (WASM.name, *WASM.dependencies):
        upload_dependency(client, own, (storlets_path() / own).read_bytes())
    upload_dependency(client, file, module.read_bytes(), sent=sent)
    content = f"from wasm_storlet import WasmStorlet\n\n\nclass Module(WasmStorlet):\n    module = {file!r}\n"
    upload_storlet(client, storlet, content.encode(), f"{name}.Module", names, _release(WASM))
    return storlet


def deploy_program(
    client: SwiftClient,
    name: str,
    program: Path,
    files: Sequence[Path] = (),
    sent: Callable[[int], None] = lambda size: None,
) -> str:
    """Upload a program as a storlet that gets objects on its standard input.

    Args:
        client: of the account that is to have it.
        name: of the storlet, without the ending .py: a name that Python could have.
        program: an executable for the sandbox's system.
        files: what it finds beside itself.
        sent: is told how many bytes more of all these have gone.

    Returns:
        The storlet's name.

    Raises:
        ConfigurationError: the name is none, or two of the files have one name.
    """
    if not name.isidentifier():
        raise ConfigurationError(f"{name!r} cannot be a storlet's name: use letters, digits and _ only.")
    storlet, runner = f"{name}.py", storlets_path() / "pipe_storlet.py"
    names = [runner.name, *(file.name for file in (program, *files))]
    if len({*names, storlet}) <= len(names):
        raise ConfigurationError(f"two of {', '.join([storlet, *names])} have the same name: rename one.")
    enable(client)
    upload_dependency(client, runner.name, runner.read_bytes())
    for file in (program, *files):
        upload_dependency(client, file.name, file.read_bytes(), executable=file == program, sent=sent)
    content = f"from pipe_storlet import PipeStorlet\n\n\nclass Program(PipeStorlet):\n    program = {program.name!r}\n"
    upload_storlet(client, storlet, content.encode(), f"{name}.Program", names)
    return storlet
