"""What the planner asks of Swift: a token, what a path names, the first bytes of an object, what is deployed."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
import swiftclient

from spark_storlets.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    StoreUnavailableError,
)

# swiftclient logs whole requests, headers and all, and every failure with its trace; its callers raise instead.
logging.getLogger("swiftclient").setLevel(logging.CRITICAL)

HEADS_AT_ONCE = 16


@dataclass(frozen=True)
class StoredObject:
    """One object as it was when the query was planned; size in bytes, etag as Swift gave it."""

    container: str
    name: str
    size: int
    etag: str
    large: bool  # an SLO or DLO: no object server has it as one file

    def __str__(self) -> str:
        return f"{self.container}/{self.name}"


class SwiftClient:
    """A connection to one account.

    Args:
        auth_url: of v1 authentication.
        user: account:user.
        key: its key; never shown.

    Raises:
        AuthenticationError: Swift refuses user and key.
        ConfigurationError: auth_url is no authentication URL.
        StoreUnavailableError: it cannot be reached.
    """

    def __init__(self, auth_url: str, user: str, key: str) -> None:
        if not auth_url.startswith(("http://", "https://")):
            raise ConfigurationError(f"authUrl = {auth_url!r} is no http:// or https:// URL.")
        try:
            self.storage_url, self.token = swiftclient.get_auth(auth_url, user, key, auth_version="1", timeout=30)
        except swiftclient.ClientException as error:
            if error.http_status in (401, 403):
                raise AuthenticationError(
                    f"Swift at {auth_url} refuses the user {user!r} with the key given: check user and key."
                ) from error
            raise ConfigurationError(
                f"{auth_url} did not answer as Swift's v1 authentication does ({_reason(error)}): check authUrl."
            ) from error
        except (requests.RequestException, OSError) as error:
            raise StoreUnavailableError(f"cannot reach Swift at {auth_url}: check authUrl and the cluster.") from error
        self.connection = swiftclient.Connection(
            preauthurl=self.storage_url, preauthtoken=self.token, retries=2, timeout=60
        )

    def url(self, container: str, name: str) -> str:
        """Give the URL of an object."""
        return f"{self.storage_url}/{quote(container)}/{quote(name)}"

    def objects(self, path: str) -> list[StoredObject]:
        """Find what a path names, in the order of names; without objects that hold nothing.

        Raises:
            ConfigurationError: the path is none of ours.
            NotFoundError: there is no such container or object.
        """
        container, names = self.listed(path)
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            return list(threads.map(lambda n: self.object(container, n), names))

    def stored(self, path: str) -> list[StoredObject]:
        """Find what a path names by its listing; only what may be a large object, or a link, is looked at.

        Raises:
            As `objects`.
        """
        container, entries = self._entries(path)
        doubtful = [name for name, entry in entries.items() if not entry or "slo_etag" in entry or not entry["bytes"]]
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            seen = dict(zip(doubtful, threads.map(lambda n: self.object(container, n), doubtful), strict=True))
        return [
            seen.get(name) or StoredObject(container, name, entry["bytes"], entry["hash"], False)
            for name, entry in entries.items()
        ]

    def listed(self, path: str) -> tuple[str, dict[str, int | None]]:
        """Find what a path names, without a look at each object.

        Returns:
            The container, and the objects' names in order with the sizes that its listing has: those of large objects
            may be wrong there. A path that names one object is not listed.

        Raises:
            As `objects`.
        """
        container, entries = self._entries(path)
        return container, {name: entry.get("bytes") for name, entry in entries.items()}

    def _entries(self, path: str) -> tuple[str, dict[str, dict[str, Any]]]:
        """Find the entries of a container's listing that a path names; of a path without wildcards an empty one."""
        container, name = parse_path(path)
        if not re.search(r"[*?]", name):
            return container, {name: {}}
        prefix = re.split(r"[*?]", name)[0]
        with explained(f"the container {container!r} of {path}"):
            _, listing = self.connection.get_container(container, prefix=prefix, full_listing=True)
        # Names that begin with _ or . are not data for Spark.
        entries: dict[str, dict[str, Any]] = {
            e["name"]: e
            for e in listing
            if fnmatch.fnmatchcase(e["name"], name.replace("[", "[[]"))
            and not re.search(r"(^|/)[_.]", e["name"][prefix.rfind("/") + 1 :])
            and not e["name"].endswith("/")
        }
        if not entries:
            raise NotFoundError(f"nothing in the container {container!r} matches {path}.")
        return container, entries

    def read(self, item: StoredObject, start: int, size: int) -> bytes:
        """Read some bytes of an object, of the version that was planned."""
        headers = {"Range": f"bytes={start}-{start + size - 1}", "If-Match": item.etag}
        with explained(str(item)):
            _, body = self.connection.get_object(item.container, item.name, headers=headers)
        data: bytes = body
        return data

    def object(self, container: str, name: str) -> StoredObject:
        """Look at one object."""
        with explained(f"{container}/{name}"):
            # A connection is for one thread at a time.
            headers: dict[str, Any] = swiftclient.head_object(self.storage_url, self.token, container, name)
        large = "x-static-large-object" in headers or "x-object-manifest" in headers
        return StoredObject(container, name, int(headers["content-length"]), headers["etag"], large)


def parse_path(path: str) -> tuple[str, str]:
    """Take swift://container/object apart; a container alone means all its objects.

    Raises:
        ConfigurationError: the path has another form.
    """
    found = re.fullmatch(r"swift://([^/]+)(?:/(.*))?", path, re.DOTALL)
    if found is None:
        raise ConfigurationError(f"{path!r} is no path in Swift: write swift://container/object.")
    return found[1], found[2] or "*"


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what swiftclient raises into our errors.

    Args:
        what: the thing that was asked for, for the message.
    """
    try:
        yield
    except swiftclient.ClientException as error:
        if error.http_status == 404:
            raise NotFoundError(f"{what} does not exist in Swift: check the path.") from error
        if error.http_status in (401, 403):
            raise AuthenticationError(
                f"Swift does not let this user get at {what} (HTTP {error.http_status}): ask for access."
            ) from error
        raise StoreUnavailableError(f"Swift could not answer for {what} ({_reason(error)}): try again.") from error
    except (requests.RequestException, OSError) as error:
        raise StoreUnavailableError(f"the connection to Swift broke while asking for {what}: try again.") from error


def _reason(error: swiftclient.ClientException) -> str:
    return f"HTTP {error.http_status}" if error.http_status else "no HTTP answer"
