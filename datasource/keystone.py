"""A connection to Swift by Keystone v3, through keystoneauth's sessions."""

from __future__ import annotations

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3
from spark_storlets.datasource.client import SwiftClient

from spark_storlets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError

TIMEOUT = 30


def password_session(
    auth_url: str, user: str, user_domain: str, key: str, project: str, project_domain: str
) -> session.Session:
    """Make a session of a user's password, for a project."""
    auth = v3.Password(
        _identity(auth_url),
        username=user,
        password=key,
        user_domain_name=user_domain,
        project_name=project,
        project_domain_name=project_domain,
    )
    return session.Session(auth, timeout=TIMEOUT)


def application_credential(auth_url: str, name: str, secret: str) -> session.Session:
    """Make a session of an application credential."""
    auth = v3.ApplicationCredential(
        _identity(auth_url), application_credential_id=name, application_credential_secret=secret
    )
    return session.Session(auth, timeout=TIMEOUT)


def cloud_session(name: str, region: str | None) -> tuple[session.Session, str | None]:
    """Make a session as clouds.yaml says; give the region, too.

    Raises:
        ConfigurationError: openstacksdk is not installed, or there is no such cloud.
    """
    try:
        from openstack.config import OpenStackConfig
        from openstack.exceptions import ConfigException
    except ImportError as error:
        raise ConfigurationError(
            "clouds.yaml is read by openstacksdk, which is not installed: pip install 'spark-storlets[clouds]'."
        ) from error
    try:
        cloud = OpenStackConfig().get_one(cloud=name, region_name=region)
        return cloud.get_session(), cloud.get_region_name()
    except (ConfigException, exceptions.ClientException) as error:
        raise ConfigurationError(
            f"clouds.yaml has no cloud {name!r} that one can log in to ({type(error).__name__}): correct it, or set "
            "OS_CLIENT_CONFIG_FILE to the right file."
        ) from error


class KeystoneClient(SwiftClient):
    """A connection to a project's account.

    Args:
        made: a session that can log in.
        who: logs in and where, for messages.
        region: whose Swift it is, if Keystone's catalog has several.
        storage_url: the account's, if it is not the one in the catalog.

    Raises:
        AuthenticationError: Keystone refuses the credentials.
        ConfigurationError: there is no Keystone, or no Swift in its catalog.
        StoreUnavailableError: Keystone cannot be reached.
    """

    def __init__(self, made: session.Session, who: str, region: str | None, storage_url: str | None) -> None:
        try:
            token: str | None = made.get_token()
            found = storage_url or _endpoint(made, region)
        except (exceptions.Unauthorized, exceptions.Forbidden) as error:
            raise AuthenticationError(f"Keystone refuses {who}: check the credentials, domains and project.") from error
        except exceptions.ConnectionError as error:
            raise StoreUnavailableError(f"cannot reach Keystone for {who}: check authUrl and the cluster.") from error
        except exceptions.ClientException as error:
            raise ConfigurationError(
                f"no Keystone v3 answered for {who} ({type(error).__name__}): check authUrl."
            ) from error
        if not found or not token:
            where = f" in the region {region!r}" if region else ""
            raise ConfigurationError(
                f"Keystone's catalog has no object-store{where} for {who}: check the project and regionName, or give "
                "storageUrl."
            )
        self._connect(found, token)


def _endpoint(made: session.Session, region: str | None) -> str | None:
    try:
        found: str | None = made.get_endpoint(service_type="object-store", region_name=region)
    except (exceptions.EndpointNotFound, exceptions.EmptyCatalog):
        return None
    return found


def _identity(auth_url: str) -> str:
    if not auth_url.startswith(("http://", "https://")):
        raise ConfigurationError(f"authUrl = {auth_url!r} is no http:// or https:// URL.")
    url = auth_url.rstrip("/")
    return url if url.endswith("/v3") else f"{url}/v3"
