"""The cluster's configuration files and rings, as a function of its directory and ports.

One replica on each of three object nodes; accounts and containers live on the first node only, which is all that one
machine needs. Nothing here touches a process or a port.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spark_storlets.devstack import keystone
from spark_storlets.sandbox import cgroups

#: The tempauth account that `up` makes; a development cluster on loopback, so its password is no secret.
USER, KEY = "test:tester", "testing"
#: With the same key: who may do everything in every account, and the user of a second account.
ADMIN, OTHER = "admin:admin", "other:tester"
OBJECT_NODES = 3
_PROXY_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Layout:
    """Where the cluster lives: its directory and the first of its ports; what storlets run in; who knows the users."""

    directory: Path
    port: int
    sandbox: str = "bubblewrap"  # or docker
    gateway: Mapping[str, str] = field(default_factory=dict)  # options of the storlet gateways
    token_seconds: int | None = None  # Keystone in the place of tempauth, and how long its tokens live
    coded: bool = False  # a second storage policy

    @property
    def etc(self) -> Path:
        """The directory of the configuration files and rings."""
        return self.directory / "etc"

    @property
    def auth_url(self) -> str:
        """The v1 authentication URL of the cluster."""
        return f"{self.url}/auth/v1.0"

    @property
    def url(self) -> str:
        """The URL of the proxy."""
        return f"http://{_PROXY_HOST}:{self.port}"

    @property
    def keystone_url(self) -> str:
        """The URL of the cluster's Keystone, where it has one."""
        return f"http://{_PROXY_HOST}:{self.port + 5}/v3"

    def addresses(self) -> dict[str, tuple[str, int]]:
        """Give every server's name with the address that it listens on."""
        nodes = {f"object-{n}": (node_host(n), self.port + 1) for n in range(1, OBJECT_NODES + 1)}
        keystone = {"keystone": (_PROXY_HOST, self.port + 5)} if self.token_seconds else {}
        return {
            **keystone,
            "memcached": (_PROXY_HOST, self.port + 4),
            "account": (node_host(1), self.port + 3),
            "container": (node_host(1), self.port + 2),
            **nodes,
            "proxy": (_PROXY_HOST, self.port),
        }

    def data(self, node: int) -> Path:
        """Give the directory that holds the devices of a storage node."""
        return self.directory / "data" / f"node{node}"


def node_host(node: int) -> str:
    """Give the loopback address of a storage node, counted from 1."""
    return f"127.0.0.{10 + node}"


def write(layout: Layout) -> None:
    """Write every configuration file and make the directories they name; the rings are made once."""
    for node in range(1, OBJECT_NODES + 1):
        (layout.data(node) / "d1").mkdir(parents=True, exist_ok=True)
    for name in ("etc", "cache", "storlets"):
        (layout.directory / name).mkdir(exist_ok=True)
    secret = layout.directory / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    for name, text in _files(layout, secret.read_text()).items():
        file = layout.etc / name
        file.touch(mode=0o600)
        file.write_text(text)
    _write_rings(layout)


def _files(layout: Layout, secret: str) -> dict[str, str]:
    hosts = layout.addresses()
    memcache = ":".join(map(str, hosts["memcached"]))
    auth = "authtoken s3token keystoneauth" if layout.token_seconds else "tempauth"
    files = {
        "swift.conf": f"""[swift-hash]
swift_hash_path_suffix = {layout.directory.name}
[storage-policy:0]
name = replicated
default = yes
{_CODED if layout.coded else ""}""",
        "proxy.conf": f"""{_default(layout, "proxy", hosts["proxy"])}client_timeout = 600
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk s3api {auth} storlet_handler \
copy slo dlo versioned_writes symlink proxy-logging proxy-server
[app:proxy-server]
paste.app_factory = spark_storlets.partitioner.replica_affinity:app_factory
account_autocreate = true
# A storlet that finds no row says nothing for as long as its split takes: silence is not death.
node_timeout = 600
recoverable_node_timeout = 600
conn_timeout = 5
[filter:tempauth]
use = egg:swift#tempauth
fernet_key_devstack = {secret}
active_fernet_key_id = devstack
user_{USER.replace(":", "_")} = {KEY} .admin
user_{OTHER.replace(":", "_")} = {KEY} .admin
user_{ADMIN.replace(":", "_")} = {KEY} .admin .reseller_admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = {memcache}
[filter:slo]
use = egg:swift#slo
min_segment_size = 1
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
{_keystone(layout) if layout.token_seconds else ""}\
{_filters("catch_errors gatekeeper healthcheck proxy-logging listing_formats bulk copy dlo symlink")}\
{_engine(layout, "proxy")}""",
        "internal-client.conf": f"""[DEFAULT]
swift_dir = {layout.etc}
{_LOGGING % layout.port}[pipeline:main]
pipeline = catch_errors cache symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
[filter:cache]
use = egg:swift#memcache
memcache_servers = {memcache}
{_filters("catch_errors symlink")}""",
        "gateway-proxy.conf": _gateway(layout, "proxy"),
    }
    for kind in ("account", "container"):
        files[f"{kind}.conf"] = _storage(layout, kind, kind, hosts[kind], node=1)
    for node in range(1, OBJECT_NODES + 1):
        name = f"object-{node}"
        files[f"{name}.conf"] = _storage(layout, "object", name, hosts[name], node) + _engine(layout, name)
        files[f"gateway-{name}.conf"] = _gateway(layout, name)
    return files


# As many fragments as there are nodes, of which any two make the object.
_CODED = """[storage-policy:1]
name = coded
policy_type = erasure_coding
ec_type = liberasurecode_rs_vand
ec_num_data_fragments = 2
ec_num_parity_fragments = 1
"""
# Swift always logs to syslog as well as to its standard error, which is the server's file in logs/. Datagrams to the
# UDP side of the proxy's own port, where nobody listens, keep the machine's syslog out of it.
_LOGGING = "log_level = INFO\nlog_udp_host = 127.0.0.1\nlog_udp_port = %d\n"


def _default(layout: Layout, name: str, address: tuple[str, int]) -> str:
    return f"""[DEFAULT]
bind_ip = {address[0]}
bind_port = {address[1]}
swift_dir = {layout.etc}
user = {getpass.getuser()}
workers = 0
log_name = {name}
{_LOGGING % layout.port}"""


def _storage(layout: Layout, kind: str, name: str, address: tuple[str, int], node: int) -> str:
    engine = "storlet_handler " if kind == "object" else ""
    return f"""{_default(layout, name, address)}devices = {layout.data(node)}
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = healthcheck recon {engine}{kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
[filter:recon]
use = egg:swift#recon
recon_cache_path = {layout.directory / "cache"}
{_filters("healthcheck")}"""


def _filters(names: str) -> str:
    return "".join(f"[filter:{name}]\nuse = egg:swift#{name.replace('-', '_')}\n" for name in names.split())


def _keystone(layout: Layout) -> str:
    return f"""[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
[filter:s3token]
use = egg:swift#s3token
auth_uri = {layout.keystone_url}
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {layout.keystone_url}
auth_url = {layout.keystone_url}
auth_type = password
username = admin
password = {keystone.ADMIN_KEY}
project_name = admin
user_domain_id = default
project_domain_id = default
interface = public
delay_auth_decision = true
cache = swift.cache
include_service_catalog = false
"""


def _engine(layout: Layout, name: str) -> str:
    return f"""[filter:storlet_handler]
paste.filter_factory = spark_storlets.sandbox.middleware:filter_factory
storlet_container = storlet
storlet_dependency = dependency
storlet_logcontainer = log
storlet_gateway_module = spark_storlets_{layout.sandbox}
storlet_gateway_conf = {layout.etc}/gateway-{name}.conf
internal_client_conf_path = {layout.etc}/internal-client.conf
execution_server = {name.split("-")[0]}
"""


def _gateway(layout: Layout, name: str) -> str:
    options = {
        "host_root": layout.directory / "storlets" / name,
        "queue_size": 400,
        "queue_timeout": 60,
        "storlet_timeout": 300,
        "storlet_max_time": 3600,
        # In a container of the developer's own there may be none to be had.
        "control_groups": "no" if cgroups.problem() else "yes",
        **layout.gateway,
    }
    return "[DEFAULT]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())


def _write_rings(layout: Layout) -> None:
    nodes = {"account": ["account"], "container": ["container"]}
    nodes["object"] = [f"object-{n}" for n in range(1, OBJECT_NODES + 1)]
    if layout.coded:
        nodes["object-1"] = nodes["object"]  # the ring of policy 1
    devices = json.dumps({kind: [layout.addresses()[name] for name in names] for kind, names in nodes.items()})
    made_of = layout.etc / "rings.json"
    if not made_of.exists() or made_of.read_text() != devices:
        # A process of its own: swift, once imported, replaces parts of threading in the process that has it.
        subprocess.run([sys.executable, "-m", "spark_storlets.devstack.rings", layout.etc, devices], check=True)
        made_of.write_text(devices)
