"""What can go wrong with a call, and what its client is told.

========== ====== ================================================================================
Kind       Status Meaning
========== ====== ================================================================================
failed     422    The storlet raised an exception, or its output or metadata is not what it must be
refused    422    It is not run: its language, a name or a dependency of it is not acceptable
died       500    Its process ended in mid-call
input      500    What it was reading broke off
broken     500    The output of an object server broke off before the proxy had sent any of it
timeout    504    It took longer than it may
busy       503    Too many calls wait already; with Retry-After
changed    503    It has just been replaced; the next call gets the new version
unready    503    This server cannot run it now
========== ====== ================================================================================

An object server must not say 5xx to its proxy for what a tenant's program did: the proxy counts those as errors of
the disk, and after some of them sends nobody to it any more. So it says 409 where another replica may do better,
and 200 with the failure in a header where the storlet would only fail there again.
"""

from __future__ import annotations

import http
import json
from collections.abc import MutableMapping

from storlets.gateway.common.exceptions import StorletRuntimeException
from swift.common.swob import HTTPException

__all__ = ["StorletFailure"]

HEADER = "X-Backend-Storlet-Failure"  # Swift's gatekeeper lets it neither in nor out
STATUS = {
    "failed": 422,
    "refused": 422,
    "died": 500,
    "input": 500,
    "broken": 500,
    "timeout": 504,
    "busy": 503,
    "changed": 503,
    "unready": 503,
}
RETRY_AFTER = "1"  # seconds
MAX_MESSAGE = 1000  # characters: a header that is too long would be an error of the disk to the proxy


class StorletFailure(StorletRuntimeException):  # type: ignore[misc]
    """A call that failed, with its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message[:MAX_MESSAGE])
        self.kind = kind

    def for_client(self) -> HTTPException:
        """Return the answer to a client."""
        status = STATUS[self.kind]
        headers = {"Retry-After": RETRY_AFTER} if status == 503 else {}
        body = json.dumps({"kind": self.kind, "message": str(self)})
        return HTTPException(status=_line(status), headers=headers, body=body, content_type="application/json")

    def for_proxy(self) -> HTTPException:
        """Return an object server's answer to its proxy."""
        status = 409 if STATUS[self.kind] == 503 else 200
        return HTTPException(
            status=_line(status), headers={HEADER: json.dumps({"kind": self.kind, "message": str(self)})}, body=b""
        )

    @classmethod
    def taken_from(cls, headers: MutableMapping[str, str]) -> StorletFailure | None:
        """Take the failure out of an object server's answer, if there is one."""
        text = headers.pop(HEADER, None)
        return None if text is None else cls(**json.loads(text))


def _line(status: int) -> str:
    return f"{status} {http.HTTPStatus(status).phrase}"
