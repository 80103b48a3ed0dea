"""Functions of WebAssembly modules make columns of CSV columns, in the store."""

import math
import os
import subprocess
from pathlib import Path

import pytest
from spark_storlets.datasource.deploy import deploy_module

from spark_storlets.errors import ConfigurationError, NotFoundError, StorletFailedError, error_from_spark
from spark_storlets.session import answer

ROOT = Path(__file__).parents[2]
GEO = ROOT / "samples" / "wasm" / "geo.wat"
#: Text: how long each is; integers: their sum; and what must not be.
ODD = """(module
  (memory (export "memory") 1 60000)
  (func (export "length") (param $n i32) (param $offsets i32) (param $text i32) (param $out i32)
    (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store (i32.add (local.get $out) (i32.shl (local.get $i) (i32.const 2)))
        (i32.sub (i32.load offset=4 (i32.add (local.get $offsets) (i32.shl (local.get $i) (i32.const 2))))
                 (i32.load (i32.add (local.get $offsets) (i32.shl (local.get $i) (i32.const 2))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func (export "ratio") (param $n i32) (param $a i32) (param $b i32) (param $out i32)
    (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i64.store (i32.add (local.get $out) (i32.shl (local.get $i) (i32.const 3)))
        (i64.div_s (i64.load (i32.add (local.get $a) (i32.shl (local.get $i) (i32.const 3))))
                   (i64.load (i32.add (local.get $b) (i32.shl (local.get $i) (i32.const 3))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func (export "forever") (param i32 i32 i32) (loop $next (br $next)))
  (func (export "greedy") (param i32 i32 i32)
    (if (i32.eq (memory.grow (i32.const 20000)) (i32.const -1)) (then unreachable)))
)"""


@pytest.fixture(scope="module")
def wasm(client, read, tmp_path_factory):
    odd = tmp_path_factory.mktemp("wasm") / "odd.wat"
    odd.write_text(ODD)
    assert deploy_module(client, "geo", GEO) == "geo.py"
    deploy_module(client, "odd", odd)

    def made(path, schema, module, columns, **options):
        return read(path, schema, wasm=module, wasmColumns=columns, **options)

    return made


@pytest.fixture(scope="module")
def places(put):
    lines = [f"{45 + n / 100},{4 + n % 7 / 10},p{n}" for n in range(200)]
    lines[50] = ",4.5,no latitude"
    return put("wasm/places.csv", ("lat,lon,name\n" + "\n".join(lines) + "\n").encode())


SCHEMA = "lat double, lon double, name string, far double, near boolean"
COLUMNS = "far double = distance(lat, lon, lat0, lon0); near boolean = near_lyon(lat, lon)"


def km(lat1, lon1, lat2, lon2):
    a = 0.00872664625997165 * (lat1 + lat2)
    x = (1 - a * a / 2 + a**4 / 24) * 111.195 * (lon2 - lon1)
    return math.sqrt(x * x + (111.195 * (lat2 - lat1)) ** 2)


def test_columns_are_what_python_makes_of_the_same_rows(wasm, places):
    table = wasm(places, "lat double, lon double, name string, near boolean", "geo", COLUMNS.split(";")[1], header=True)
    rows = table.collect()
    assert len(rows) == 200
    assert [row.near for row in rows if row.lat is not None] == [
        km(row.lat, row.lon, 45.76, 4.84) < 100 for row in rows if row.lat is not None
    ]
    assert [row.near for row in rows if row.lat is None] == [None]


def test_values_come_to_the_last_digit(wasm, put):
    lines = "\n".join(f"{n / 7},{n / 11},{n / 13},{n / 17}" for n in range(1, 100_001))
    table = wasm(put("wasm/many.csv", lines.encode()), "a double, b double, c double, d double, far double", "geo",
                 "far double = distance(a, b, c, d)")  # fmt: skip
    for row in table.collect():
        angle = 0.00872664625997165 * (row.a + row.c)
        square = angle * angle
        x = ((1 - square / 2) + square * square / 24) * (111.195 * (row.d - row.b))
        y = 111.195 * (row.c - row.a)
        assert row.far == math.sqrt(x * x + y * y)


def test_filters_and_aggregates_on_them_are_pushed(wasm, places):
    table = wasm(places, "lat double, lon double, name string, near boolean", "geo", COLUMNS.split(";")[1], header=True)
    found = answer(table.where("near").select("name"))
    (scan,) = found.scans
    assert "near_lyon(lat, lon)" in scan.description
    assert "left=" not in scan.description
    assert 0 < scan.rows_returned == len(found.rows) < 200
    counted = answer(table.groupBy("near").count())
    assert "aggregated" in counted.scans[0].description
    assert {row.near: row["count"] for row in counted.rows}[True] == len(found.rows)
    assert table.orderBy(table.near.desc(), "name").first().near is True
    assert table.where("near AND lat > 46").count() == sum(row.lat > 46 for row in table.where("near").collect())


def test_text_and_integers_and_inferred_schemas(wasm, put):
    path = put("wasm/text.csv", "t,a,b\nü,7,2\nabc,,0\n,9,-3\n".encode())
    table = wasm(path, None, "odd", "n int = length(t); r bigint = ratio(a, b)", header=True, inferSchema=True)
    assert table.columns == ["t", "a", "b", "n", "r"]
    table = wasm(path, "t string, a bigint, b bigint, n int, r bigint", "odd",
                 "n int = length(t); r bigint = ratio(a, b)", header=True)  # fmt: skip
    assert [(row.n, row.r) for row in table.collect()] == [(2, 3), (3, None), (None, -3)]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("x int = forever(a)", "more than 50 instructions for a row"),
        ("x int = greedy(a)", "greedy failed: wasm trap"),
        ("x int = nothing(a)", "exports no function nothing"),
        ("x bigint = ratio(a)", "cannot be called so"),
        ("x bigint = ratio(a, z)", "divide by zero"),
    ],
)
def test_a_function_that_fails_says_why(wasm, put, column, words):
    path = put("wasm/one.csv", b"5,0\n")
    kind = column.split()[1]
    with pytest.raises(Exception) as caught:
        wasm(path, f"a bigint, z bigint, x {kind}", "odd", column, wasmFuel=50).collect()
    found = error_from_spark(caught.value)
    assert isinstance(found, StorletFailedError)
    assert words in str(found)


def test_what_cannot_be_is_refused_by_name(wasm, put):
    path = put("wasm/one.csv", b"5,0\n")
    for columns, schema, words in (
        ("x = f(a)", "a int, x int", "not understood"),
        ("x string = f(a)", "a int, x string", "not understood"),
        ("x int = f(y)", "a int, x int", "no column"),
        ("x int = f(a)", "a int, x double", "x is double in the schema"),
    ):
        with pytest.raises(Exception) as caught:
            wasm(path, schema, "odd", columns).collect()
        found = error_from_spark(caught.value)
        assert isinstance(found, ConfigurationError)
        assert words in str(found)
    with pytest.raises(Exception) as caught:
        wasm(path, "a int, x int", "not_there", "x int = f(a)").collect()
    assert isinstance(error_from_spark(caught.value), NotFoundError)


@pytest.fixture(scope="module")
def in_rust(client):
    done = subprocess.run(["make", "-s", "-C", str(ROOT), "samples"], check=True, capture_output=True, text=True)
    module = ROOT / "build" / "samples" / "places.wasm"
    if "left out" in done.stdout:
        if os.environ.get("SPARK_STORLETS_REQUIRE_WASM"):
            pytest.fail(done.stdout)
        pytest.skip(done.stdout)
    deploy_module(client, "places", module)


def test_the_sample_in_rust(wasm, in_rust, put):
    path = put("wasm/cards.csv", b"45.76,4.84,4539 1488 0343 6467\n48.86,2.35,8273-1232-7352-0569\n,2.35,0\n90,0,\n")
    schema = "lat double, lon double, card string, far double, ok boolean"
    columns = "far double = great_circle(lat, lon, lat, lon); ok boolean = luhn(card)"
    rows = wasm(path, schema, "places", columns).collect()
    assert [row.far for row in rows] == [0, 0, None, 0]
    assert [row.ok for row in rows] == [True, False, False, None]

    lines = "\n".join(f"{n % 180 - 90},{n % 359 - 180},{n * 7 % 170 - 85},{n * 11 % 357 - 178}" for n in range(10_000))
    path = put("wasm/pairs.csv", lines.encode())
    schema = "a double, b double, c double, d double, far double"
    table = wasm(path, schema, "places", "far double = great_circle(a, b, c, d)")
    for row in table.collect():
        a, b, c, d = map(math.radians, (row.a, row.b, row.c, row.d))
        h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
        assert math.isclose(row.far, 2 * 6371.0088 * math.asin(min(1, math.sqrt(h))), rel_tol=1e-9, abs_tol=1e-3)
