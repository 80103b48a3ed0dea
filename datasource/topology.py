"""The store's shape as it says itself, in /info and of a container; where it says nothing, what most stores have."""

from __future__ import annotations

from typing import Any

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.options import ReadOptions
from spark_storlets.partitioner.topology import Topology

DEFAULT = Topology()


def topology_of(client: SwiftClient, container: str, options: ReadOptions) -> Topology:
    """Find the shape of the store for a container.

    Args:
        client: logged in.
        container: whose storage policy counts.
        options: those that were given win over what the store says.
    """
    told: dict[str, Any] = client.info().get("spark_storlets", {})
    policies, policy = told.get("policies", {}), client.policy(container)
    # Where nobody says which policy it is, it may be any.
    shapes = list(policies.values()) if policy is None else [policies.get(policy, {})]
    return Topology(
        replicas=options.replicas
        or min((s.get("replicas", DEFAULT.replicas) for s in shapes), default=DEFAULT.replicas),
        workers=options.workers or told.get("workers", DEFAULT.workers),
        running=told.get("running", DEFAULT.running),
        erasure_coded=any(shape.get("type") == "erasure_coding" for shape in shapes),
        affinity=told.get("affinity", DEFAULT.affinity),
    )
