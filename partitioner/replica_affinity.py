"""A proxy server that reads the replica which a request names.

Put it into the proxy's pipeline in the place of Swift's own, whose options it takes::

    [app:proxy-server]
    paste.app_factory = spark_storlets.partitioner.replica_affinity:app_factory
    ...

A GET or HEAD of an object with the header ``X-Spark-Storlets-Replica: k`` is sent to the k-th replica by the ring,
counted from 0. If that does not answer, the others are tried in the order that the proxy's sorting_method gives;
without the header, with erasure-coded policies, or where there is no such replica, nothing is different from Swift's
own. So the splits of one object are read from all the disks that have it, evenly.

The planner learns of it from /info, where the entry spark_storlets says affinity.
"""

from __future__ import annotations

from typing import Any

from eventlet import corolocal
from swift.common.registry import register_swift_info
from swift.common.storage_policy import REPL_POLICY
from swift.common.swob import Request, Response
from swift.proxy import server

HEADER = "X-Spark-Storlets-Replica"


class ReplicaAffinity(server.Application):  # type: ignore[misc]
    """Swift's proxy, with a say in which replica is asked first."""

    def __init__(self, conf: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(conf, *args, **kwargs)
        # Nodes are sorted in the request's own greenthread, but without the request.
        self._wanted = corolocal.local()
        register_swift_info("spark_storlets", affinity=True)

    def handle_request(self, req: Request) -> Response:
        """Answer a request."""
        given = req.headers.get(HEADER, "")
        self._wanted.replica = int(given) if given.isdecimal() and req.method in ("GET", "HEAD") else None
        try:
            return super().handle_request(req)
        finally:
            self._wanted.replica = None

    def sort_nodes(self, nodes: list[dict[str, Any]], policy: Any = None) -> list[dict[str, Any]]:
        """Order the primary nodes."""
        ordered: list[dict[str, Any]] = super().sort_nodes(nodes, policy)
        wanted = getattr(self._wanted, "replica", None)
        if wanted is not None and policy is not None and policy.policy_type == REPL_POLICY:
            ordered.sort(key=lambda node: node.get("index") != wanted)
        return ordered


def app_factory(global_conf: dict[str, str], **local_conf: str) -> ReplicaAffinity:
    """Return an application as Paste wants it."""
    conf = {**global_conf, **local_conf}
    conf["policy_config"] = server.parse_per_policy_config(conf)
    app = ReplicaAffinity(conf)
    app.check_config()
    return app
