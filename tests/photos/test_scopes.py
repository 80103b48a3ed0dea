"""What a path means is the same to the driver, which lists names, and to tasks, which match them."""

import itertools
import re

import pytest
from spark_storlets.datasource.client import Listed
from spark_storlets.datasource.paths import find, scope_of

from spark_storlets.errors import NotFoundError

PARTS = ["a", "b.jpg", "_a", "_a=1", ".a", "é+[x]", "a._COPYING_", "a\nb", "", "x-y"]
NAMES = ["/".join(parts) for depth in (1, 2, 3) for parts in itertools.product(PARTS, repeat=depth) if any(parts)]
PATHS = [
    "swift://c",
    "swift://c/a",
    "swift://c/a/",
    "swift://c/a/*",
    "swift://c/*",
    "swift://c/*/*",
    "swift://c/?",
    "swift://c/[!a]*",
    "swift://c/[^a-c]*/[,-z]*",
    "swift://c/{a,x-y}/*.{jpg,png}",
    "swift://c/{a/b,x-y}*",
    "swift://c/_*",
    "swift://c/é+\\[x\\]/*",
]


class StandIn:
    def listed(self, container, prefix):
        names = sorted(name for name in NAMES if name and name.startswith(prefix))
        return [Listed(container, name, 1, "etag") for name in names]

    def found(self, container, name):
        return None


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_tasks_match_what_a_driver_lists(path, recursive):
    scope = scope_of(path, recursive)
    matched = [name for name in NAMES if name.startswith(scope.prefix) and re.fullmatch(scope.names, name)]
    try:
        listed = [item.name for item in find(StandIn(), [path], None, recursive).flat()]
    except NotFoundError:
        listed = []
    assert sorted(set(matched)) == sorted(set(listed))


def test_java_matches_as_python_does(spark):
    for path, recursive in itertools.product(PATHS, (False, True)):
        names = scope_of(path, recursive).names
        pattern = spark._jvm.java.util.regex.Pattern.compile(names)
        for name in NAMES[:110]:
            assert pattern.matcher(name).matches() == bool(re.fullmatch(names, name)), (path, name)
