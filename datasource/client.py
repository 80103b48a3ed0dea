"""What the planner asks of Swift: a token, listings, looks at objects and their first bytes, what is deployed."""

from __future__ import annotations

import base64
import itertools
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

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


@dataclass(frozen=True)
class StoredObject:
    """One object as it was when the query was planned; size in bytes, etag as Swift gave it."""

    container: str
    name: str
    size: int
    etag: str
    large: bool  # an SLO or DLO: no object server has it as one file
    segmented: bool = False  # an SLO, whose manifest names its segments

    def __str__(self) -> str:
        return f"{self.container}/{self.name}"


class Listed(NamedTuple):
    """An object as its container lists it."""

    container: str
    name: str
    size: int
    etag: str | None  # None where only a look at the object tells size and ETag

    @property
    def folder(self) -> str:
        """The folder that it is in, from the container on."""
        return f"/{self.container}/{self.name}".rpartition("/")[0]


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
            storage_url, token = swiftclient.get_auth(auth_url, user, key, auth_version="1", timeout=30)
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
        self._connect(storage_url, token)

    def _connect(self, storage_url: str, token: str) -> None:
        self.storage_url, self.token = storage_url.rstrip("/"), token
        self.connection = swiftclient.Connection(
            preauthurl=self.storage_url, preauthtoken=self.token, retries=2, timeout=60
        )

    def turn_to(self, account: str) -> None:
        """Work on another account of this store, as far as this login's token is good there."""
        self._connect(f"{self.storage_url.rpartition('/')[0]}/{quote(account)}", self.token)

    def authorization(self) -> dict[str, str]:
        """Give the headers that let a request in."""
        return {"X-Auth-Token": self.token}

    def url(self, container: str, name: str) -> str:
        """Give the URL of an object."""
        return f"{self.storage_url}/{quote(container)}/{quote(name)}"

    def listed(self, container: str, prefix: str) -> list[Listed]:
        """List the objects whose names begin with a prefix, in the order of their bytes in UTF-8.

        Raises:
            NotFoundError: there is no such container.
        """
        with explained(f"the container {container!r}"):
            _, listing = self.connection.get_container(container, prefix=prefix, full_listing=True)
        # One of no bytes may be a large object or a link, of which the listing knows little.
        return [
            Listed(container, e["name"], e["bytes"], e["hash"] if e["bytes"] and "slo_etag" not in e else None)
            for e in listing
        ]

    def found(self, container: str, name: str) -> StoredObject | None:
        """Look at one object, if there is one."""
        try:
            return self.object(container, name)
        except NotFoundError:
            return None

    def headers(self, container: str, name: str) -> dict[str, str]:
        """Give the headers of one object, names in lower case.

        Raises:
            NotFoundError: it is not there.
        """
        with explained(f"{container}/{name}"):
            # A connection is for one thread at a time.
            found: dict[str, str] = swiftclient.head_object(self.storage_url, self.token, container, name)
        return found

    def policy(self, container: str) -> str | None:
        """Give the name of a container's storage policy; None if nobody says.

        Raises:
            NotFoundError: there is no such container.
        """
        with explained(f"the container {container!r}"):
            found: str = self.connection.head_container(container).get("x-storage-policy", "")
        return found

    def info(self) -> dict[str, Any]:
        """Read what the proxy says of itself; nothing if it does not."""
        url = urlsplit(self.storage_url)
        try:
            answer = requests.get(f"{url.scheme}://{url.netloc}/info", timeout=30)
            found: dict[str, Any] = answer.json() if answer.ok else {}
        except (requests.RequestException, ValueError):
            return {}
        return found

    def read(self, item: StoredObject, start: int, size: int) -> bytes:
        """Read some bytes of an object, of the version that was planned."""
        headers = {"Range": f"bytes={start}-{start + size - 1}", "If-Match": item.etag}
        with explained(str(item)):
            _, body = self.connection.get_object(item.container, item.name, headers=headers)
        data: bytes = body
        return data

    def object(self, container: str, name: str) -> StoredObject:
        """Look at one object."""
        headers = self.headers(container, name)
        segmented = "x-static-large-object" in headers
        large = segmented or "x-object-manifest" in headers
        return StoredObject(container, name, int(headers["content-length"]), headers["etag"], large, segmented)

    def segment_ends(self, item: StoredObject) -> list[int]:
        """Give where each segment of an SLO but the last ends; nothing for other objects, or for another version."""
        if not item.segmented:
            return []
        with explained(str(item)):
            _, manifest = self.connection.get_object(item.container, item.name, query_string="multipart-manifest=get")
        ends = list(itertools.accumulate(map(_segment_bytes, json.loads(manifest))))
        return ends[:-1] if ends[-1:] == [item.size] else []


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
        if error.http_status == 400:  # such as a storlet that the engine would not run
            said = error.http_response_content or b"it does not say why"
            said = said.decode(errors="replace") if isinstance(said, bytes) else said
            raise ConfigurationError(f"Swift refuses {what}: {said.strip()}") from error
        raise StoreUnavailableError(f"Swift could not answer for {what} ({_reason(error)}): try again.") from error
    except (requests.RequestException, OSError) as error:
        raise StoreUnavailableError(f"the connection to Swift broke while asking for {what}: try again.") from error


def _segment_bytes(segment: dict[str, Any]) -> int:
    """Give the bytes of an entry of a manifest: a part of an object, a whole one, or the bytes themselves."""
    if "range" in segment:
        first, last = map(int, segment["range"].split("-"))
        return last - first + 1
    return len(base64.b64decode(segment["data"])) if "data" in segment else int(segment["bytes"])


def _reason(error: swiftclient.ClientException) -> str:
    return f"HTTP {error.http_status}" if error.http_status else "no HTTP answer"
