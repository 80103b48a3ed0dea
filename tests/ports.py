"""Ports for a cluster of a test's own."""

import socket
from pathlib import Path

from spark_storlets.devstack.configuration import Layout


def free_port() -> int:
    """A port whose neighbours the cluster can have too."""
    for port in range(20000, 30000, 10):
        try:
            for host, number in Layout(Path("/"), port).addresses().values():
                with socket.socket() as probe:
                    probe.bind((host, number))
        except OSError:
            continue
        return port
    raise AssertionError("no free ports for a cluster")
