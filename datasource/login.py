"""Who reads: the ways to log in, from options and the environment, as the store's own clients take them.

Swift's v1 authentication (ST_AUTH, ST_USER, ST_KEY), Keystone v3 with a password or an application credential (OS_*),
clouds.yaml (OS_CLOUD), and for paths s3:// the keys of boto3 (AWS_*). An option comes before its variable. No secret is
in what `repr` shows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.keystone import KeystoneClient, application_credential, cloud_session, password_session
from spark_storlets.datasource.profiles import profile
from spark_storlets.datasource.s3 import S3Client

from spark_storlets.errors import ConfigurationError

#: The options by which a login is told, each with its variable for v1 and for v3.
VARIABLES: Mapping[str, tuple[str | None, str | None]] = {
    "authUrl": ("ST_AUTH", "OS_AUTH_URL"),
    "user": ("ST_USER", "OS_USERNAME"),
    "key": ("ST_KEY", "OS_PASSWORD"),
    "userDomainName": (None, "OS_USER_DOMAIN_NAME"),
    "projectName": (None, "OS_PROJECT_NAME"),
    "projectDomainName": (None, "OS_PROJECT_DOMAIN_NAME"),
    "applicationCredentialId": (None, "OS_APPLICATION_CREDENTIAL_ID"),
    "applicationCredentialSecret": (None, "OS_APPLICATION_CREDENTIAL_SECRET"),
    "regionName": (None, "OS_REGION_NAME"),
    "storageUrl": (None, "OS_STORAGE_URL"),
    "cloud": (None, "OS_CLOUD"),
}
_ONLY_KEYSTONE = [name for name, (first, _) in VARIABLES.items() if first is None and name != "storageUrl"]


class Login(Protocol):
    """How to log in, as often as it takes."""

    def client(self) -> SwiftClient:
        """Log in.

        Raises:
            AuthenticationError: the store refuses the credentials.
            ConfigurationError: it is not to be found where they say.
            StoreUnavailableError: it does not answer.
        """


@dataclass(frozen=True)
class SwiftLogin:
    """Swift's v1 authentication."""

    auth_url: str
    user: str
    key: str = field(repr=False)

    def client(self) -> SwiftClient:
        """See Login."""
        return SwiftClient(self.auth_url, self.user, self.key)


@dataclass(frozen=True)
class PasswordLogin:
    """Keystone v3 with a user's password, for a project."""

    auth_url: str
    user: str
    user_domain: str
    project: str
    project_domain: str
    region: str | None
    storage_url: str | None
    key: str = field(repr=False)

    def client(self) -> SwiftClient:
        """See Login."""
        session = password_session(
            self.auth_url, self.user, self.user_domain, self.key, self.project, self.project_domain
        )
        return KeystoneClient(session, f"the user {self.user!r} at {self.auth_url}", self.region, self.storage_url)


@dataclass(frozen=True)
class ApplicationLogin:
    """Keystone v3 with an application credential, which has its project."""

    auth_url: str
    name: str
    region: str | None
    storage_url: str | None
    secret: str = field(repr=False)

    def client(self) -> SwiftClient:
        """See Login."""
        session = application_credential(self.auth_url, self.name, self.secret)
        who = f"the application credential {self.name!r} at {self.auth_url}"
        return KeystoneClient(session, who, self.region, self.storage_url)


@dataclass(frozen=True)
class CloudLogin:
    """A cloud of clouds.yaml."""

    name: str
    region: str | None
    storage_url: str | None

    def client(self) -> SwiftClient:
        """See Login."""
        session, region = cloud_session(self.name, self.region)
        return KeystoneClient(session, f"the cloud {self.name!r} of clouds.yaml", region, self.storage_url)


@dataclass(frozen=True)
class S3Login:
    """Swift's s3api; what is None, boto3 finds in its variables and files."""

    endpoint: str | None
    access_key: str | None
    region: str | None
    secret_key: str | None = field(repr=False)

    def client(self) -> SwiftClient:
        """See Login."""
        return S3Client(self.endpoint, self.access_key, self.secret_key, self.region)


def s3_login(given: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Login:
    """Find out how to log in for paths s3://.

    Args:
        given: options, names in any case.
        environment: variables, for the profile; boto3 looks for its own.

    Raises:
        ConfigurationError: there is no such profile.
    """
    given = _with_profile(given, environment)
    names = ("endpointurl", "accesskey", "regionname", "secretkey")
    return S3Login(*(given.get(name) or None for name in names))


def login_of(given: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Login:
    """Find out how to log in.

    Args:
        given: options, names in any case.
        environment: variables; those of the version that the options mean.

    Raises:
        ConfigurationError: something is missing.
    """
    given = _with_profile(given, environment)
    version = _version(given, environment)
    found = {
        name: given.get(name.lower()) or environment.get(variables[0 if version == "1" else 1] or "")
        for name, variables in VARIABLES.items()
    }

    def needed(name: str) -> str:
        value = found[name]
        if not value:
            # Nothing tells v1 from v3 if there is nothing.
            variables = " or ".join(filter(None, VARIABLES[name][version != "1" :]))
            raise ConfigurationError(f"which store, and who? Give the option {name} or set {variables}.")
        return value

    if version == "1":
        return SwiftLogin(needed("authUrl"), needed("user"), needed("key"))
    region, storage_url = found["regionName"], found["storageUrl"]
    if found["cloud"] and not given.get("authurl"):
        return CloudLogin(found["cloud"], region, storage_url)
    if found["applicationCredentialId"] and not given.get("user"):
        secret = needed("applicationCredentialSecret")
        return ApplicationLogin(needed("authUrl"), found["applicationCredentialId"], region, storage_url, secret)
    return PasswordLogin(
        needed("authUrl"),
        needed("user"),
        found["userDomainName"] or "Default",
        needed("projectName"),
        found["projectDomainName"] or "Default",
        region,
        storage_url,
        needed("key"),
    )


def _with_profile(given: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Put the options of the profile behind those that are given; names in lower case."""
    options = {name.lower(): value for name, value in given.items()}
    name = options.get("profile") or environment.get("SPARK_STORLETS_PROFILE")
    return {**profile(name, environment), **options} if name else options


def _version(given: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Tell which authentication is meant: 1, or Keystone's 3."""
    version = given.get("authversion")
    if version is None:
        if any(given.get(name.lower()) for name in _ONLY_KEYSTONE):
            return "3"
        if given.get("authurl"):
            return "3" if given["authurl"].rstrip("/").endswith("/v3") else "1"
        keystone = environment.get("OS_CLOUD") or environment.get("OS_AUTH_URL")
        return "3" if keystone and not environment.get("ST_AUTH") else "1"
    if version not in ("1", "1.0", "3"):
        raise ConfigurationError(f"the option authVersion is 1 or 3, not {version!r}.")
    return version[0]
