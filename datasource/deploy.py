"""Uploading the storlets, and knowing whether what is deployed is what this release speaks with."""

from __future__ import annotations

import functools
import hashlib

from spark_storlets.datasource.client import SwiftClient, explained

from spark_storlets.errors import ConfigurationError, NotFoundError
from spark_storlets.resources import storlets_path

STORLET = "csv_storlet.py"
MAIN = "csv_storlet.CsvStorlet"
DEPENDENCIES = (
    "storlet_sdk.py",
    "storlet_source.py",
    "storlet_batches.py",
    "storlet_expression.py",
    "storlet_aggregate.py",
    "storlet_top.py",
    "csv_records.py",
    "csv_filter.py",
    "csv_kernel.py",
    "libstorlets_csv_kernel.so",
)
_DIGEST = "x-object-meta-spark-storlets-digest"


@functools.cache
def digest() -> str:
    """Name the exact content of the storlet and its dependencies."""
    files = [storlets_path() / name for name in (STORLET, *DEPENDENCIES)]
    return hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files)).hexdigest()


def deploy(client: SwiftClient) -> list[str]:
    """Upload the CSV storlet and its dependencies to an account and enable storlets on it.

    Returns:
        The names uploaded, as container/object.

    Raises:
        AuthenticationError: the user may not do that; an account's admin may.
    """
    connection, directory, done = client.connection, storlets_path(), []
    with explained("the account's storlets"):
        connection.post_account({"X-Account-Meta-Storlet-Enabled": "True"})
        for container in ("storlet", "dependency", "log"):
            connection.put_container(container)
        # The storlet last: with it the engine sees a new version, dependencies included.
        for name in DEPENDENCIES:
            headers = {
                "X-Object-Meta-Storlet-Dependency-Version": "1",
                "X-Object-Meta-Storlet-Dependency-Permissions": "0600",
            }
            connection.put_object("dependency", name, (directory / name).read_bytes(), headers=headers)
            done.append(f"dependency/{name}")
        headers = {
            "X-Object-Meta-Storlet-Language": "Python",
            "X-Object-Meta-Storlet-Interface-Version": "1.0",
            "X-Object-Meta-Storlet-Object-Metadata": "no",
            "X-Object-Meta-Storlet-Dependency": ",".join(DEPENDENCIES),
            "X-Object-Meta-Storlet-Main": MAIN,
            _DIGEST: digest(),
        }
        connection.put_object("storlet", STORLET, (directory / STORLET).read_bytes(), headers=headers)
        done.append(f"storlet/{STORLET}")
    return done


def check_deployed(client: SwiftClient) -> None:
    """See that the account has this release's storlet.

    Raises:
        NotFoundError: it is not deployed.
        ConfigurationError: another release's is.
    """
    try:
        with explained(f"storlet/{STORLET}"):
            headers = client.connection.head_object("storlet", STORLET)
    except NotFoundError as error:
        raise NotFoundError(
            f"the storlet {STORLET} is not deployed in this account: run `spark-storlets deploy`."
        ) from error
    if headers.get(_DIGEST) != digest():
        raise ConfigurationError(
            f"the deployed {STORLET} is not the one of this release of spark-storlets: run `spark-storlets deploy`."
        )
