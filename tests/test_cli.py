"""The command as its user sees it: output, one message for a failure, exit codes, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.devstack.configuration import ADMIN, KEY, OTHER, USER


@pytest.fixture
def command(cluster, tmp_path):
    def run(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY, **environment}
        call = [str(Path(sys.executable).parent / "spark-storlets"), *arguments]
        done = subprocess.run(call, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_sql_prints_the_rows_and_what_the_store_did(command, put):
    path = put("cli.csv", b"k,s\n1,a\n2,\n")
    done = command("sql", "SELECT s, k FROM data WHERE k >= 2", "--path", path, "--schema", "k int, s string",
                   "--option", "header=true")  # fmt: skip
    assert done.stdout == "s,k\n,2\n"
    (said,) = done.stderr.splitlines()
    assert "bytes scanned" in said and "k >= 2" in said, "and nothing else"


@pytest.mark.parametrize(
    ("query", "path", "environment", "words"),
    [
        ("SELECT * FROM data", "swift://tests/none.csv", {}, "tests/none.csv does not exist"),
        ("SELECT * FROM data", "swift:/x", {}, "swift://container/object"),
        ("SELECT * FROM data", "swift://tests/cli.csv", {"ST_KEY": "wrong"}, "check user and key"),
        ("SELECT * FROM data", "swift://tests/cli.csv", {"ST_AUTH": "http://127.0.0.1:1/a"}, "cannot reach Swift"),
        ("SELECT nope FROM data", "swift://tests/cli.csv", {}, "nope"),
    ],
)
def test_failure_is_one_message(command, put, query, path, environment, words):
    put("cli.csv", b"k,s\n1,a\n")
    done = command("sql", query, "--path", path, "--option", "header=true", code=1, **environment)
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1 and words in said[0], done.stderr
    assert "\tat " not in done.stderr, "no Java stack"


def test_rows_are_printed_as_a_table_or_as_json_where_that_is_asked_for(command, put):
    path = put("forms.csv", b"k,s\n1,[b]a[/b]\n2,\n")
    arguments = (
        "sql",
        "SELECT s, k FROM data ORDER BY k",
        "--path",
        path,
        "-O",
        "header=true",
        "--schema",
        "k int, s string",
    )
    table = command(*arguments, "--format", "table").stdout
    assert "[b]a[/b]" in table and "NULL" in table and " k " in table
    lines = command(*arguments, "--format", "json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"s": "[b]a[/b]", "k": 1}, {"s": None, "k": 2}]


def test_a_profile_says_which_store(command, cluster, tmp_path):
    file = tmp_path / "spark-storlets" / "profiles.ini"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(f"[lake]\nauthUrl = {cluster.auth_url}\nuser = {USER}\nkey = {KEY}\n")
    wrong = {"XDG_CONFIG_HOME": str(tmp_path), "ST_KEY": "wrong"}
    assert "csv_storlet.py" in command("deploy", "--profile", "lake", "list", **wrong).stdout
    assert "it has lake" in command("deploy", "--profile", "sea", "list", code=1, **wrong).stderr
    assert "check user and key" in command("deploy", "list", code=1, **wrong).stderr
    file.chmod(0o644)
    said = command("deploy", "--profile", "lake", "list", code=1, **wrong).stderr
    assert "chmod 600" in said and KEY not in said


def test_storlets_are_listed_shown_and_removed(command, client):
    command("deploy")
    listed = {one["name"]: one for one in json.loads(command("deploy", "list", "--json").stdout)}
    assert listed["csv_storlet.py"]["of_this_release"] is True
    assert "csv_storlet.CsvStorlet" in command("deploy", "show", "csv_storlet.py").stdout
    assert "storlet/none.py does not exist" in command("deploy", "show", "none.py", code=1).stderr
    headers = {
        "X-Object-Meta-Storlet-Main": "mine.A",
        "X-Object-Meta-Storlet-Dependency": "only_mine.py, storlet_sdk.py",
    }
    headers |= {"X-Object-Meta-Storlet-Language": "Python", "X-Object-Meta-Storlet-Interface-Version": "1.0"}
    client.connection.put_object(
        "storlet", "mine.py", b"class A: pass", headers={**headers, "X-Object-Meta-Storlet-Object-Metadata": "no"}
    )
    needs = {"X-Object-Meta-Storlet-Dependency-Version": "1"}
    client.connection.put_object("dependency", "only_mine.py", b"", headers=needs)
    removed = command("deploy", "remove", "mine.py").stdout.splitlines()
    assert removed == ["removed storlet/mine.py", "removed dependency/only_mine.py"], "the SDK is others' too"
    assert "mine.py" not in command("deploy", "list").stdout


def test_deploy_says_what_it_uploaded(command, client):
    assert "storlet/csv_storlet.py" in command("deploy").stdout
    assert "check user and key" in command("deploy", code=1, ST_KEY="wrong").stderr


def test_another_account_is_deployed_to_if_the_login_may(command, cluster):
    assert "Swift does not let this user" in command("deploy", "--account", "AUTH_other", code=1).stderr
    admin = {"ST_USER": ADMIN}
    assert "storlet/csv_clean_storlet.py" in command("deploy", "--account", "AUTH_other", **admin).stdout
    listed = json.loads(command("deploy", "--account", "AUTH_other", "list", "--json", **admin).stdout)
    assert all(one["of_this_release"] for one in listed) and len(listed) > 1
    other = SwiftClient(cluster.auth_url, OTHER, KEY).connection
    other.put_container("theirs")
    other.put_object("theirs", "a.csv", b" 1 ,2\n")
    assert (
        command("run", "csv_clean_storlet.py", "swift://theirs/a.csv", "--param", "trim=true", ST_USER=OTHER).stdout
        == "1,2\n"
    )


def test_what_a_storlet_answers_is_written_to_a_file(command, put, tmp_path):
    command("deploy")
    path = put("dirty.csv", b" 1 ,2\n")
    done = command("run", "csv_clean_storlet.py", path, "--param", "trim=true", "-o", "clean.csv")
    assert not done.stdout and (tmp_path / "clean.csv").read_bytes() == b"1,2\n"
    command("run", "none.py", path, "-o", "none.csv", code=1)
    assert not list(tmp_path.glob("none.csv*")), "a file only when the answer is whole"


def test_benchmarks_are_listed(command):
    assert "engine " in command("bench").stdout
    assert "no benchmark none" in command("bench", "none", code=2).stderr


def test_plans_and_servers_are_there_as_json(command, cluster, put):
    path = put("plan.csv", b"1\n" * 100)
    (task,) = json.loads(command("plan", path, "--json").stdout)["tasks"]
    assert [(read["name"], read["start"], read["end"]) for read in task] == [("tests/plan.csv", 0, 200)]
    servers = json.loads(command("devstack", "status", "--json", "--directory", str(cluster.directory)).stdout)
    assert len(servers) == 7 and all(server["healthy"] for server in servers)


def test_doctor_tries_everything_up_to_rows_from_the_store(command):
    command("deploy")
    done = command("doctor")
    assert not done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("yes ") for line in lines[:-1]) and lines[-1] == "A query will work."
    assert "a storlet ran" in lines[-3] and "Spark read" in lines[-2]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ST_KEY": "wrong"}, "check user and key"),
        ({"ST_AUTH": "http://127.0.0.1:1/a"}, "cannot reach Swift"),
        ({"JAVA_HOME": "/nowhere"}, "Install Java 17"),
    ],
)
def test_doctor_stops_at_the_first_thing_that_fails_and_says_what_to_do(command, environment, words):
    found = json.loads(command("doctor", "--json", code=1, **environment).stdout)
    assert words in found[-1]["remedy"] and not any(one["remedy"] for one in found[:-1])
    *before, last, remedy = command("doctor", code=1, **environment).stdout.splitlines()
    assert all(line.startswith("yes ") for line in before), before
    assert last.startswith("no ") and words in remedy


def test_status_logs_and_jar(command, cluster):
    where = ("--directory", str(cluster.directory))
    assert command("devstack", "status", *where).stdout.count(" up ") == 7
    assert "object-4" in command("devstack", "logs", "object-4", *where, code=1).stderr
    assert "pid" in command("devstack", "status", *where).stdout
    assert command("devstack", "logs", "proxy", *where).stdout
    assert Path(command("jar").stdout.strip()).is_file()


def test_wheel_holds_everything_that_a_query_needs(command, put, tmp_path):
    root = Path(__file__).parent.parent
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, root], check=True, timeout=600)
    (wheel,) = tmp_path.glob("spark_storlets-*.whl")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, timeout=300)
    path = put("wheel.csv", b"1\n2\n3\n")
    env = {"PYTHONPATH": str(site)}
    assert command("jar", **env).stdout.startswith(str(site)), "the wheel must be what runs"
    command("deploy", **env)
    assert (
        command("sql", "SELECT * FROM data WHERE a > 2", "--path", path, "--schema", "a int", **env).stdout == "a\n3\n"
    )
