"""Both interfaces of control groups, in a directory in the place of the kernel's; the kernel's own is in test_attacks."""

import os

import pytest
from spark_storlets.sandbox import cgroups
from spark_storlets.sandbox.cgroups import Cgroup, Limits

LIMITS = Limits(memory=64 << 20, pids=16, cpus=0.5)


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Mount the controllers: mounted(version) answers with the directory of each."""

    def mount(version):
        if version == 1:
            trees = {name: tmp_path / name for name in ("memory", "pids", "cpu", "cpuacct")}
        else:
            trees = dict.fromkeys(("memory", "pids", "cpu", "cpuacct"), tmp_path / "unified")
        for tree in trees.values():
            tree.mkdir(exist_ok=True)
        monkeypatch.setattr(cgroups, "_mounts", lambda: (trees, version))
        return trees

    return mount


def written(directory):
    return {file.name: file.read_text() for file in directory.iterdir() if file.is_file()}


def test_version_1(mounted):
    trees = mounted(1)
    group = Cgroup.create(LIMITS)
    (memory,) = (trees["memory"] / "spark-storlets").iterdir()
    name = memory.name
    assert name.startswith(f"{os.getpid()}-")
    limit = str(64 << 20)
    assert written(memory) == {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}
    assert written(trees["pids"] / "spark-storlets" / name) == {"pids.max": "16"}
    cpu = written(trees["cpu"] / "spark-storlets" / name)
    assert cpu == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    assert len(group.join_files()) == 4
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert group.ran_out_of_memory()
    (trees["cpuacct"] / "spark-storlets" / name / "cpuacct.usage").write_text("1500000000\n")
    assert group.cpu_seconds() == 1.5


def test_version_2(mounted):
    tree = mounted(2)["memory"]
    group = Cgroup.create(LIMITS)
    assert written(tree) == {"cgroup.subtree_control": "+memory +pids +cpu"}
    assert written(tree / "spark-storlets") == {"cgroup.subtree_control": "+memory +pids +cpu"}
    (directory,) = (path for path in (tree / "spark-storlets").iterdir() if path.is_dir())
    expected = {"memory.max": str(64 << 20), "memory.swap.max": "0", "pids.max": "16", "cpu.max": "50000 100000"}
    assert written(directory) == expected
    assert group.join_files() == [str(directory / "cgroup.procs")]
    (directory / "cgroup.procs").write_text("11\n12\n13\n")
    assert group.processes() == 3
    assert not group.ran_out_of_memory()
    (directory / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.ran_out_of_memory()
    (directory / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    assert group.cpu_seconds() == 1.5


def test_groups_of_servers_that_are_gone_are_removed(mounted, monkeypatch):
    monkeypatch.setattr(cgroups, "_swept", set())
    tree = mounted(2)["memory"]
    orphan = tree / "spark-storlets" / "4194305-0"  # greater than any process id
    orphan.mkdir(parents=True)
    mine = tree / "spark-storlets" / f"{os.getppid()}-0"
    mine.mkdir()
    Cgroup.create(LIMITS)
    assert not orphan.exists()
    assert mine.exists()


def test_a_machine_without_control_groups_says_so(monkeypatch):
    def none():
        raise OSError("no control groups are mounted: mount cgroup2 at /sys/fs/cgroup")

    monkeypatch.setattr(cgroups, "_mounts", none)
    assert cgroups.problem() == "no control groups are mounted: mount cgroup2 at /sys/fs/cgroup"
