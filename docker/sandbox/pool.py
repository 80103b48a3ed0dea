"""Warm workers: the processes that run one storlet, and the bounded pool that lends them out.

A worker is a sandboxed process that has imported the storlet and waits on its end of a SOCK_SEQPACKET connection.
Three rules keep the bookkeeping small:

* A slot belongs to a process, not to a request: taken before the process starts, given back when it has exited.
* Whoever has borrowed a worker closes it; anybody may kill it. Its end wakes all who wait for one of its descriptors.
* A freed slot or worker is handed to the first in the queue at once, so nobody can overtake.

Workers are started in a request, never at import, so that they belong to the process that serves.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import eventlet
from eventlet.event import Event
from eventlet.hubs import get_hub, trampoline
from eventlet.hubs.timer import Timer
from eventlet.semaphore import Semaphore
from spark_storlets.sandbox.descriptors import DeadlinePassed, socket, wait
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.process import Sandbox

__all__ = ["Pool", "Storlet", "Worker"]

MESSAGE_SIZE = 64 * 1024
SEND_BUFFER = 512 * 1024  # a message is sent whole or not at all, and a request's headers may hold 64 KiB of parameters


@dataclass(frozen=True)
class Storlet:
    """One version of a storlet as it is installed: its files never change."""

    account: str
    main: str  # module.Class
    files: tuple[tuple[str, str], ...]  # names and timestamps: the storlet's own first, then its dependencies
    size: int  # of the storlet's own file
    directory: Path  # of its files on this machine
    log: Path

    def __str__(self) -> str:
        return f"{self.account}/{self.main} ({self.directory.name})"


class Worker:
    """A sandbox that runs one storlet, one call at a time."""

    def __init__(self, storlet: Storlet, sandbox: Sandbox, sock: socket.socket, files: int) -> None:
        self.storlet = storlet
        self.sock = sock
        self.killed: StorletFailure | None = None  # why, once it has been
        self.pid = sandbox.pid
        self._sandbox = sandbox
        self._files = files  # the lock that keeps its files from being removed
        self._exited = False
        self._expiry: Timer | None = None
        self._pidfd = os.pidfd_open(self.pid)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def receive(self, deadline: Callable[[], float]) -> tuple[str, bool]:
        """Return its next status: what went wrong, if anything did, and whether it should be replaced.

        It comes from a tenant's process and may be anything.
        """
        while True:
            try:
                message = self.sock.recv(MESSAGE_SIZE)
                break
            except BlockingIOError:
                wait(self.sock.fileno(), deadline)
            except ConnectionError:
                message = b""
                break
        if not message:
            raise self.killed or self._death()
        try:
            status = dict(json.loads(message))
            error = "" if status.get("ok") is True else f"{status.get('kind')}: {status.get('message')}"
        except (TypeError, ValueError, RecursionError):
            raise StorletFailure("died", "its process sent no proper status") from None
        return error, bool(status.get("last"))

    def unusable(self) -> str:
        """Say why it cannot take a call, empty when it can.

        A worker that waits is silent, so whatever can be read is its end, or mischief; and it is alone.
        """
        if self.killed:
            return str(self.killed)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            with contextlib.suppress(OSError):  # its group, when it has just died
                left = self._sandbox.left_behind()
                return f"it left {left} processes behind" if left > 0 else ""
        except OSError:
            pass
        return "it did not wait for the next call"

    def cpu_seconds(self) -> float:
        """Return the processors' time it has used so far."""
        with contextlib.suppress(OSError):
            return self._sandbox.cpu_seconds()
        return 0.0

    def expire_after(self, seconds: float, why: StorletFailure) -> None:
        """Kill it in so many seconds unless told otherwise; replaces what was set before."""
        self.stay()
        self._expiry = get_hub().schedule_call_global(seconds, self.kill, why)

    def stay(self) -> None:
        """Take expire_after back."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def kill(self, why: StorletFailure) -> None:
        """End the process; never waits."""
        self.killed = self.killed or why
        if not self._exited:
            self._sandbox.kill()

    def close(self, why: str) -> None:
        """Kill it and let go of it: for the borrower, who alone waits for its socket."""
        self.stay()
        self.kill(StorletFailure("died", why))
        self.sock.close()

    def wait_exit(self) -> None:
        """Return when the process is gone and nothing of it is left."""
        trampoline(self._pidfd, read=True)
        self._exited = True
        os.close(self._pidfd)
        os.close(self._files)
        self._sandbox.reap()

    def _death(self) -> StorletFailure:
        if self._sandbox.ran_out_of_memory():
            return StorletFailure("died", "its process was ended since it used more than its memory")
        return StorletFailure("died", "its process ended; its worker.log may say why")


class Pool:
    """The workers of an account, whatever they run: at most size of them, at most queue_size callers waiting."""

    def __init__(self, start: Callable[[Storlet], Worker], size: int, queue_size: int) -> None:
        self.installing = Semaphore()  # one request fetches a new version, the others wait for it
        self._start_process = start
        self._size = self._free = size
        self._queue_size = queue_size
        self._idle: list[Worker] = []
        self._queue: deque[tuple[Storlet, Event]] = deque()

    @property
    def workers(self) -> int:
        """How many workers there are, or are starting or ending."""
        return self._size - self._free

    @property
    def idle(self) -> int:
        """How many of them wait for a call."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many calls wait for a worker."""
        return len(self._queue)

    def borrow(self, storlet: Storlet, queue_timeout: float, start_timeout: float) -> Worker:
        """Return a worker that has this version imported, an idle one if there is one. Starting one is not queueing."""
        for worker in reversed(self._idle):  # the one used last is the warmest
            if worker.storlet == storlet:
                self._idle.remove(worker)
                worker.stay()
                if not (why := worker.unusable()):
                    return worker
                worker.close(why)
        if self._free:
            self._free -= 1
            return self._start(storlet, start_timeout)
        if self._idle:  # of another storlet or version: its exit makes room
            self._idle.pop(0).close("another storlet needs its place")
        elif len(self._queue) >= self._queue_size:
            raise StorletFailure("busy", f"busy: {self._queue_size} calls are waiting already (queue_size)")
        return self._wait(storlet, queue_timeout) or self._start(storlet, start_timeout)

    def give_back(self, worker: Worker, idle_ttl: float) -> None:
        """Return a worker that has finished its call."""
        worker.stay()
        if why := worker.unusable():
            worker.close(why)
        elif not self._queue:
            worker.expire_after(idle_ttl, StorletFailure("died", "idle"))
            self._idle.append(worker)
        elif self._queue[0][0] == worker.storlet:
            self._queue.popleft()[1].send(worker)
        else:
            worker.close("another storlet needs its place")

    def _wait(self, storlet: Storlet, timeout: float) -> Worker | None:
        """Queue for a worker or, when None is returned, for a slot."""
        turn = Event()
        self._queue.append((storlet, turn))
        try:
            turn.wait(timeout)
        except BaseException:  # a timeout of the server's own
            self._leave(storlet, turn)
            raise
        if not turn.ready():
            self._leave(storlet, turn)
            raise StorletFailure("busy", f"busy: no worker became free within {timeout:g} s (queue_timeout)")
        worker: Worker | None = turn.wait()
        return worker

    def _leave(self, storlet: Storlet, turn: Event) -> None:
        if not turn.ready():
            self._queue.remove((storlet, turn))
        elif worker := turn.wait():  # its turn came in the same instant
            worker.close("its caller gave up")
        else:
            self._free_slot()

    def _start(self, storlet: Storlet, timeout: float) -> Worker:
        end = time.monotonic() + timeout
        try:
            worker = self._start_process(storlet)
        except BaseException as error:
            self._free_slot()
            if isinstance(error, OSError):
                raise StorletFailure("unready", f"its worker could not be started: {error}") from error
            raise
        eventlet.spawn_n(self._watch, worker)
        try:
            complaint, _ = worker.receive(lambda: end)
            if complaint:
                raise StorletFailure("failed", f"it could not be loaded: {complaint}")
        except BaseException as error:
            worker.close("no start")
            if isinstance(error, DeadlinePassed):
                message = f"its worker did not start within {timeout:g} s (worker_start_timeout)"
                raise StorletFailure("timeout", message) from None
            raise
        return worker

    def _watch(self, worker: Worker) -> None:
        worker.wait_exit()
        if worker in self._idle:
            self._idle.remove(worker)
            worker.close("it exited")
        self._free_slot()

    def _free_slot(self) -> None:
        if self._queue:
            self._queue.popleft()[1].send(None)  # the slot stays counted: it is the waiter's now
        else:
            self._free += 1
