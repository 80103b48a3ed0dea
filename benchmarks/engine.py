"""What a call of a storlet costs: beside a plain GET of the same object, from a cluster on this machine.

    python -m benchmarks.engine [--sandbox docker] [--megabytes 500] [--rounds 5]

Writes build/bench/engine.json, with another sandbox than bubblewrap engine-SANDBOX.json:

===================== =================================================================================================
Key                   Meaning
===================== =================================================================================================
warm_extra_p50_ms     How much longer a storlet's GET of 1 KB takes than a plain one, in the median, with a warm worker
warm_extra_p99_ms     The same at the 99th percentile
cold_ms               How much longer it takes, in the median, when it needs a new worker; a second after the last such
                      call, so that Docker has a spare container again
cold_in_a_row_ms      The same when such calls follow each other, and wait for a container to start
identity_vs_plain_get Throughput of a storlet that hands on a large object, divided by that of a plain GET
===================== =================================================================================================

Each is the median of the rounds; a round's calls alternate.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.configuration import KEY, USER

from benchmarks.report import BUILD, report

WARM_CALLS, COLD_CALLS = 200, 10  # of each kind in a round
REST = 1.0  # seconds; a container takes a fifth of one to start
CHUNK = 1 << 20
STORLET = b"""
class Identity:
    def __init__(self, logger):
        pass
    def __call__(self, inputs, outputs, params):
        outputs[0].set_metadata({})
        while chunk := inputs[0].read(1 << 20):
            outputs[0].write(chunk)
"""


def main(sandbox: str, docker_url: str, megabytes: int, rounds: int) -> None:
    """Measure, print and write."""
    gateway = {"docker_url": docker_url} if sandbox == "docker" else {}
    found: dict[str, list[float]] = {}
    with cluster(sandbox, gateway) as get:
        get.upload(megabytes)
        alternate(get, "small", 20)
        for _ in range(rounds):
            plain, storlet = alternate(get, "small", WARM_CALLS)
            for name, point in (("p50", 50), ("p99", 99)):
                extra = 1000 * (percentile(storlet, point) - percentile(plain, point))
                found.setdefault(f"warm_extra_{name}_ms", []).append(extra)
        alternate(get, "large", 1)
        for _ in range(rounds):
            (plain_s,), (storlet_s,) = alternate(get, "large", 1)
            found.setdefault("identity_vs_plain_get", []).append(plain_s / storlet_s)
    with cluster(sandbox, {**gateway, "worker_reuse": "no"}) as get:
        alternate(get, "small", 3)
        for _ in range(rounds):
            for key, rest in (("cold_ms", REST), ("cold_in_a_row_ms", 0.0)):
                plain, storlet = alternate(get, "small", COLD_CALLS, rest)
                found.setdefault(key, []).append(1000 * (statistics.median(storlet) - statistics.median(plain)))
    name = "engine" if sandbox == "bubblewrap" else f"engine-{sandbox}"
    report(name, found, {"sandbox": sandbox, "megabytes": megabytes, "rounds": rounds}, ["swift", "storlets"])


class Client:
    """GETs over one connection that stays open."""

    def __init__(self, stack: Devstack) -> None:
        self._swift = SwiftClient(stack.auth_url, USER, KEY)
        address = urllib.parse.urlsplit(self._swift.storage_url)
        self._path = address.path
        self._http = http.client.HTTPConnection(address.netloc, timeout=600)

    def upload(self, megabytes: int) -> None:
        """Store the storlet and the objects."""
        deploy(self._swift)  # makes the containers
        store = self._swift.connection
        values = {"Language": "Python", "Interface-Version": "1.0", "Object-Metadata": "no"}
        values["Main"] = "identity.Identity"
        headers = {f"X-Object-Meta-Storlet-{name}": value for name, value in values.items()}
        store.put_object("storlet", "identity.py", STORLET, headers=headers)
        store.put_container("bench")
        store.put_object("bench", "small", os.urandom(1024))
        block = os.urandom(CHUNK)
        store.put_object("bench", "large", (block for _ in range(megabytes)))

    def __call__(self, name: str, storlet: bool) -> float:
        """Return the seconds that a whole answer takes."""
        headers = {"X-Auth-Token": self._swift.token, **({"X-Run-Storlet": "identity.py"} if storlet else {})}
        begin = time.perf_counter()
        self._http.request("GET", f"{self._path}/bench/{name}", headers=headers)
        answer = self._http.getresponse()
        size = 0
        while chunk := answer.read(CHUNK):
            size += len(chunk)
        seconds = time.perf_counter() - begin
        if answer.status != 200 or size < 1024:
            raise RuntimeError(f"GET of {name}: {answer.status}, {size} bytes")
        return seconds


@contextmanager
def cluster(sandbox: str, gateway: dict[str, str]) -> Iterator[Client]:
    """Run a cluster whose gateways have these options."""
    stack = Devstack(BUILD / "bench-devstack", 8180, sandbox, gateway)
    stack.up()
    try:
        yield Client(stack)
    finally:
        stack.down()


def alternate(
    get: Callable[[str, bool], float], name: str, calls: int, rest: float = 0.0
) -> tuple[list[float], list[float]]:
    """Return the seconds of plain GETs and of a storlet's, one after the other, with a rest before each pair."""
    pairs = []
    for _ in range(calls):
        time.sleep(rest)
        pairs.append((get(name, False), get(name, True)))
    return [plain for plain, _ in pairs], [storlet for _, storlet in pairs]


def percentile(values: list[float], point: int) -> float:
    """Return the value that so many of a hundred do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[point - 1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", choices=["bubblewrap", "docker"], default="bubblewrap")
    parser.add_argument("--docker-url", default="unix:///var/run/docker.sock")
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    main(**vars(parser.parse_args()))
