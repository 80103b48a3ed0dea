"""Whatever breaks between the disk and Spark ends in the right rows or in one clear error: a table of cases.

docs/faults.md is this table; WRITE_DOCS=1 writes it anew.
"""

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from fault_proxy import (
    Exchange,
    Fault,
    FaultProxy,
    Place,
    after,
    amid,
    cut,
    cut_in_head,
    dropped,
    flipped,
    messages,
    passed,
    slow,
    stalled,
    status,
    storlet,
)
from pyspark.sql import DataFrame, SparkSession
from spark_storlets.datasource.client import SwiftClient
from spark_storlets.devstack import Devstack

import spark_storlets
from spark_storlets.errors import error_from_spark

ROWS = 100_000
CONTENT = b"".join(b"%d,row number %d\n" % (i, i * 7) for i in range(ROWS))
EXPECTED = (ROWS, ROWS * (ROWS - 1) // 2)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
RIGHT = "the right rows"


@dataclass(frozen=True)
class Case:
    """What happens to an answer once, or every time, and what Spark's user sees."""

    what: str
    fault: Fault
    once: str | None
    always: str | None = None
    options: tuple[tuple[str, str], ...] = ()


def message(number: int, shift: int = 0) -> Place:
    """A place by the messages of the answer: behind the number-th one, and so many bytes further."""
    return lambda body: messages(body)[number] + shift


def end(shift: int) -> Place:
    return lambda body: len(body) + shift


def begin(body: bytes) -> int:
    return 0


INCOMPLETE, IMPATIENT = "IncompleteAnswerError", (("readTimeout", "1"),)
CASES = [
    Case("the connection is closed before the headers", dropped, RIGHT, INCOMPLETE),
    Case("… in mid-headers", cut_in_head, RIGHT, INCOMPLETE),
    Case("… behind the headers", cut(begin), RIGHT, INCOMPLETE),
    Case("… in the schema", cut(lambda body: 20), RIGHT, INCOMPLETE),
    Case("… before the first batch", cut(message(0)), RIGHT, INCOMPLETE),
    Case("… in mid-batch", cut(message(0, 1000)), RIGHT, INCOMPLETE),
    Case("… between batches", cut(message(1)), RIGHT, INCOMPLETE),
    Case("… in the last batch", cut(message(-2, -1)), RIGHT, INCOMPLETE),
    Case("… before the trailer", cut(message(-1)), RIGHT, INCOMPLETE),
    Case("… inside the trailer", cut(end(-40)), RIGHT, INCOMPLETE),
    Case("… a byte before the end", cut(end(-1)), RIGHT, INCOMPLETE),
    Case("nothing more comes behind the headers", stalled(begin), RIGHT, INCOMPLETE, IMPATIENT),
    Case("nothing more comes in mid-batch", stalled(message(1, 1000)), RIGHT, INCOMPLETE, IMPATIENT),
    Case("nothing more comes inside the trailer", stalled(end(-5)), RIGHT, INCOMPLETE, IMPATIENT),
    Case("503 with Retry-After", status(503, Retry_After="1"), RIGHT, "StoreUnavailableError"),
    Case("500", status(500), RIGHT, "StoreUnavailableError"),
    Case("401: the token has expired", status(401), RIGHT, "AuthenticationError"),
    Case("403", status(403), "AuthenticationError"),
    Case("a bit is flipped in a batch", flipped(message(1, -2000)), INCOMPLETE),
    Case("a bit is flipped in the trailer", flipped(end(-14)), RIGHT, INCOMPLETE),
]


@pytest.fixture(scope="module")
def proxy(cluster: Devstack) -> Iterator[FaultProxy]:
    made = FaultProxy(cluster.auth_url)
    yield made
    made.close()


def frame(spark: SparkSession, proxy: FaultProxy, path: str, **options: str) -> DataFrame:
    """One split of a file, read in one request."""
    given = {"authUrl": proxy.auth_url, "user": "test:tester", "key": "testing", "minSplitSize": str(1 << 30)}
    given |= {"pushAggregates": "false"}  # all rows are to come
    return (
        spark.read.format("storlets").schema("a bigint, s string").options(**given, retries="1", **options).load(path)
    )


def outcome(spark: SparkSession, proxy: FaultProxy, path: str, faults: list[Fault], **options: str) -> str:
    """What a query ends in: the right rows, or the name of our exception; anything else is a mistake."""
    proxy.faults[:] = faults
    try:
        rows = frame(spark, proxy, path, **options).select("a", "s").selectExpr("count(s)", "sum(a)").collect()
    except Exception as error:
        found = error_from_spark(error)
        assert found is not None, error
        assert path.removeprefix("swift://") in str(found)
        return type(found).__name__
    finally:
        proxy.faults.clear()
    assert tuple(rows[0]) == EXPECTED, "other rows, and no error"
    return RIGHT


@pytest.fixture(scope="module")
def big(put: Callable[[str, bytes], str]) -> str:
    return put("faults.csv", CONTENT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_fault(case: Case, spark: SparkSession, proxy: FaultProxy, big: str) -> None:
    proxy.requests = 0
    assert outcome(spark, proxy, big, [case.fault], **dict(case.options)) == case.once
    assert proxy.requests == (2 if case.once == RIGHT else 1), "a request more or less than it takes"
    if case.always is not None:
        # A token is renewed twice.
        assert outcome(spark, proxy, big, [case.fault] * 3, **dict(case.options)) == case.always


def test_token_of_the_drivers_that_has_expired_too_is_renewed(spark: SparkSession, proxy: FaultProxy, big: str) -> None:
    assert outcome(spark, proxy, big, [status(401), status(401)]) == RIGHT


def test_token_that_cannot_be_renewed(spark: SparkSession, proxy: FaultProxy, big: str) -> None:
    proxy.requests = 0

    def refuse() -> None:
        proxy.refuses_logins = True

    try:
        assert outcome(spark, proxy, big, [after(refuse, status(401))]) == "AuthenticationError"
    finally:
        proxy.refuses_logins = False
    assert proxy.requests == 1


def test_slow_answer_is_an_answer(spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str]) -> None:
    path = put("slow.csv", b"1,a\n2,b\n")
    proxy.faults[:] = [slow]
    assert [tuple(row) for row in frame(spark, proxy, path).collect()] == [(1, "a"), (2, "b")]


def test_object_overwritten_or_deleted_in_mid_answer(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str], client: SwiftClient
) -> None:
    path = put("changing.csv", CONTENT)
    broken = cut(message(1, 1000))
    changed = after(lambda: put("changing.csv", CONTENT[:-1]))
    assert outcome(spark, proxy, path, [broken, changed]) == "ChangedError"
    put("changing.csv", CONTENT)
    deleted = after(lambda: client.connection.delete_object("tests", "changing.csv"))
    assert outcome(spark, proxy, path, [broken, deleted]) == "NotFoundError"


def test_repeated_answer_that_is_another_is_not_read_on(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str], client: SwiftClient
) -> None:
    path = put("other.csv", CONTENT)
    assert outcome(spark, proxy, path, [cut(message(2)), flipped(message(1, -2000))]) == INCOMPLETE


@pytest.mark.parametrize("place", [message(0, 1000), message(1), message(1, 1000), end(-1)])
def test_compressed_answer_that_breaks_is_read_on_or_refused(
    place: Place, spark: SparkSession, proxy: FaultProxy, big: str
) -> None:
    if spark.version.startswith("4.0."):
        pytest.skip("it comes without Arrow's arrow-compression")
    assert outcome(spark, proxy, big, [cut(place)], compressAnswers="true") == RIGHT
    # Whether zstd notices, before the sum at the end does, depends on the bit.
    bit = flipped(message(1, -2000))
    assert outcome(spark, proxy, big, [bit], compressAnswers="true") in (RIGHT, INCOMPLETE)


def test_storlet_that_fails_is_not_asked_again(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str]
) -> None:
    proxy.requests = 0
    assert outcome(spark, proxy, put("faults.csv.gz", gzip.compress(CONTENT)[:-9]), []) == "StorletFailedError"
    assert proxy.requests == 1


HANGING = b"""import time
class Hanging:
    def __init__(self, logger): pass
    def __call__(self, inputs, outputs, parameters):
        outputs[0].set_metadata({})
        outputs[0].write(b'half')
        outputs[0].flush()
        time.sleep(600)
"""


def test_storlet_that_hangs(spark: SparkSession, proxy: FaultProxy, big: str, client: SwiftClient) -> None:
    headers = client.connection.head_object("storlet", "csv_storlet.py")
    kept = {k: v for k, v in headers.items() if k.startswith("x-object-meta-storlet-")}
    kept["x-object-meta-storlet-main"] = "hanging.Hanging"
    client.connection.put_object("storlet", "hanging.py", HANGING, headers=kept)
    assert outcome(spark, proxy, big, [storlet("hanging.py")] * 2, readTimeout="2") == INCOMPLETE
    # Its place is free again.
    assert outcome(spark, proxy, big, []) == RIGHT


def test_sandbox_killed_in_mid_answer(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str], cluster: Devstack
) -> None:
    path = put("long.csv", LONG)

    def kill() -> None:
        workers = sandboxes(cluster)
        assert workers
        for process in workers:
            process.kill()

    proxy.faults[:] = [amid(kill)]
    assert total(frame(spark, proxy, path)) == LONG_EXPECTED


def test_object_servers_killed_and_started_again_in_mid_answer(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str], cluster: Devstack
) -> None:
    path = put("long.csv", LONG)

    def restart() -> None:
        for server in [s for s in cluster.status() if s.name.startswith("object-")]:
            psutil.Process(server.pid).kill()
        cluster.up()

    proxy.faults[:] = [amid(restart)]
    assert total(frame(spark, proxy, path)) == LONG_EXPECTED


LONG_ROWS = 1_000_000
LONG = b"".join(b"%d,a row of some length and number %d\n" % (i, i) for i in range(LONG_ROWS))
LONG_EXPECTED = (LONG_ROWS, LONG_ROWS * (LONG_ROWS - 1) // 2)


def total(rows: DataFrame) -> tuple[int, ...]:
    """What the rows of LONG come to."""
    return tuple(rows.selectExpr("count(s)", "sum(a)").collect()[0])


def sandboxes(cluster: Devstack) -> list[psutil.Process]:
    """The processes that run storlets: those of another user below the object servers."""
    servers = [psutil.Process(s.pid) for s in cluster.status() if s.name.startswith("object-")]
    return [p for server in servers for p in server.children(recursive=True) if p.uids().real != server.uids().real]


def test_one_object_server_down(spark: SparkSession, proxy: FaultProxy, big: str, cluster: Devstack) -> None:
    for number in (1, 2, 3):
        psutil.Process(next(s.pid for s in cluster.status() if s.name == f"object-{number}")).kill()
        try:
            assert outcome(spark, proxy, big, []) == RIGHT
        finally:
            cluster.up()


def test_killed_task_ends_its_request(spark: SparkSession, proxy: FaultProxy, big: str) -> None:
    waiting, closed = threading.Event(), threading.Event()

    def stall(exchange: Exchange) -> None:
        exchange.ask()
        exchange.head()
        waiting.set()
        exchange.wait_until_closed()
        closed.set()

    proxy.faults[:] = [stall]
    context = spark.sparkContext

    def query() -> None:
        context.setJobGroup("killed", "a query that is killed")
        with pytest.raises(Exception, match="cancelled"):
            frame(spark, proxy, big).collect()

    thread = threading.Thread(target=query)
    thread.start()
    assert waiting.wait(60)
    context.cancelJobGroup("killed")
    assert closed.wait(60), "the request goes on although the task was killed"
    thread.join()


def test_rows_of_many_objects_come_in_order_through_the_window(
    spark: SparkSession, proxy: FaultProxy, put: Callable[[str, bytes], str]
) -> None:
    for number in range(12):
        put(f"window/{number:02}.csv", b"".join(b"%d,x\n" % (number * 100 + i) for i in range(100)))
    rows = frame(spark, proxy, "swift://tests/window/*.csv", window="5")
    for faults in ([], [passed, cut(begin), passed, status(503)], [cut(end(-1))] + [passed] * 3 + [cut(message(0))]):
        proxy.faults[:] = faults
        assert [row.a for row in rows.collect()] == list(range(1200))
    assert rows.rdd.getNumPartitions() == 1


PHOTOS = [f"crowd/{number:02}.jpg" for number in range(70)]


@pytest.fixture(scope="module")
def crowd(put: Callable[[str, bytes], str]) -> str:
    """More photos than a driver lists for one task, which is to list them then."""
    for name in PHOTOS:
        put(name, b"no image")
    return "swift://tests/crowd"


def photos(spark: SparkSession, proxy: FaultProxy, path: str) -> DataFrame:
    given = {"authUrl": proxy.auth_url, "user": "test:tester", "key": "testing", "storlet": "exif"}
    return spark.read.format("storlets").options(**given, listingTasks="1", retries="1").load(path).select("name")


@pytest.mark.parametrize("fault", [dropped, status(503), status(401), cut(lambda body: 1000)])
def test_a_page_of_photos_that_breaks_is_asked_for_again(
    fault: Fault, spark: SparkSession, proxy: FaultProxy, crowd: str
) -> None:
    proxy.requests, proxy.faults[:] = 0, [fault]
    assert [row.name for row in photos(spark, proxy, crowd).collect()] == PHOTOS
    # The page twice, the photos, and a page without names behind the last one.
    assert proxy.requests == 2 + len(PHOTOS) + 1


def test_photos_that_a_task_lists_come_once_and_in_order(spark: SparkSession, proxy: FaultProxy, crowd: str) -> None:
    for faults in ([], [passed, cut(begin), passed, status(503)], [passed] * 3 + [dropped]):
        proxy.faults[:] = faults
        assert [row.name for row in photos(spark, proxy, crowd).collect()] == PHOTOS


def test_a_page_of_photos_that_never_comes_is_an_error(spark: SparkSession, proxy: FaultProxy, crowd: str) -> None:
    for fault, kind in ((dropped, "IncompleteAnswerError"), (status(503), "StoreUnavailableError")):
        proxy.faults[:] = [fault] * 2
        with pytest.raises(Exception) as caught:
            photos(spark, proxy, crowd).collect()
        found = error_from_spark(caught.value)
        assert type(found).__name__ == kind and "tests" in str(found) and "tried 2 times" in str(found)
    assert not proxy.faults


def test_repeated_requests_are_counted_and_their_rows_only_once(
    spark: SparkSession, proxy: FaultProxy, big: str
) -> None:
    proxy.faults[:] = [cut(message(1, 1000))]
    (scan,) = spark_storlets.answer(frame(spark, proxy, big)).scans
    assert (scan.requests, scan.retries, scan.rows_returned, scan.rows_scanned) == (2, 1, ROWS, ROWS)
    assert scan.bytes_received > len(CONTENT) / 4
    assert scan.storlet_cpu_ms > 0


def test_the_table_in_the_docs() -> None:
    lines = [
        "# What breaks, and what comes of it",
        "",
        "A request is repeated from where its answer broke off, `retries` times. What was read before is compared with the",
        "repeated answer byte for byte. These are the cases that `tests/faults` tries on a live cluster, with `retries` = 1.",
        "",
        "| what happens to an answer | once | every time |",
        "| --- | --- | --- |",
        *(f"| {case.what} | {case.once} | {case.always or case.once} |" for case in CASES),
        "| 401, and the driver's login is refused too | AuthenticationError | AuthenticationError |",
        "| it comes byte by byte | the right rows | the right rows |",
        "| the object is overwritten before the answer is repeated | ChangedError | |",
        "| the object is deleted before the answer is repeated | NotFoundError | |",
        "| the repeated answer is another one | IncompleteAnswerError | |",
        "| the storlet reports a failure | StorletFailedError, not repeated | |",
        "| the storlet hangs | | IncompleteAnswerError, after `readTimeout` |",
        "| the sandbox's processes are killed in mid-answer | the right rows | |",
        "| all object servers are killed in mid-answer and started again | the right rows | |",
        "| one object server of three is down | the right rows | the right rows |",
        "| Spark kills the task | the request ends | |",
        "",
    ]
    text = "\n".join(lines)
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text, "WRITE_DOCS=1 writes docs/faults.md anew"
