"""A storlet's project: made, tested without a store, uploaded, and the same in the store."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from spark_storlets.cli import main
from spark_storlets.errors import ConfigurationError, StorletFailedError
from spark_storlets.project import create, run

PLAIN = """
import os, sys


class Plain:
    def __init__(self, logger):
        pass

    def __call__(self, in_files, out_files, params):
        what = params["what"]
        if what == "nothing":
            return
        out_files[0].set_metadata({"Found": "yes"})
        if what == "exit":
            os._exit(1)
        if what == "hang":
            import time
            time.sleep(600)
        if what == "write":
            os.write(in_files[0].fileno(), b"x")
        if what == "import":
            import elsewhere
        if what == "memory":
            bytes(4 << 30)
        out_files[0].write(in_files[0].read() * int(params.get("times", 1)))
"""


@pytest.fixture
def plain(tmp_path):
    directory = tmp_path / "plain"
    directory.mkdir()
    (directory / "plain.py").write_text(PLAIN)
    (directory / "elsewhere.py").write_text("")
    (directory / "storlet.json").write_text(json.dumps({"main": "plain.Plain", "dependencies": []}))
    return directory


def test_a_new_project_passes_its_own_test(tmp_path):
    made = CliRunner().invoke(main, ["new", str(tmp_path / "word_count")], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "word_count")],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert "2 passed" in found.stdout, found.stdout + found.stderr


def test_names_that_cannot_be(tmp_path):
    with pytest.raises(ConfigurationError, match="letters"):
        create(tmp_path / "word-count")
    with pytest.raises(ConfigurationError, match="there already"):
        create(tmp_path)


def test_a_run_on_the_command_line(tmp_path):
    create(tmp_path / "counting")
    (tmp_path / "log").write_bytes(b"error\nfine\n")
    called = ["try", str(tmp_path / "counting"), str(tmp_path / "log"), "--param", "text=err"]
    assert CliRunner().invoke(main, called).output == "log\t2\t1\n"
    wrong = CliRunner().invoke(main, called[:-2])
    assert (wrong.exit_code, "which text" in wrong.output) == (1, True)


def test_output_and_metadata(plain):
    answer = run(plain, b"abc\n", {"what": "copy", "times": 500_000}, table=False)
    assert answer.metadata == {"Found": "yes"}
    assert answer.lines() == ["abc"] * 500_000


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nothing", "no metadata"),
        ("exit", "process ended"),
        ("write", "OSError"),
        ("import", "No module named 'elsewhere'"),
        ("memory", "MemoryError"),
        ("hang", "longer than 2 s"),
    ],
)
def test_what_would_fail_in_the_store_fails_here(plain, what, words):
    with pytest.raises(StorletFailedError, match=words):
        run(plain, b"abc", {"what": what}, table=False, timeout=2)


def test_a_project_that_is_not_whole(plain):
    (plain / "storlet.json").write_text(json.dumps({"main": "plain.Plain", "dependencies": ["missing.txt"]}))
    with pytest.raises(ConfigurationError, match=r"missing\.txt"):
        run(plain, b"")
    (plain / "storlet.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="needs main"):
        run(plain, b"")


def test_the_store_answers_as_the_run_here(tmp_path, spark, cluster, client, put):
    create(tmp_path / "here_and_there")
    data = b"an error\n" * 100_000 + b"error"
    params = {"text": "error"}
    here = run(tmp_path / "here_and_there", data, params, name="project/log").rows()
    store = {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}
    uploaded = CliRunner().invoke(main, ["upload", str(tmp_path / "here_and_there")], env=store)
    assert uploaded.output == "uploaded storlet/here_and_there.py\n"
    there = spark_storlets.storlet_rdd(
        spark.sparkContext, put("project/log", data), "here_and_there.py", params, output="rows",
        authUrl=cluster.auth_url, user=USER, key=KEY,
    )  # fmt: skip
    assert (
        [row.asDict() for row in there.collect()]
        == here
        == [{"name": "project/log", "lines": 100_000, "found": 100_000}]
    )
