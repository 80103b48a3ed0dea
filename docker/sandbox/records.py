"""What an operator sees of a call: a line in the server's log, and counters and timings as Swift sends them to StatsD.

Swift's loggers send StatsD where its ``log_statsd_host`` is set. Names begin with ``storlet.``:

=================  ==================================================================================
Name               Description
=================  ==================================================================================
calls              Counter: calls that have ended, however
failures.KIND      Counter: those that failed, by kind (see ``failures``)
gone               Counter: those whose client left before the end
timing             Timing: from the request to the end of the output, in milliseconds
wait               Timing: of that, until a worker had it
cpu                Counter: processors' time, in milliseconds
bytes              Counter: bytes of output
=================  ==================================================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable
from logging import ERROR, INFO, Logger, LoggerAdapter

from spark_storlets.sandbox.failures import StorletFailure
from spark_storlets.sandbox.status import Status

__all__ = ["Record"]


class Record:
    """The record of one call; calls changed when it has added itself to the server's status."""

    def __init__(
        self, logger: LoggerAdapter[Logger], storlet: str, status: Status, changed: Callable[[], None]
    ) -> None:
        self.bytes = 0
        self._status = status
        self._changed = changed
        self._logger = logger
        self._storlet = storlet
        self._begin = self._given = time.monotonic()

    def given(self) -> None:
        """Note that a worker has it."""
        self._given = time.monotonic()

    def end(self, failure: StorletFailure | None = None, *, cpu: float = 0.0, gone: bool = False) -> None:
        """Write it, once. Swift's logger adds the transaction."""
        seconds = time.monotonic() - self._begin
        if failure is not None:
            self._count(f"failures.{failure.kind}")
            self._status.failures[failure.kind] += 1
            how = f"{failure.kind}: {failure}"
        elif gone:
            self._count("gone")
            self._status.gone += 1
            how = "its client left"
        else:
            how = "ok"
        self._count("calls")
        self._count("cpu", round(cpu * 1000))
        self._count("bytes", self.bytes)
        self._timing("timing", seconds)
        self._timing("wait", self._given - self._begin)
        self._status.calls += 1
        self._status.seconds += seconds
        self._status.wait += self._given - self._begin
        self._status.cpu += cpu
        self._status.bytes += self.bytes
        self._changed()
        spent = f"{self.bytes} bytes in {seconds:.3f} s, CPU {cpu:.3f} s"
        self._logger.log(ERROR if failure else INFO, f"storlet {self._storlet}: {how} ({spent})")

    def _count(self, name: str, number: int = 1) -> None:
        if update := getattr(self._logger, "update_stats", None):
            update(f"storlet.{name}", number)

    def _timing(self, name: str, seconds: float) -> None:
        if timing := getattr(self._logger, "timing", None):
            timing(f"storlet.{name}", seconds * 1000)
