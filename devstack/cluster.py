"""Starting, stopping and looking at the cluster's processes.

A process is known by its pid and its start time together, so that a stale pid file never names somebody else's
process. `up` is for every state the directory can be in: new, stopped, running, half dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from spark_storlets.devstack import configuration, keystone
from spark_storlets.devstack.configuration import Layout

from spark_storlets.errors import ConfigurationError, NotFoundError, StoreUnavailableError

START_SECONDS = 90
STOP_SECONDS = 15


@dataclass(frozen=True)
class DevstackStatus:
    """One server: its name, address ("host:port"), pid (None when it does not run) and whether it answers."""

    name: str
    address: str
    pid: int | None
    healthy: bool


class Devstack:
    """The cluster in one directory.

    Args:
        directory: everything the cluster writes goes below it; made when missing.
        port: the proxy's port on 127.0.0.1; the other servers take the four ports after it, the storage nodes on
            127.0.0.11 to 127.0.0.13. None: the one it was made with, or 8080.
        sandbox: what storlets run in, bubblewrap or docker.
        gateway: options of the storlet gateways that are not to have the devstack's values.
        token_seconds: given, there is a Keystone (on the fifth port after the proxy's) in the place of tempauth, whose
            tokens live so long.
        coded: is there a storage policy `coded` with erasure codes, beside the one of three replicas?
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        sandbox: str = "bubblewrap",
        gateway: Mapping[str, str] | None = None,
        token_seconds: int | None = None,
        coded: bool = False,
    ) -> None:
        self.directory = directory.expanduser().resolve()
        self._settings = self.directory / "devstack.json"
        known = json.loads(self._settings.read_text())["port"] if self._settings.exists() else 8080
        self.layout = Layout(
            self.directory, known if port is None else port, sandbox, gateway or {}, token_seconds, coded
        )

    @property
    def auth_url(self) -> str:
        """The v1 authentication URL of the cluster."""
        return self.layout.auth_url

    def up(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Start what does not run and wait until every server answers.

        Args:
            say: told in a few words what is being done.

        Raises:
            ConfigurationError: a port is taken, a program is missing, the file system or the user cannot do it.
            StoreUnavailableError: a server did not start; the message holds the end of its log.
        """
        self._check_machine()
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked():
            states = self.status()
            if all(s.healthy for s in states) and self._running_port() == self.layout.port:
                say(f"already up at {self.auth_url}")
                return
            if any(s.pid for s in states):
                dead = ", ".join(s.name for s in states if not s.healthy) or "none, but on another port"
                say(f"half up (not answering: {dead}): stopping the rest first")
                self._stop_all()
            self._check_ports()
            configuration.write(self.layout)
            if self.layout.token_seconds:
                say("preparing Keystone")
                keystone.write(self._keystone, self.layout.keystone_url, self.layout.token_seconds)
            self._settings.write_text(json.dumps({"port": self.layout.port}))
            for name in ("run", "logs"):
                (self.directory / name).mkdir(exist_ok=True)
            say(f"starting {len(states)} servers")
            try:
                for name in self.layout.addresses():
                    self._start(name)
                self._wait_until_healthy()
                if self.layout.token_seconds:
                    keystone.add_swift(self.layout.keystone_url, f"{self.layout.url}/v1/AUTH_%(project_id)s")
            except BaseException:
                self._stop_all()
                raise
            say(f"up at {self.auth_url}")

    def down(self) -> bool:
        """Stop every server; the data stays.

        Returns:
            Whether anything was running.
        """
        if not self.directory.exists():
            return False
        with self._locked():
            return self._stop_all()

    def status(self) -> list[DevstackStatus]:
        """Look at every server: does its process run, does it answer."""
        found = []
        for name, (host, port) in self.layout.addresses().items():
            process = self._process(name)
            healthy = process is not None and _answers(name, host, port)
            found.append(DevstackStatus(name, f"{host}:{port}", process.pid if process else None, healthy))
        return found

    def swift_program(self, name: str, *arguments: str) -> list[str]:
        """Give the command that runs a program of Swift's, named without `swift-`, as one of this cluster's."""
        program = Path(sys.executable).parent / f"swift-{name}"
        module = "spark_storlets.devstack.swift_program"
        return [sys.executable, "-m", module, str(self.layout.etc), str(program), *arguments]

    def log_file(self, name: str) -> Path:
        """Give the log of a server.

        Raises:
            NotFoundError: there is no such server, or it never ran.
        """
        file = self._log(name)
        if name not in self.layout.addresses() or not file.exists():
            raise NotFoundError(
                f"no log of {name!r} below {self.directory}: the servers are {', '.join(self.layout.addresses())}, "
                "and each has a log once it was started."
            )
        return file

    # -- one process

    def _start(self, name: str) -> None:
        host, port = self.layout.addresses()[name]
        if name == "memcached":
            command = ["memcached", "-l", host, "-p", str(port), "-U", "0", "-m", "64"]
            if os.geteuid() == 0:
                command += ["-u", "root"]
        elif name == "keystone":
            command = [sys.executable, "-m", "spark_storlets.devstack.keystone_server", str(port)]
        else:
            command = self.swift_program(f"{name.split('-')[0]}-server", str(self.layout.etc / f"{name}.conf"), "-v")
        with self._log(name).open("ab") as log:
            # A session of its own: stopping it by process group reaches whatever it started.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.directory,
                env={**os.environ, "OS_KEYSTONE_CONFIG_FILES": str(self._keystone / "keystone.conf")},
            )
        record = {"pid": process.pid, "started": psutil.Process(process.pid).create_time()}
        self._pid_file(name).write_text(json.dumps(record))

    def _process(self, name: str) -> psutil.Process | None:
        try:
            record = json.loads(self._pid_file(name).read_text())
            process = psutil.Process(record["pid"])
            same = process.create_time() == record["started"] and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            return None
        return process if same else None

    def _stop_all(self) -> bool:
        processes = [p for p in map(self._process, self.layout.addresses()) if p]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in processes:
                if process.is_running():
                    _signal_group(process.pid, sign)
            _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
            if not alive:
                break
        for name in self.layout.addresses():
            self._pid_file(name).unlink(missing_ok=True)
        return bool(processes)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = dict(self.layout.addresses())
        while waiting:
            for name, (host, port) in list(waiting.items()):
                if _answers(name, host, port):
                    del waiting[name]
                elif self._process(name) is None:
                    raise StoreUnavailableError(f"the {name} server ended while starting:\n{self._end_of_log(name)}")
            if waiting and time.monotonic() > deadline:
                name = next(iter(waiting))
                raise StoreUnavailableError(
                    f"the {name} server does not answer after {START_SECONDS} s:\n{self._end_of_log(name)}"
                )
            time.sleep(0.05)

    # -- what the machine must have

    def _check_machine(self) -> None:
        missing = [p for p in ("memcached", "bwrap", "setpriv", "prlimit") if shutil.which(p) is None]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} not found: install the Debian packages memcached, bubblewrap and util-linux."
            )
        if os.geteuid() != 0:
            raise ConfigurationError(
                "the sandbox runs storlets under another uid than the object servers', and only root can start it: "
                "run this as root."
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        probe = self.directory / ".xattr"
        probe.touch()
        try:
            os.setxattr(probe, "user.swift.probe", b"1")
        except OSError as error:
            raise ConfigurationError(
                f"the file system of {self.directory} keeps no extended attributes ({error.strerror}), which Swift "
                "needs: choose a --directory on ext4 or xfs."
            ) from error
        finally:
            probe.unlink()

    def _check_ports(self) -> None:
        for name, (host, port) in self.layout.addresses().items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise ConfigurationError(
                        f"{host}:{port}, wanted for the {name} server, cannot be used ({error.strerror}"
                        f"{_holder(port)}): stop what holds it, or choose another port with --port "
                        "(it and the four after it are used)."
                    ) from error

    # -- files

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"another command is starting or stopping the cluster in {self.directory}: wait for it."
                ) from None
            yield

    @property
    def _keystone(self) -> Path:
        return self.directory / "keystone"

    def _running_port(self) -> int | None:
        return json.loads(self._settings.read_text())["port"] if self._settings.exists() else None

    def _pid_file(self, name: str) -> Path:
        return self.directory / "run" / f"{name}.json"

    def _log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def _end_of_log(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:]) + f"\n(the whole log: {self._log(name)})"


def _answers(name: str, host: str, port: int) -> bool:
    try:
        if name == "memcached":
            with socket.create_connection((host, port), timeout=2) as connection:
                connection.sendall(b"version\r\n")
                return connection.recv(16).startswith(b"VERSION")
        with urllib.request.urlopen(f"http://{host}:{port}/healthcheck", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                return f" by pid {connection.pid}, {psutil.Process(connection.pid).name()}"
    except psutil.Error:
        pass  # not every user may see every process
    return ""


def _signal_group(pid: int, sign: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, sign)
