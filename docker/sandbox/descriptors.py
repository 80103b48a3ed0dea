"""Waiting for descriptors in a monkey-patched Swift server.

Whoever waits lets other requests run. The descriptors must be non-blocking, and since O_NONBLOCK belongs to the open
file description and not to the descriptor, only ends that stay in this process may be made so. A descriptor must not
be closed while another greenlet waits for it: that greenlet would sleep on, or wake for whatever gets the number
next. Close it from the greenlet that waits; to wake that one, end the process at the other end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from eventlet import patcher
from eventlet.hubs import trampoline

__all__ = ["DeadlinePassed", "os_read", "os_write", "read", "socket", "wait"]

# eventlet's own wait without a deadline.
if TYPE_CHECKING:
    import socket
else:
    socket = patcher.original("socket")
os_read = patcher.original("os").read
os_write = patcher.original("os").write


class DeadlinePassed(Exception):
    """Nothing came in time. An ordinary exception, unlike eventlet.Timeout, which ``except Exception`` lets through."""


def wait(fd: int, deadline: Callable[[], float], *, write: bool = False) -> None:
    """Return when fd is ready. A deadline that has come is asked for again: progress elsewhere may have moved it."""
    while (left := deadline() - time.monotonic()) > 0:
        try:
            trampoline(fd, read=not write, write=write, timeout=left, timeout_exc=DeadlinePassed)
            return
        except DeadlinePassed:
            continue
    raise DeadlinePassed


def read(fd: int, size: int, deadline: Callable[[], float]) -> bytes:
    """Read what there is, at most size bytes; empty at the end."""
    while True:
        try:
            return bytes(os_read(fd, size))
        except BlockingIOError:
            wait(fd, deadline)
