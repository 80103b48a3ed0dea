"""`spark-storlets ls` shows what a path names, with filters, for people and for programs."""

import datetime
import io
import json
import os
import pty
import sys

import pytest
from click.testing import CliRunner
from spark_storlets.devstack.configuration import KEY, USER
from stand_in import Names, serving

from spark_storlets.cli import main
from spark_storlets.ls_command import _Progress

SIZES = {
    "2023/jan/a.jpg": 10,
    "2024/feb/b.jpg": 3000,
    "2024/feb/c.txt": 5,
    "2024/mar/d.jpg": 7,
    "2024/e.jpg": 2_000_000,
    "2024-old": 1,
    "[odd]": 1,
    "back\rhome\n": 1,
    "top.jpg": 1,
}


@pytest.fixture(scope="module")
def environment(cluster, client):
    client.connection.put_container("shown")
    for name, size in SIZES.items():
        kind = "image/jpeg" if name.endswith(".jpg") else "text/plain"
        client.connection.put_object("shown", name, b"x" * size, content_type=kind)
    return {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}


@pytest.fixture
def ls(environment):
    def run(*arguments, code=0):
        done = CliRunner().invoke(main, ["ls", *arguments], env=environment)
        assert done.exit_code == code, done.output
        return done.stderr if code else done.stdout

    return run


def names(output):
    return [json.loads(line)["name"] for line in output.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["swift://shown"], ["2023/", "2024-old", "2024/", "[odd]", "back\rhome\n", "top.jpg"]),
        (["swift://shown/2024"], ["2024-old", "2024/"]),
        (["swift://shown/2024/"], ["2024/e.jpg", "2024/feb/", "2024/mar/"]),
        (["swift://shown/none"], []),
        (["swift://shown/20*"], ["2023/", "2024-old", "2024/"]),
        (["swift://shown/20*/"], ["2023/", "2024-old", "2024/"]),
        (["swift://shown/*/feb"], ["2024/feb/"]),
        (["swift://shown/*/*.jpg"], ["2024/e.jpg"]),
        (["swift://shown/{2023/jan,2024/*}/?.jpg"], ["2023/jan/a.jpg", "2024/feb/b.jpg", "2024/mar/d.jpg"]),
        (["swift://shown/\\[odd]"], ["[odd]"]),
        (["-r", "swift://shown/2024/feb"], ["2024/feb/b.jpg", "2024/feb/c.txt"]),
        (["-r", "swift://shown/*/feb"], ["2024/feb/b.jpg", "2024/feb/c.txt"]),
        (["-r", "swift://shown", "--larger", "2.5k"], ["2024/e.jpg", "2024/feb/b.jpg"]),
        (["-r", "swift://shown", "--larger", "1", "--smaller", "10"], ["2024/feb/c.txt", "2024/mar/d.jpg"]),
        (["swift://shown", "--type", "image/*"], ["top.jpg"]),
        (["-r", "swift://shown", "--before", "2001-01-01"], []),
        (["swift://shown/top", "--since", "2001-01-01T10:00:00"], ["top.jpg"]),
    ],
)
def test_names_that_a_path_and_filters_leave(ls, arguments, found):
    assert names(ls(*arguments, "--json")) == found


def test_what_is_told_of_an_object(ls, client):
    (told,) = map(json.loads, ls("swift://shown/top.jpg", "--json").splitlines())
    head = client.connection.head_object("shown", "top.jpg")
    modified = datetime.datetime.fromisoformat(told.pop("last_modified")).timestamp()
    assert told == {"name": "top.jpg", "bytes": 1, "content_type": "image/jpeg", "etag": head["etag"]}
    assert abs(modified - float(head["x-timestamp"])) < 0.001
    lines = ls("swift://shown").splitlines()
    assert [line.split()[-1] for line in lines] == ["2023/", "2024-old", "2024/", "[odd]", "back\\rhome\\n", "top.jpg"]
    assert lines[-1].split()[0] == "1" and lines[-1].split()[3] == "image/jpeg" and lines[0].split()[0] == "-"


def test_what_cannot_be_listed_is_one_message(ls):
    assert "does not exist" in ls("swift://not-there", code=1)
    assert "swift://container/object" in ls("photos", code=1)
    assert "swift:// only" in ls("s3://shown", code=1)
    assert "is no size" in ls("swift://shown", "--larger", "big", code=2)
    assert "cannot be read" in ls("swift://shown/[z-a]", code=1)


@pytest.mark.parametrize("on_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_and_not_elsewhere(on_terminal, monkeypatch, capsys):
    monkeypatch.setattr(_Progress, "SECONDS", 0)
    terminal, end = pty.openpty()
    with serving(Names(lambda i: f"{i:08}", 20_000)) as server, os.fdopen(end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr if on_terminal else io.StringIO())
        store = [f"--auth-url=http://127.0.0.1:{server.server_port}/auth/v1.0", "--user=a:b", "--key=k"]
        main(["ls", "swift://big/00010", "--json", *store], standalone_mode=False)
        said = os.read(terminal, 1_000_000).decode() if on_terminal else sys.stderr.getvalue()
    os.close(terminal)
    assert len(capsys.readouterr().out.splitlines()) == 1000
    if on_terminal:
        assert said.startswith("\r\x1b[K1 names looked at, 0 shown") and said.endswith("\r\x1b[K")
    else:
        assert said == ""
