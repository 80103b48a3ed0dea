"""Logging in by Keystone v3: a real Keystone, Swift with authtoken and keystoneauth, tokens that live 25 seconds."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from debug_log import said
from faults.fault_proxy import FaultProxy, after
from keystoneauth1.session import Session
from ports import free_port
from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.deploy import deploy
from spark_storlets.datasource.keystone import password_session
from spark_storlets.datasource.login import (
    ApplicationLogin,
    CloudLogin,
    PasswordLogin,
    SwiftLogin,
    login_of,
)
from spark_storlets.devstack import Devstack
from spark_storlets.devstack.keystone import REGION, Admin

from spark_storlets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError, error_from_spark

PASSWORD, SECRET = "wonder land", "application-secret"
TOKEN_SECONDS = 25
ROWS = b"1,a\n2,b\n3,c\n"


@pytest.fixture(scope="module")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devstack]:
    stack = Devstack(tmp_path_factory.mktemp("keystone"), free_port(), token_seconds=TOKEN_SECONDS)
    stack.up()
    yield stack
    stack.down()


@pytest.fixture(scope="module")
def options(keystone: Devstack) -> dict[str, str]:
    """How alice logs in with her password."""
    admin = Admin(keystone.layout.keystone_url)
    admin.user("alice", PASSWORD, "tests", "member")
    admin.user("bob", PASSWORD, "tests", "reader")
    return {"authUrl": keystone.layout.keystone_url, "user": "alice", "key": PASSWORD, "projectName": "tests"}


@pytest.fixture(scope="module")
def swift(options: dict[str, str]) -> SwiftClient:
    client = login(**options)
    deploy(client)
    client.connection.put_container("tests")
    for name in ("a.csv", "b.csv"):
        client.connection.put_object("tests", name, ROWS)
    return client


@pytest.fixture(scope="module")
def credential(options: dict[str, str], swift: SwiftClient) -> str:
    """An application credential of alice's."""
    session = password_session(options["authUrl"], "alice", "Default", PASSWORD, "tests", "Default")
    assert isinstance(session, Session)
    url = f"{options['authUrl']}/users/{session.get_user_id()}/application_credentials"
    made = session.post(url, json={"application_credential": {"name": "spark", "secret": SECRET}})
    return str(made.json()["application_credential"]["id"])


def login(**options: str) -> SwiftClient:
    return login_of(options, {}).client()


def frame(spark: SparkSession, path: str = "swift://tests/*.csv", **options: str) -> DataFrame:
    return spark.read.format("storlets").schema("k int, s string").options(**options).load(path)


def count(read: DataFrame) -> int:
    return read.where("k > 1").count()


def test_password(spark: SparkSession, options: dict[str, str], swift: SwiftClient) -> None:
    assert count(frame(spark, **options)) == 4


def test_application_credential(
    spark: SparkSession, options: dict[str, str], swift: SwiftClient, credential: str
) -> None:
    given = {"applicationCredentialId": credential, "applicationCredentialSecret": SECRET}
    assert count(frame(spark, authUrl=options["authUrl"].removesuffix("/v3"), regionName=REGION, **given)) == 4


def test_cloud_of_clouds_yaml(
    options: dict[str, str], swift: SwiftClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = f"{{auth_url: {options['authUrl']}, username: alice, password: {PASSWORD}, project_name: tests, "
    auth += "user_domain_name: Default, project_domain_name: Default}"
    (tmp_path / "clouds.yaml").write_text(f"clouds: {{mine: {{region_name: {REGION}, auth: {auth}}}}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    assert login(cloud="mine").storage_url == swift.storage_url
    with pytest.raises(ConfigurationError, match="no cloud 'other'"):
        login(cloud="other")


def test_variables_of_the_environment(options: dict[str, str], swift: SwiftClient, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ST_", "OS_"))}
    environment |= {"OS_AUTH_URL": options["authUrl"], "OS_USERNAME": "alice", "OS_PASSWORD": PASSWORD}
    environment |= {"OS_PROJECT_NAME": "tests", "OS_USER_DOMAIN_NAME": "Default"}
    command = [str(Path(sys.executable).parent / "spark-storlets"), "sql", "SELECT s FROM data WHERE k = 3"]
    command += ["--path", "swift://tests/a.csv", "--schema", "k int, s string"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
    assert done.stdout == "s\nc\n", done.stderr


def test_conf_of_the_session(spark: SparkSession, options: dict[str, str], swift: SwiftClient) -> None:
    for name, value in options.items():
        spark.conf.set(f"spark.datasource.storlets.{name}", value)
    try:
        assert count(frame(spark)) == 4
    finally:
        for name in options:
            spark.conf.unset(f"spark.datasource.storlets.{name}")


def test_token_that_expires_in_mid_job_is_renewed(
    spark: SparkSession, keystone: Devstack, options: dict[str, str], swift: SwiftClient
) -> None:
    proxy = FaultProxy(keystone.auth_url)
    tokens = []

    def remember(exchange) -> None:
        tokens.append(exchange.headers["X-Auth-Token"])
        after(lambda: wait_until_refused(swift.storage_url, tokens[0]))(exchange)

    def note(exchange) -> None:
        tokens.append(exchange.headers["X-Auth-Token"])
        after(lambda: None)(exchange)

    try:
        storage_url = swift.storage_url.replace(keystone.layout.url, proxy.auth_url.removesuffix("/auth/v1.0"))
        read = frame(spark, storageUrl=storage_url, window="1", pushAggregates="false", **options)
        proxy.faults[:] = [remember, note, note, note, note]
        assert sorted(row.s for row in read.collect()) == ["a", "a", "b", "b", "c", "c"]
    finally:
        proxy.close()
    assert len(tokens) == 4, "two requests, each of them refused once"
    assert tokens[0] == tokens[2] != tokens[1] == tokens[3], "the driver logs in once for both"


def wait_until_refused(storage_url: str, token: str) -> None:
    """Wait for the token's end."""
    deadline = time.monotonic() + 4 * TOKEN_SECONDS
    while requests.head(storage_url, headers={"X-Auth-Token": token}, timeout=30).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_what_is_wrong_with_a_login_is_said(options: dict[str, str], swift: SwiftClient, credential: str) -> None:
    for change, kind, words in (
        ({"key": "wrong"}, AuthenticationError, "refuses the user 'alice'"),
        ({"projectName": "other"}, AuthenticationError, "project"),
        ({"userDomainName": "other"}, AuthenticationError, "domains"),
        ({"regionName": "elsewhere"}, ConfigurationError, "no object-store in the region 'elsewhere'"),
        ({"authUrl": "http://127.0.0.1:1/v3"}, StoreUnavailableError, "cannot reach Keystone"),
        ({"authUrl": options["authUrl"] + "/nothing/v3"}, ConfigurationError, "check authUrl"),
        ({"authUrl": "keystone/v3"}, ConfigurationError, "http"),
    ):
        with pytest.raises(kind, match=words) as caught:
            login(**{**options, **change})
        assert PASSWORD not in str(caught.value) and "wrong" not in str(caught.value)
    with pytest.raises(AuthenticationError, match=credential):
        login(authUrl=options["authUrl"], applicationCredentialId=credential, applicationCredentialSecret="wrong")


def test_no_log_and_no_plan_shows_a_secret(
    options: dict[str, str], swift: SwiftClient, credential: str, tmp_path: Path
) -> None:
    application = {"applicationCredentialId": credential, "applicationCredentialSecret": SECRET}
    logins = (options, {"authUrl": options["authUrl"], **application})
    reads = [("swift://tests/*.csv", "swift://tests/none.csv", "k > 1", 4, login) for login in logins]
    # Fernet's tokens begin alike.
    words = (PASSWORD, SECRET, "gAAAA", "X-Auth-Token:", "X-Subject-Token: ")
    lines = said(reads, tmp_path).splitlines()
    assert not [line[:300] for line in lines if any(word in line for word in words)]


def test_user_without_a_role_that_reads(spark: SparkSession, options: dict[str, str], swift: SwiftClient) -> None:
    with pytest.raises(Exception) as caught:
        frame(spark, **{**options, "user": "bob"}).collect()
    assert isinstance(error_from_spark(caught.value), AuthenticationError)


def test_which_login_options_and_variables_mean() -> None:
    v1 = {"ST_AUTH": "http://a/auth/v1.0", "ST_USER": "t:u", "ST_KEY": "k"}
    v3 = {"OS_AUTH_URL": "http://k/v3", "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_PROJECT_NAME": "t"}
    application = {"OS_APPLICATION_CREDENTIAL_ID": "i", "OS_APPLICATION_CREDENTIAL_SECRET": "s"}
    plain, password = SwiftLogin("http://a/auth/v1.0", "t:u", "k"), PasswordLogin(
        "http://k/v3", "u", "Default", "t", "Default", None, None, "p"
    )  # fmt: skip
    assert login_of({}, v1) == login_of({}, {**v1, **v3}) == plain
    assert login_of({}, v3) == login_of({"authversion": "3"}, {**v1, **v3}) == password
    assert login_of({}, {**v3, **application}) == ApplicationLogin("http://k/v3", "i", None, None, "s")
    assert login_of({"user": "u", "key": "p"}, {**v3, **application}) == password
    assert login_of({}, {"OS_CLOUD": "c"}) == CloudLogin("c", None, None)
    assert login_of({"authurl": "http://k/v3/", "projectname": "t"}, v3).auth_url == "http://k/v3/"
    assert login_of({"authurl": "http://b/auth/v1.0"}, {**v1, "OS_CLOUD": "c"}).auth_url == "http://b/auth/v1.0"
    for given, variables, words in (
        ({}, {}, "authUrl or set ST_AUTH or OS_AUTH_URL"),
        ({"projectname": "t"}, {}, "OS_AUTH_URL"),
        ({}, {"OS_AUTH_URL": "http://k", "OS_USERNAME": "u"}, "projectName"),
        ({"authversion": "2"}, {}, "authVersion"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            login_of(given, variables)
    assert "p'" not in repr(password) and "'k'" not in repr(plain)
