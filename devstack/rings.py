"""Makes the cluster's rings: which device holds what.

    python -m spark_storlets.devstack.rings ETC DEVICES

DEVICES is JSON: for each of account, container and object (of a further storage policy object-1) the addresses of its
nodes; one replica on each, or fragment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from swift.common.ring import RingBuilder


def main(etc: Path, devices: dict[str, list[tuple[str, int]]]) -> None:
    """Write a ring file for each kind."""
    for kind, addresses in devices.items():
        builder = RingBuilder(part_power=8, replicas=len(addresses), min_part_hours=0)
        for node, (host, port) in enumerate(addresses, 1):
            builder.add_dev({"region": 1, "zone": node, "ip": host, "port": port, "device": "d1", "weight": 1.0})
        # The same devices, weights and seed give the same ring, so data written before stays where it is looked for.
        builder.rebalance(seed="spark-storlets")
        builder.get_ring().save(str(etc / f"{kind}.ring.gz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
