"""Programs that run in the store, with an object as standard input and their standard output as the answer."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from spark_storlets.datasource.deploy import deploy_program
from spark_storlets.devstack.configuration import KEY, USER

import spark_storlets
from spark_storlets.cli import main
from spark_storlets.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
PROGRAM = """#!/bin/sh
case $1 in
print) shift; printf '%s|' "$@" "$COLOUR" "$HOME" "$(wc -c)" ;;
fail) echo "it went wrong at line 7" >&2; exit 3 ;;
late) head -c 3000000 /dev/zero; echo "too late" >&2; exit 4 ;;
killed) kill -9 $$ ;;
loud) head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done ;;
beside) cat "$(dirname "$0")/words" ;;
esac
"""


@pytest.fixture(scope="module")
def pipe(spark, client, cluster, tmp_path_factory, put):
    directory = tmp_path_factory.mktemp("programs")
    program, words = directory / "program", directory / "words"
    program.write_text(PROGRAM)
    words.write_text("one two\n")
    assert deploy_program(client, "shell_test", program, [words]) == "shell_test.py"
    path = put("pipe/data", b"0123456789\n" * 1000)

    def run(storlet="shell_test.py", paths=path, output="lines", ranges=False, retries=0, **params):
        store = {"authUrl": cluster.auth_url, "user": USER, "key": KEY, "retries": retries}
        return spark_storlets.storlet_rdd(
            spark.sparkContext, paths, storlet, params, output=output, ranges=ranges, **store
        ).collect()

    return run


def test_arguments_environment_and_input(pipe):
    assert pipe(args="print 'two words' \"ü\"", env="COLOUR='dark blue'") == ["two words|ü|dark blue|/tmp|11000|"]


def test_files_beside_the_program(pipe):
    assert pipe(args="beside") == ["one two"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("fail", "exit status 3: it went wrong at line 7"),
        ("killed", "signal SIGKILL"),
        ("late", "broke off"),
    ],
)
def test_an_exit_status_is_a_failure(pipe, args, words):
    with pytest.raises(Exception, match=words):
        pipe(args=args)


def test_exit_statuses_that_are_good(pipe):
    assert pipe(args="fail", exit="0 3") == []


def test_much_on_standard_error_does_not_block(pipe):
    assert pipe(args="loud") == ["done"]


def test_a_parameter_that_cannot_be_understood(pipe):
    with pytest.raises(Exception, match="'COLOUR' is no NAME=VALUE"):
        pipe(args="print", env="COLOUR")


def test_ranges_are_the_programs_input(pipe, put):
    path = put("pipe/large", b"0123456789\n" * 300_000)
    found = pipe(paths=path, args="print", ranges=True, output="bytes")
    assert [int(answer.split(b"|")[-2]) for _, answer in found] == [1_100_000] * 3


def test_two_files_of_one_name_are_refused(client, tmp_path):
    (tmp_path / "pipe_storlet.py").write_text("")
    with pytest.raises(ConfigurationError, match="same name"):
        deploy_program(client, "twice", tmp_path / "pipe_storlet.py")
    with pytest.raises(ConfigurationError, match="'my-tool'"):
        deploy_program(client, "my-tool", tmp_path / "pipe_storlet.py")


@pytest.fixture(scope="module")
def jsonl(client):
    if not shutil.which("cargo"):
        pytest.fail("cargo is missing")
    subprocess.run(["make", "-s", "-C", str(ROOT), "samples"], check=True)
    program = ROOT / "build" / "samples" / "release" / "jsonl"
    assert program.stat().st_mode & stat.S_IXUSR
    return deploy_program(client, "jsonl", program)


def test_the_sample_in_rust(pipe, put, jsonl):
    cities = [{"city": city, "temperature": n} for n in range(3) for city in ("Lyon", "Paris")]
    path = put("pipe/cities.jsonl", "".join(json.dumps(one) + "\n" for one in cities).encode())
    found = pipe(jsonl, path, args="--where city=Lyon --select temperature")
    assert [json.loads(line) for line in found] == [{"temperature": n} for n in range(3)]
    with pytest.raises(Exception, match="exit status 1: jsonl: line 2: "):
        pipe(jsonl, put("pipe/broken.jsonl", b'{"city": 1}\nno\n'), args="--select city")


def test_the_command_runs_a_storlet_on_an_object_or_a_range_of_it(pipe, cluster, tmp_path):
    def command(*arguments):
        login = ("--auth-url", cluster.auth_url, "--user", USER, "--key", KEY)
        return CliRunner().invoke(main, ["run", "shell_test.py", "swift://tests/pipe/data", *arguments, *login])

    assert command("--param", "args=print 'a b'", "--range", "11-32").output == "a b||/tmp|22|"
    out = tmp_path / "out"
    assert command("--param", "args=print", "-o", str(out)).exit_code == 0
    assert out.read_text().endswith("11000|")
    failed = command("--param", "args=late", "-o", str(out))
    assert failed.exit_code == 1 and failed.output.startswith("Error: ")
    assert out.read_text().endswith("11000|") and list(tmp_path.iterdir()) == [out], "nothing is answered short"
    assert "begins behind" in command("--range", "20000-30000").output
    assert command("--range", "9").exit_code == 2
