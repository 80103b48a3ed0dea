"""Keystone for the cluster: its configuration, its database, and what is in it.

Real keystone from PyPI with SQLite. Needed only where logins are tried out; tempauth is the cluster's usual way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from spark_storlets.errors import StoreUnavailableError

#: The administrator, whom Swift's proxy uses to check tokens; no secret, as the cluster is on loopback.
ADMIN_KEY = "keystone-admin"
REGION = "devstack"
TIMEOUT = 60
Json = dict[str, Any]


def write(directory: Path, url: str, token_seconds: int) -> None:
    """Write the configuration; make the keys and the database, once."""
    for name in ("fernet", "credential"):
        (directory / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    database, conf = directory / "keystone.db", directory / "keystone.conf"
    conf.write_text(f"""[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{database}
[token]
expiration = {token_seconds}
[fernet_tokens]
key_repository = {directory}/fernet
[fernet_receipts]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/credential
[cache]
enabled = false
[identity]
password_hash_rounds = 4
""")
    if database.exists():
        return
    owner = [f"--keystone-user={os.geteuid()}", f"--keystone-group={os.getegid()}"]
    bootstrap = [
        f"--bootstrap-password={ADMIN_KEY}",
        f"--bootstrap-public-url={url}",
        f"--bootstrap-region-id={REGION}",
    ]
    manage = [sys.executable, str(Path(sys.executable).parent / "keystone-manage"), "--config-file", str(conf)]
    try:
        for command in (["fernet_setup", *owner], ["db_sync"], ["bootstrap", *bootstrap]):
            done = subprocess.run([*manage, *command], capture_output=True, text=True, timeout=600)
            if done.returncode:
                raise StoreUnavailableError(f"keystone-manage {command[0]} failed:\n{done.stderr[-2000:]}")
    except BaseException:
        database.unlink(missing_ok=True)  # half a database is none
        raise


def add_swift(url: str, storage_url: str) -> None:
    """Put Swift into the catalog, unless it is there.

    Args:
        url: Keystone's, with its version.
        storage_url: the accounts' URL, with %(project_id)s.
    """
    admin = Admin(url)
    if not admin.get("services", type="object-store"):
        service = admin.post("services", {"service": {"type": "object-store", "name": "swift"}})["service"]
        endpoint = {"service_id": service["id"], "interface": "public", "region_id": REGION, "url": storage_url}
        admin.post("endpoints", {"endpoint": endpoint})


class Admin:
    """Keystone as its administrator has it: enough of its API to make projects and users.

    Args:
        url: Keystone's, with its version.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_KEY}
        auth: Json = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }
        answer = requests.post(f"{url}/auth/tokens", json={"auth": auth}, timeout=TIMEOUT)
        answer.raise_for_status()
        self._headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    def get(self, kind: str, **query: str) -> list[Json]:
        """Find things."""
        answer = requests.get(f"{self._url}/{kind}", params=query, headers=self._headers, timeout=TIMEOUT)
        answer.raise_for_status()
        found: list[Json] = answer.json()[kind]
        return found

    def post(self, path: str, body: Json) -> Json:
        """Make something."""
        answer = requests.post(f"{self._url}/{path}", json=body, headers=self._headers, timeout=TIMEOUT)
        answer.raise_for_status()
        made: Json = answer.json()
        return made

    def user(self, name: str, password: str, project: str, role: str) -> tuple[str, str]:
        """Make a user with a role in a project, which is made too; give the ids of both."""
        known = self.get("projects", name=project)
        made = known[0] if known else self.post("projects", {"project": {"name": project}})["project"]
        user = self.post("users", {"user": {"name": name, "password": password}})["user"]
        (one,) = self.get("roles", name=role)
        url = f"{self._url}/projects/{made['id']}/users/{user['id']}/roles/{one['id']}"
        requests.put(url, headers=self._headers, timeout=TIMEOUT).raise_for_status()
        return user["id"], made["id"]
