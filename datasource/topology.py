"""The store's shape as it says itself, in /info and of a container; where it says nothing, what most stores have."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from spark_storlets.datasource.client import SwiftClient, explained
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.partitioner.topology import Topology

from spark_storlets.errors import StorletError

DEFAULT = Topology()


def topology_of(client: SwiftClient, container: str, options: ReadOptions) -> Topology:
    """Find the shape of the store for a container.

    Args:
        client: logged in.
        container: whose storage policy counts.
        options: those that were given win over what the store says.
    """
    told = _told(client)
    with explained(f"the container {container!r}"):
        policy = client.connection.head_container(container).get("x-storage-policy", "")
    shape = told.get("policies", {}).get(policy, {})
    return Topology(
        replicas=options.replicas or shape.get("replicas", DEFAULT.replicas),
        workers=options.workers or told.get("workers", DEFAULT.workers),
        running=told.get("running", DEFAULT.running),
        erasure_coded=shape.get("type") == "erasure_coding",
        affinity=told.get("affinity", DEFAULT.affinity),
    )


def _told(client: SwiftClient) -> dict[str, Any]:
    """Read what the storlets' middleware says; nothing if it, or /info, is not there."""
    url = urlsplit(client.storage_url)
    try:
        with explained("/info"):
            info: dict[str, Any] = client.connection.get_capabilities(f"{url.scheme}://{url.netloc}/info")
    except StorletError:
        return {}
    told: dict[str, Any] = info.get("spark_storlets", {})
    return told
