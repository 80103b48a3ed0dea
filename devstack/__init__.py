"""An embedded OpenStack Swift cluster on one machine, with the storlet engine in it.

Real swift and storlets from PyPI: a proxy, an account, a container and three object servers, memcached, on loopback
addresses, everything below one directory. For the demo, the tests and for trying things out; not for production: the
replicators, auditors and updaters do not run.
"""

from spark_storlets.devstack.cluster import Devstack, DevstackStatus

__all__ = ["Devstack", "DevstackStatus"]
