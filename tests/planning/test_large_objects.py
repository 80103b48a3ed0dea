"""Large objects are read exactly, in splits that lie along their segments where they can."""

import json

import pytest
from click.testing import CliRunner
from spark_storlets.datasource.client import Listed
from spark_storlets.datasource.statistics import estimate
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.cli import main

SCHEMA = "k int, s string, t string"


@pytest.fixture(scope="module")
def store(client):
    """Make a static large object of pieces, in turns in two containers: store(name, pieces)."""
    client.connection.put_container("segments")

    def make(name, pieces):
        manifest = []
        for number, piece in enumerate(pieces):
            container = ("tests", "segments")[number % 2]
            client.connection.put_object(container, f"of {name}/{number:03}", piece)
            manifest.append({"path": f"{container}/of {name}/{number:03}"})
        return put(name, manifest)

    def put(name, manifest):
        client.connection.put_object("tests", name, json.dumps(manifest), query_string="multipart-manifest=put")
        return f"swift://tests/{name}"

    make.put = put
    return make


def cut(content, *ends):
    return [content[start:end] for start, end in zip((0, *ends), (*ends, len(content)), strict=True)]


def rows(frame):
    return sorted(map(repr, frame.collect()))


CONTENT = b"k,s,t\r\n" + b"".join(
    b'%d,"a ""quoted"" %s, %d",%s\r\n' % (n, b"x" * (n * 7 % 50), n, "é".encode() * (n % 4)) for n in range(3000)
)
LINES = CONTENT.replace(b"x, ", b"x,\r\n")


@pytest.mark.parametrize("multi_line", [False, True])
def test_records_across_segments_are_those_of_spark(multi_line, store, read, spark, tmp_path):
    content = LINES if multi_line else CONTENT
    (tmp_path / "same.csv").write_bytes(content)
    options = {"header": True, "multiLine": multi_line, "escape": '"'}
    theirs = rows(spark.read.schema(SCHEMA).options(**options).csv(str(tmp_path / "same.csv")))
    assert len(theirs) == 3000
    quote = content.index(b'""', len(content) // 2) + 1  # between two quotes that are one
    line = content.index(b"\r\n", len(content) // 3) + 1  # between the two bytes of a line's end
    whole = content.index(b"\n", len(content) * 4 // 5) + 1
    path = store(f"large-{multi_line}.csv", cut(content, 20_000, 20_003, line, quote, whole, len(content) - 2))
    for least in (1000, 15_000):
        assert rows(read(path, SCHEMA, **options, minSplitSize=least, workersPerNode=2)) == theirs


def plan(cluster, path, **options):
    environment = {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}
    given = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
    run = CliRunner().invoke(main, ["plan", path, *given], env=environment)
    assert run.exit_code == 0, run.output
    found = [line.split()[4:] for line in run.output.splitlines() if " proxy " in line]
    return [(one[0], one[-1]) for one in found]


def test_splits_end_where_segments_do(cluster, store, client):
    path = store("planned.csv", [b"x" * size for size in (60_000, 10_000, 10_000, 10_000, 29_000, 1000)])
    assert plan(cluster, path, minSplitSize=1500, replicas=2, workersPerNode=2) == [
        ("0-29999", "0-0"),
        ("30000-59999", "0-0"),
        ("60000-89999", "1-3"),
        ("90000-119999", "4-5"),
    ]
    # A segment may be a part of an object, a large object itself, or no object at all.
    data = {"data": "eHh4eHh4eHh4eA=="}
    parts = [{"path": "tests/planned.csv"}, data, {"path": "segments/of planned.csv/001", "range": "100-5099"}]
    path = store.put("nested.csv", parts)
    size = 120_000 + 10 + 5000
    assert int(client.connection.head_object("tests", "nested.csv")["content-length"]) == size
    found = plan(cluster, path, minSplitSize=4000, replicas=1, workersPerNode=1, maxSplitSize=120_000)
    assert found == [("0-59999", "0-0"), ("60000-119999", "0-0"), (f"120000-{size - 1}", "1-2")]


def test_a_guess_of_the_size_counts_what_a_listing_does_not(client, put):
    for number in range(2):
        put(f"of guessed/{number}", b"1,a\n" * 1000)
    client.connection.put_object("tests", "guessed.csv", b"", headers={"X-Object-Manifest": "tests/of guessed/"})
    listed = [Listed("tests", "guessed.csv", 0, None)]
    assert estimate(client, listed, [("n", "int"), ("s", "string")], {"n", "s"}) == {"bytes": 8000, "rows": 2000}
