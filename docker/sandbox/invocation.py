"""One call of a storlet on one worker; also the response body that the server sends on.

One message carries the call's descriptors and a JSON header to the worker; one JSON message, after the output, says
how it ended. The end of the output alone says nothing: a process that dies ends it too. So the body ends only after a
good status and raises otherwise, which makes the server break the connection instead of ending the answer.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import eventlet
from eventlet.hubs import trampoline
from eventlet.support.greenlets import GreenletExit
from spark_storlets.sandbox.descriptors import DeadlinePassed, os_write, read, socket
from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.pool import Worker
from spark_storlets.sandbox.records import Record
from storlets.gateway.gateways.container.gateway import ContainerStorletRequest
from swift.common.constraints import MAX_META_COUNT
from swift.common.utils import close_if_possible

__all__ = ["Invocation"]

CHUNK_SIZE = 64 * 1024
PREFETCH_SECONDS = 0.03
YIELD_EVERY = 16  # chunks: a pipe that is always full must not starve the server's other requests
PIPE_SIZE = 1024 * 1024
MAX_METADATA = 64 * 1024
MAX_HEADER = 60_000  # of name and value: the proxy reads no longer line than 64 KiB
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"), re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")  # RFC 9110, 5.1 and 5.5


class Invocation:
    """The call, from the sending of its descriptors to the worker's status."""

    def __init__(
        self,
        worker: Worker,
        give_back: Callable[[Worker], None],
        record: Record,
        idle_timeout: float,
        max_time: float,
    ) -> None:
        self._worker: Worker | None = worker
        self._give_back = give_back
        self._record = record
        self._idle_timeout = idle_timeout
        self.failure: StorletFailure | None = None
        self._finished = False  # and well
        self._cpu_before = worker.cpu_seconds()
        self._fds: list[int] = []
        self._feeds: list[_Feed] = []
        self._chunks = 0
        self._head = b""
        self._last_progress = time.monotonic()
        # A timer, not a deadline: it also ends a call whose client does not read. It must not keep self alive.
        late = StorletFailure("timeout", f"it ran for more than {max_time:g} s (storlet_max_time)")
        worker.expire_after(max_time, late)
        record.given()

    def start(self, request: ContainerStorletRequest) -> dict[str, Any]:
        """Run it until its first output, so that an earlier failure has a status of its own. Return its metadata."""
        with self._failing():
            self._send(request)
            metadata = self._read_metadata()
            self._head = self._prefetch()
        return metadata

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._last_progress = time.monotonic()  # the time since the last piece was the client's
        with self._failing():
            chunk, self._head = self._head or self._read(), b""
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Called by the WSGI server at the end and when the client has gone."""
        self._end("closed", gone=True)

    def __del__(self) -> None:
        self._end("dropped", gone=True)  # some of the engine's paths forget to call close

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """End the call when anything goes wrong; what its storlet or worker did becomes the engine's exception."""
        try:
            yield
            return
        except DeadlinePassed:
            failure = StorletFailure("timeout", f"it gave no output for {self._idle_timeout:g} s (storlet_timeout)")
        except StorletFailure as error:
            failure = error
        except OSError as error:  # no descriptor left, or a worker that has just died
            failure = StorletFailure("unready", f"the call could not be made: {error}")
        except BaseException:  # a timeout of the server's own
            self._end("the request was given up", gone=True)
            raise
        if self.failure is None:
            self.failure = failure
            self._end(str(failure))
        raise failure

    def _send(self, request: ContainerStorletRequest) -> None:
        assert self._worker is not None
        theirs: list[int] = []
        try:
            passed = [self._pipe(theirs), self._pipe(theirs)]
            inputs = []
            for number, data in enumerate([request.data, *request.extra_data_list]):
                has_range = number == 0 and data.has_fd and request.has_range
                inputs.append(
                    {
                        "metadata": dict(data.user_metadata or {}),
                        "range": [int(request.start), int(request.end)] if has_range else None,
                    }
                )
                if data.has_fd:
                    passed.append(data.data_fd)
                else:
                    end, ours = os.pipe()
                    theirs.append(end)
                    passed.append(end)
                    self._feeds.append(_Feed(ours, data.data_iter, self._worker))
            header = json.dumps({"params": dict(request.params), "inputs": inputs}).encode()
            socket.send_fds(self._worker.sock, [header], passed)
        finally:
            for fd in theirs:  # at once: while we hold one, its pipe has no end
                os.close(fd)
        self._last_progress = time.monotonic()

    def _pipe(self, theirs: list[int]) -> int:
        ours, end = os.pipe()
        self._fds.append(ours)
        theirs.append(end)
        os.set_blocking(ours, False)
        with contextlib.suppress(OSError):  # more than this user may have
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        return end

    def _read_metadata(self) -> dict[str, Any]:
        raw = b""
        while more := read(self._fds[1], MAX_METADATA, self._deadline):
            raw += more
            if len(raw) > MAX_METADATA:
                raise StorletFailure("failed", f"it set more than {MAX_METADATA} bytes of metadata")
        if not raw:
            self._finish(expected=False)
        try:
            metadata = dict(json.loads(raw))
            bad = [key for key, value in metadata.items() if not _is_header(key, str(value))]
        except (TypeError, ValueError, RecursionError):
            raise StorletFailure("failed", "the metadata it set is not a JSON object") from None
        if bad:
            raise StorletFailure("failed", f"the metadata it set cannot be sent as headers: {bad}")
        if len(metadata) > MAX_META_COUNT:  # the proxy reads only so many headers
            raise StorletFailure("failed", f"it set {len(metadata)} metadata, of which there may be {MAX_META_COUNT}")
        return metadata

    def _prefetch(self) -> bytes:
        """Return the first output: a small one whole, so that a failure soon after it has a status of its own."""
        head = self._read()
        end = time.monotonic() + PREFETCH_SECONDS
        with contextlib.suppress(DeadlinePassed):
            while self._worker and len(head) < CHUNK_SIZE:
                head += self._read(lambda: end)
        return head

    def _read(self, deadline: Callable[[], float] | None = None) -> bytes:
        """Return the next piece of output, empty after a good end."""
        if self.failure:
            raise self.failure
        if self._finished:
            return b""
        if self._worker is None:
            raise StorletFailure("died", "it was closed before its end")
        chunk = read(self._fds[0], CHUNK_SIZE, deadline or self._deadline)
        if not chunk:
            self._finish()
        self._last_progress = time.monotonic()
        self._record.bytes += len(chunk)
        self._chunks += 1
        if self._chunks % YIELD_EVERY == 0:
            eventlet.sleep(0)
        return chunk

    def _finish(self, *, expected: bool = True) -> None:
        """Hear how it ended; even a good end is a failure where none is expected."""
        assert self._worker is not None
        error, last = self._worker.receive(self._deadline)
        if self._worker.killed:  # too late for the worker to notice, but not for us
            raise self._worker.killed
        if error:
            self.failure = StorletFailure("failed", error)
        elif not expected:
            self.failure = StorletFailure("failed", "it set no metadata")
        self._end("it asked to be replaced" if last else "")
        if self.failure:
            raise self.failure
        self._finished = True

    def _deadline(self) -> float:
        return self._idle_timeout + max(self._last_progress, *(feed.last_progress for feed in self._feeds), 0)

    def _end(self, kill: str, *, gone: bool = False) -> None:
        """Let go of everything, once. The worker serves on unless there is a reason to kill it."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._record.end(self.failure, cpu=worker.cpu_seconds() - self._cpu_before, gone=gone)
        for fd in self._fds:
            os.close(fd)
        if kill:
            worker.close(kill)
        else:
            self._give_back(worker)
        for feed in self._feeds:
            feed.stop()


class _Feed:
    """Writes an iterator into a storlet's input; knows nothing of the invocation, which can so be collected."""

    def __init__(self, fd: int, source: Iterable[bytes], worker: Worker) -> None:
        self.last_progress = 0.0
        self._fd = fd
        self._source = source
        self._worker = worker
        self._closed = False
        os.set_blocking(fd, False)
        self._greenlet = eventlet.spawn(self._run)

    def stop(self) -> None:
        """Close the source: nobody wants the rest. Does not switch, so that the garbage collector may call it."""
        eventlet.spawn_n(self._stop)

    def _stop(self) -> None:
        if self._closed:  # it does so itself, which takes time and must not be cut short
            return
        eventlet.kill(self._greenlet)
        if self._greenlet.dead:  # else the source is ending
            self._close()

    def _run(self) -> None:
        try:
            for chunk in self._source:
                view = memoryview(chunk)
                while view:
                    try:
                        view = view[os_write(self._fd, view) :]
                        self.last_progress = time.monotonic()
                    except BlockingIOError:
                        trampoline(self._fd, write=True)  # ends with the worker at the latest
        except BrokenPipeError:
            pass  # the storlet has read all that it wants
        except (Exception, eventlet.Timeout) as error:
            # The pipe stays open until stop: the storlet would take its end for that of the input.
            self._worker.kill(StorletFailure("input", f"its input broke off: {error!r}"))
            return
        except GreenletExit:
            pass  # stop
        self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._fd)
            close_if_possible(self._source)


def _is_header(key: Any, value: str) -> bool:
    name, content = HEADER
    return (
        isinstance(key, str)
        and len(key) + len(value) <= MAX_HEADER
        and name.match(key) is not None
        and content.match(value) is not None
    )
