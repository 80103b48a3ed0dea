"""The same objects through Swift's s3api: boto3 lists and signs here, executors only GET what was signed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient

from spark_storlets.errors import AuthenticationError, ConfigurationError, NotFoundError, StoreUnavailableError

#: A signed URL reads one object; a task that comes later asks the driver for a new one.
SIGNED_SECONDS = 3600


class S3Client(SwiftClient):
    """A connection to an account by S3's protocol.

    Args:
        endpoint: URL of Swift's proxy; None: AWS_ENDPOINT_URL, or what the profile says.
        access_key: None: AWS_ACCESS_KEY_ID, or what the profile says.
        secret_key: to it; never shown.
        region: as s3api's option `location` has it.

    Raises:
        ConfigurationError: boto3 is not installed, or something is missing.
    """

    def __init__(
        self, endpoint: str | None, access_key: str | None, secret_key: str | None, region: str | None
    ) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ConfigurationError(
                "paths s3:// are signed by boto3, which is not installed: pip install 'spark-storlets[s3]'."
            ) from error
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, connect_timeout=30, read_timeout=60)
        try:
            session = boto3.Session(access_key, secret_key)
            region = region or session.region_name or "us-east-1"
            self._s3: Any = session.client("s3", endpoint_url=endpoint, region_name=region, config=config)
            known = session.get_credentials() is not None
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(
                f"boto3 cannot use what it was given ({type(error).__name__}): check endpointUrl, accessKey, secretKey."
            ) from error
        self._endpoint = str(self._s3.meta.endpoint_url)
        if urlsplit(self._endpoint).netloc.endswith("amazonaws.com"):
            raise ConfigurationError("which store? Give the option endpointUrl, or set AWS_ENDPOINT_URL.")
        if not known:
            raise ConfigurationError("who? Give accessKey and secretKey, or set AWS_ACCESS_KEY_ID and its secret.")
        self.storage_url, self.token = self._endpoint, ""

    def authorization(self) -> dict[str, str]:
        """Give no header: the URL is signed."""
        return {}

    def url(self, container: str, name: str) -> str:
        """Sign a GET of an object."""
        signed: str = self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": container, "Key": name}, ExpiresIn=SIGNED_SECONDS
        )
        return signed

    def signed_again(self, url: str) -> str:
        """Sign the GET of the object that a URL names."""
        container, _, name = unquote(urlsplit(url).path).lstrip("/").partition("/")
        return self.url(container, name)

    def listed(self, container: str, prefix: str) -> list[Listed]:
        """See SwiftClient."""
        with self._explained(f"the bucket {container!r}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=container, Prefix=prefix)
            entries = [entry for page in pages for entry in page.get("Contents", [])]
        found = [Listed(container, e["Key"], e["Size"], e["ETag"].strip('"')) for e in entries]
        return [one if one.size and "-" not in str(one.etag) else one._replace(etag=None) for one in found]

    def read(self, item: StoredObject, start: int, size: int) -> bytes:
        """See SwiftClient."""
        with self._explained(str(item)):
            answer = self._s3.get_object(
                Bucket=item.container, Key=item.name, Range=f"bytes={start}-{start + size - 1}", IfMatch=item.etag
            )
            data: bytes = answer["Body"].read()
        return data

    def object(self, container: str, name: str) -> StoredObject:
        """See SwiftClient."""
        with self._explained(f"{container}/{name}"):
            found = self._s3.head_object(Bucket=container, Key=name)
        etag = found["ETag"].strip('"')
        # Of several parts: s3api makes large objects of them.
        return StoredObject(container, name, found["ContentLength"], etag, "-" in etag)

    def policy(self, container: str) -> str | None:
        """Say nothing, as s3api does."""
        return None

    def headers(self, container: str, name: str) -> dict[str, str]:
        """See SwiftClient."""
        with self._explained(f"{container}/{name}"):
            found = self._s3.head_object(Bucket=container, Key=name)
        return {f"x-object-meta-{key.lower()}": value for key, value in found["Metadata"].items()}

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                raise NotFoundError(f"{what} does not exist in the store: check the path.") from error
            if status in (401, 403):
                raise AuthenticationError(
                    f"the store at {self._endpoint} does not let this access key get at {what} (HTTP {status}): check "
                    "accessKey and secretKey, or ask for access."
                ) from error
            raise StoreUnavailableError(f"the store could not answer for {what} (HTTP {status}): try again.") from error
        except BotoCoreError as error:
            raise StoreUnavailableError(
                f"cannot reach the store at {self._endpoint} for {what} ({type(error).__name__}): check endpointUrl."
            ) from error
