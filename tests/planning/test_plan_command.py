"""`spark-storlets plan` shows the splits and what each replica does."""

from click.testing import CliRunner
from spark_storlets.devstack.configuration import KEY, USER

from spark_storlets.cli import main


def test_splits_as_a_table_and_a_picture(cluster, client, put):
    put("shown/large.csv", b"x" * 600_000)
    for name in ("a", "b", "c"):
        put(f"shown/small-{name}.csv", b"x" * 10)
    environment = {"ST_AUTH": cluster.auth_url, "ST_USER": USER, "ST_KEY": KEY}
    options = ["--option", "minSplitSize=1000", "--option", "workersPerNode=2"]
    run = CliRunner().invoke(main, ["plan", "swift://tests/shown/*", *options], env=environment)
    assert run.exit_code == 0, run.output
    lines = run.output.splitlines()
    assert len([line for line in lines if line.endswith("tests/shown/large.csv")]) == 6
    assert "0-99999" in run.output and "500000-599999" in run.output
    assert {line.split()[0] for line in lines if line.endswith(tuple(f"small-{n}.csv" for n in "abc"))} == {
        "6",
        "7",
        "8",
    }
    bars = [line for line in lines if line.startswith("replica ")]
    assert len(bars) == 3 and all("█" in bar for bar in bars)
    assert lines[-1].startswith("9 tasks of 10 B to 97.66 KiB; 3 replicas of 2 workers")
    put("packed/large.csv.gz", b"x" * 600_000)
    run = CliRunner().invoke(main, ["plan", "swift://tests/packed/*", *options], env=environment)
    assert "0-599999" in run.output and "1 tasks of " in run.output, "what is compressed is not cut"
    run = CliRunner().invoke(main, ["plan", "swift://tests/not-there/*"], env=environment)
    assert run.exit_code == 1 and "does not exist in Swift" in run.output
