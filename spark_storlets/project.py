"""A storlet of somebody's own: its files, a run of it on this machine, and its upload.

A project is a directory with a file storlet.json: `main` (module.Class; the module's file is the storlet) and
`dependencies` (names of files that it finds beside it: the project's own, or those of the SDK).

A run here takes the way of a run in the store as far as it goes without a sandbox: a process of the same program as
there, which sees the storlet's own files and no others, gets descriptors and a message for a call, under the same
limits for a process, and its answer is read and checked as an answer of the store. The packages that a storlet may
import are those of the store's sandbox; here they are those of this Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from spark_storlets.errors import ConfigurationError, StorletFailedError
from spark_storlets.resources import storlets_path

if TYPE_CHECKING:
    from spark_storlets.datasource.client import SwiftClient

__all__ = ["LocalAnswer", "Project", "create", "run"]

MANIFEST = "storlet.json"
#: As in the sandbox: bytes of memory and of a file.
MEMORY, FILE_SIZE = 2 << 30, 64 << 20
TIMEOUT = 40.0
MAX_STATUS = 1 << 16
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Project:
    """A storlet's files by the names that they have in the store.

    Attributes:
        main: module.Class.
        files: the storlet's own file first.
    """

    main: str
    files: Mapping[str, Path]

    @property
    def name(self) -> str:
        """The storlet's name in the store."""
        return next(iter(self.files))

    @classmethod
    def load(cls, directory: Path) -> Project:
        """Read a project.

        Raises:
            ConfigurationError: it is none, or a file of it is missing.
        """
        manifest = directory / MANIFEST
        try:
            said = json.loads(manifest.read_text())
            main, names = str(said["main"]), [f"{said['main'].split('.')[0]}.py", *said["dependencies"]]
        except OSError as error:
            raise ConfigurationError(f"{directory} is no storlet's project: it has no {MANIFEST}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{manifest} is not understood: it needs main and dependencies.") from error
        return cls(main, {name: _found(directory, name) for name in names})

    def upload(self, client: SwiftClient, sent: Callable[[int], None] = lambda size: None) -> None:
        """Upload it, and enable the account for storlets; `sent` is told how many bytes more have gone."""
        from spark_storlets.datasource.deploy import enable, upload_dependency, upload_storlet

        enable(client)
        dependencies = [name for name in self.files if name != self.name]
        for name in dependencies:
            file = self.files[name]
            upload_dependency(client, name, file.read_bytes(), os.access(file, os.X_OK), sent)
        upload_storlet(client, self.name, self.files[self.name].read_bytes(), self.main, dependencies)


@dataclass(frozen=True)
class LocalAnswer:
    """What a storlet has answered: the metadata that it set, and its output."""

    metadata: Mapping[str, str]
    output: bytes

    def lines(self) -> list[str]:
        """Give the lines of the output."""
        return self.output.decode().splitlines()

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows of a TableStorlet's table.

        Raises:
            StorletFailedError, IncompleteAnswerError: it is not whole.
        """
        from spark_storlets.datasource.storlet_call import trailer_of
        from spark_storlets.datasource.storlet_rdd import rows_of

        trailer_of({"object": "this run", "range": "", "storlet": "the storlet"}, self.output)
        return list(rows_of(self.output))


def create(directory: Path) -> list[Path]:
    """Make a project, with a storlet to begin from and a test of it.

    Raises:
        ConfigurationError: there is something of that name already, or it cannot be a storlet's name.
    """
    name = directory.name
    if not name.isidentifier():
        raise ConfigurationError(f"{name!r} cannot be a storlet's name: use letters, digits and _ only.")
    if directory.exists():
        raise ConfigurationError(f"{directory} is there already: give another name.")
    directory.mkdir(parents=True)
    names = {"name": name, "class_name": "".join(part.capitalize() for part in name.split("_")) or name}
    made = []
    for template in sorted(_TEMPLATES.iterdir()):
        file = directory / template.name.replace("NAME", name).removesuffix(".template")
        file.write_text(Template(template.read_text()).substitute(names))
        made.append(file)
    return made


def run(
    project: Path | Project,
    data: bytes,
    params: Mapping[str, Any] | None = None,
    *,
    table: bool = True,
    name: str = "object",
    timeout: float = TIMEOUT,
) -> LocalAnswer:
    """Run a storlet on this machine.

    Args:
        project: or the directory of one.
        data: the object.
        params: as for storlet_rdd: of a TableStorlet its request, else parameters as text.
        table: whether it is a TableStorlet.
        name: the object's.
        timeout: seconds that it may take.

    Raises:
        ConfigurationError: the project or the installation is not whole.
        StorletFailedError: it failed, as it would in the store.
    """
    from spark_storlets.datasource.storlet_call import parameters_of, table_request
    from spark_storlets.partitioner.splits import Split

    loaded = project if isinstance(project, Project) else Project.load(project)
    given = params or {}
    if table:
        texts = parameters_of(table_request(name, len(data), Split(0, len(data)), given))
    else:
        texts = {key: str(value) for key, value in given.items()}
    with tempfile.TemporaryDirectory(prefix="storlet-") as place, tempfile.TemporaryFile() as file:
        directory = Path(place) / loaded.main
        directory.mkdir()
        for target, origin in loaded.files.items():
            shutil.copy(origin, directory / target)
        file.write(data)
        file.flush()
        # A descriptor of its own: read-only, and at the beginning.
        with (
            open(f"/proc/self/fd/{file.fileno()}", "rb") as source,
            _worker(loaded.main, directory, timeout) as (process, sock),
        ):
            try:
                return _call(
                    process, sock, {**texts, "storlet_execution_path": str(directory)}, source.fileno(), loaded.name
                )
            except TimeoutError:
                raise StorletFailedError(f"{loaded.name} took longer than {timeout:g} s.") from None


@contextlib.contextmanager
def _worker(main: str, directory: Path, timeout: float) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Start the program that runs storlets in the sandbox, without the sandbox."""
    import spark_storlets.sandbox

    program = Path(spark_storlets.sandbox.__path__[0]) / "worker.py"
    limits = shlex.split(f"prlimit --as={MEMORY} --fsize={FILE_SIZE} --core=0 --nofile=256")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Of its own: the worker cuts a log that becomes long.
    with ours, theirs, tempfile.TemporaryFile() as log:
        command = [*limits, sys.executable, "-I", "-B", "-u", str(program), str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=log, stderr=log, start_new_session=True)
        theirs.close()
        try:
            ours.settimeout(timeout)
            socket.send_fds(ours, [json.dumps([main, str(directory)]).encode()], [log.fileno()])
            yield process, ours
        finally:
            process.kill()
            process.wait()
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))


def _call(
    process: subprocess.Popen[bytes], sock: socket.socket, params: Mapping[str, str], data: int, storlet: str
) -> LocalAnswer:
    _check(_status(sock, storlet), storlet)
    header = json.dumps({"params": dict(params), "inputs": [{"metadata": {}, "range": None}]}).encode()
    with contextlib.ExitStack() as ends, ThreadPoolExecutor(2) as threads:
        written, readers = [], []
        for _ in range(2):  # the output, and what is said of it
            reading, writing = os.pipe()
            written.append(writing)
            readers.append(threads.submit(ends.enter_context(open(reading, "rb")).read))
        try:
            socket.send_fds(sock, [header], [*written, data])
        finally:
            for fd in written:
                os.close(fd)
        try:
            status = _status(sock, storlet)
        except BaseException:
            process.kill()  # else its output has no end, for which the readers wait
            raise
        output, metadata = (reader.result() for reader in readers)
    _check(status, storlet)
    if not metadata:
        raise StorletFailedError(f"{storlet} failed: it set no metadata.")
    return LocalAnswer(json.loads(metadata), output)


def _status(sock: socket.socket, storlet: str) -> dict[str, Any]:
    message = sock.recv(MAX_STATUS)
    if not message:
        raise StorletFailedError(f"{storlet}'s process ended in the middle of a call; what it said is above.")
    status: dict[str, Any] = json.loads(message)
    return status


def _check(status: Mapping[str, Any], storlet: str) -> None:
    if not status["ok"]:
        raise StorletFailedError(f"{storlet} failed: {status['kind']}: {status['message']}")


def _found(directory: Path, name: str) -> Path:
    for place in (directory, storlets_path()):
        if (place / name).is_file():
            return place / name
    raise ConfigurationError(f"{name} is neither in {directory} nor a file of the SDK.")
