"""Ten million names are cut into even tasks by few requests and in little memory."""

import json
import subprocess
import sys

import pytest
from spark_storlets.datasource.exif_source import MOST_TASKS
from stand_in import NAMES, flat_timestamps, serving, shared_prefix, skewed_folders, timestamps, uuids

PLANNING = """
import json, re, sys
from pathlib import Path
from spark_storlets.datasource.planner import answer

def memory(which):
    return int(re.search(which + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

request = json.loads(sys.stdin.readline())
answer({**request, "op": "schema"})
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports does not count
planned = answer(request)
json.dump({"megabytes": memory("VmHWM") - before, "planned": planned}, sys.stdout)
"""


def planned(server, predicates=(), **options):
    given = {"path": "swift://big", "authUrl": f"http://127.0.0.1:{server.server_port}/auth/v1.0", "user": "a:b"}
    schema = {"fields": [{"name": "name", "type": "string"}]}
    request = {"v": 1, "op": "plan", "conf": {}, "schema": schema, "columns": ["name"], "predicates": list(predicates)}
    request["options"] = {**given, "key": "k", "storlet": "listing", **options}
    run = subprocess.run(
        [sys.executable, "-c", PLANNING], input=json.dumps(request), capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def sizes(names, found):
    """The names of each task; they must tile."""
    counts, at = [], None
    for partition in found["planned"]["partitions"]:
        (one,) = partition.get("listing", partition)["ranges"]
        first = names.behind(one["marker"]) if one["marker"] else 0
        last = names.count if one["last"] is None else names.behind(one["last"])
        assert at is None or first == at
        at = last
        counts.append(last - first)
    return counts


@pytest.mark.parametrize("make", [timestamps, flat_timestamps, uuids, shared_prefix, skewed_folders])
def test_ten_million_names_make_even_tasks(make):
    names = make()
    with serving(names) as server:
        found = planned(server)
        asked = server.asked
    counts = sizes(names, found)
    print(make.__name__, asked, found["megabytes"], len(counts), max(counts) / min(counts))
    assert sum(counts) == NAMES and len(counts) == 32
    assert asked <= 200 and found["megabytes"] <= 50
    assert max(counts) <= 3 * min(counts)


@pytest.mark.parametrize("make", [timestamps, uuids, skewed_folders])
def test_ten_million_photos_are_not_listed_by_the_driver(make):
    names = make()
    with serving(names) as server:
        found = planned(server, storlet="exif", recursiveFileLookup="true")
        asked = server.asked
    counts = sizes(names, found)
    print(make.__name__, asked, found["megabytes"], len(counts), max(counts))
    assert sum(counts) == NAMES and 0.9 * MOST_TASKS <= len(counts) <= MOST_TASKS
    assert asked <= 210 and found["megabytes"] <= 50
    assert max(counts) <= 6 * NAMES / MOST_TASKS


def test_filters_and_prefixes_bound_what_is_cut():
    names = shared_prefix()
    prefix = names.name(0)[:-16]
    lower = {"pred": ">=", "args": [{"col": "name"}, {"lit": f"{prefix}05250000.parquet"}]}
    with serving(names) as server:
        found = planned(server, [lower], path=f"swift://big/{prefix}05", listingTasks="4")
    first, *_, last = (partition["ranges"][0] for partition in found["planned"]["partitions"])
    assert first["marker"] < f"{prefix}05250000.parquet" < names.name(names.behind(first["marker"]) + 1)
    inner = sizes(names, found)[1:-1]
    ends = [names.behind(first["last"]) - 5_250_000, 6_000_000 - names.behind(last["marker"])]
    assert len(inner) == 2 and max(*inner, *ends) <= 3 * min(*inner, *ends)
