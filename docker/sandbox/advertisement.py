"""What a proxy tells planners of the store, in the entry spark_storlets of /info.

``policies``: for each name of a storage policy its type and its replicas. ``workers``: storlets that one storage node
runs at once, for one account: pool_size of the proxy's own gateway, which is to be that of the object servers' too.
``running``: calls that this proxy process waits for now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from swift.common.registry import register_swift_info
from swift.common.storage_policy import POLICIES
from swift.common.utils import close_if_possible

NAME = "spark_storlets"


class Advertisement:
    """The entry of one proxy process.

    Args:
        swift_dir: where the rings are.
        workers: of a storage node.
    """

    def __init__(self, swift_dir: str, workers: int) -> None:
        self._running = 0
        policies = {}
        for policy in POLICIES:
            policy.load_ring(swift_dir)
            policies[policy.name] = {"type": policy.policy_type, "replicas": int(policy.object_ring.replica_count)}
        register_swift_info(NAME, policies=policies, workers=workers, running=0)

    def counted(self, call: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """Make a call, and count it as running until its answer is at its end."""
        self._count(1)
        try:
            answer = call()
        except BaseException:
            self._count(-1)
            raise
        return _Answer(answer, lambda: self._count(-1))

    def _count(self, change: int) -> None:
        self._running += change
        register_swift_info(NAME, running=self._running)


class _Answer(Iterator[bytes]):
    """An answer that says when it is closed, as every WSGI server does with what it was given."""

    def __init__(self, answer: Iterable[bytes], closed: Callable[[], None]) -> None:
        self._answer, self._pieces, self._closed = answer, iter(answer), closed
        self._open = True

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> Any:
        """End it."""
        if self._open:
            self._open = False
            self._closed()
        close_if_possible(self._answer)
