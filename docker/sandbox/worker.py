"""The program inside the sandbox: imports one storlet and runs it, call after call.

Its argument is the descriptor of a SOCK_SEQPACKET socket, or the path of one to connect to.

Receives first which storlet to import, as a JSON array of its ``module.Class`` and the directory of its files, and the
descriptor of its log; then a message for each call: a JSON header (``params``; ``inputs``, each with ``metadata`` and
``range``) and the descriptors of the output, its metadata and the inputs. Sends a JSON message when the storlet is
imported and one after each call: ``ok``, or else ``kind`` and ``message`` of what went wrong, and ``last`` when the
worker should not be used again.

Knows only the standard library and the engine's file classes, so that storlets written for the engine's own daemon
run unchanged.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from storlets.agent.daemon.files import StorletInputFile, StorletLogger, StorletOutputFile, StorletRangeInputFile

MAX_HEADER = 256 * 1024
MAX_DESCRIPTORS = 253  # the kernel's own limit
MAX_LOG = 1024 * 1024


def main(address: str) -> None:
    """Serve calls until the server closes its end."""
    sock = socket.socket(fileno=int(address)) if address.isdigit() else connect(address)
    message, logs, _, _ = socket.recv_fds(sock, MAX_HEADER, 1)
    if not message:
        return
    print_into(*logs)
    name, directory = json.loads(message)
    try:
        storlet = load(name, directory)
    except BaseException as error:
        send(sock, failure(error))
        return
    send(sock, {"ok": True})
    while True:
        header, fds, flags, _ = socket.recv_fds(sock, MAX_HEADER, MAX_DESCRIPTORS)
        if not header:
            return
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise SystemExit("a call was cut short")
        status = call(storlet, name, json.loads(header), fds)
        bound_log()
        send(sock, status)
        if status.get("last"):
            return


def connect(path: str) -> socket.socket:
    """Connect to the server."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(path)
    return sock


def print_into(log: int) -> None:
    """Let all that is printed go into this file."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def load(name: str, directory: str) -> Callable[..., Any]:
    """Import the storlet's class from its directory."""
    module_name, class_name = name.split(".")
    sys.path.insert(0, directory)
    module = importlib.import_module(module_name)
    if str(Path(module.__file__ or "").parent) != directory:
        raise ImportError(f"the storlet's module has the name of one of Python's own, {module_name}; give it another")
    storlet: Callable[..., Any] = getattr(module, class_name)
    return storlet


def call(storlet: Callable[..., Any], name: str, header: dict[str, Any], fds: list[int]) -> dict[str, Any]:
    """Run the storlet once. Closing the output sends what is left of it, so that comes before the status."""
    log = StorletLogger(name, os.dup(2))
    output = StorletOutputFile(fds[1], fds[0])
    inputs = [open_input(source, fd) for source, fd in zip(header["inputs"], fds[2:], strict=True)]
    status: dict[str, Any] = {"ok": True}
    try:
        storlet(log)(inputs, [output], header["params"])
    except BaseException as error:
        status = failure(error)
    with contextlib.suppress(OSError, ValueError):
        log.close()
    close_quietly(inputs)
    try:
        output.close()
    except (OSError, ValueError) as error:
        status = failure(error) if status["ok"] else status
    return status


def open_input(source: dict[str, Any], fd: int) -> StorletInputFile:
    """Return the engine's file object for an input."""
    if source["range"] is None:
        return StorletInputFile(source["metadata"], fd)
    return StorletRangeInputFile(source["metadata"], fd, *source["range"])


def close_quietly(files: Iterable[StorletInputFile]) -> None:
    """Close what the storlet left open; it may have closed a bare descriptor."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            file.close()


def failure(error: BaseException) -> dict[str, Any]:
    """Return the status for an exception. A worker that was told to exit, or is out of memory, should not go on."""
    traceback.print_exception(type(error), error, error.__traceback__)
    last = isinstance(error, MemoryError) or not isinstance(error, Exception)
    return {"ok": False, "kind": type(error).__name__, "message": str(error)[:1000], "last": last}


def send(sock: socket.socket, status: dict[str, Any]) -> None:
    """Send a message."""
    sock.send(json.dumps(status).encode())


def bound_log() -> None:
    """Keep the log of a worker that lives long from filling the disk."""
    log = os.fstat(2)
    if max(log.st_size, log.st_blocks * 512) > MAX_LOG:
        os.ftruncate(2, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
