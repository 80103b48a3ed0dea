"""A container as a stream: each object once, over restarts."""

import email.utils

import pytest


@pytest.fixture
def inbox(client, spark, cluster, tmp_path):
    from spark_storlets.devstack.configuration import KEY, USER

    class Inbox:
        """A container and a stream of it that runs until it has all, each time from its checkpoint on."""

        path = "swift://inbox"

        def put(self, *names):
            for name in names:
                client.connection.put_object("inbox", name, name.encode())
            # The stream takes whole seconds of the store's time.
            stored = client.connection.head_object("inbox", names[-1])["x-timestamp"]
            while self.now() <= float(stored):
                pass

        def now(self):
            date = client.connection.head_container("inbox")["date"]
            return email.utils.parsedate_to_datetime(date).timestamp()

        def reader(self, **options):
            given = {"authUrl": cluster.auth_url, "user": USER, "key": KEY, "storlet": "listing", "streamDelay": "0"}
            return spark.readStream.format("storlets").options(**{**given, **options}).load(self.path)

        def run(self, **options):
            query = self.reader(**options).writeStream.format("parquet").trigger(availableNow=True)
            query = query.option("checkpointLocation", str(tmp_path / "checkpoint")).start(str(tmp_path / "rows"))
            query.awaitTermination()
            return sorted(row.name for row in spark.read.parquet(str(tmp_path / "rows")).collect())

    client.connection.put_container("inbox")
    yield Inbox()
    for entry in client.connection.get_container("inbox")[1]:
        client.connection.delete_object("inbox", entry["name"])


def test_each_object_once_over_restarts(inbox, client):
    inbox.put("b", "a/é\n1")
    assert inbox.run() == ["a/é\n1", "b"]
    assert inbox.run() == ["a/é\n1", "b"], "what came before does not come again"
    inbox.put("0 before all others", "z")
    client.connection.delete_object("inbox", "a/é\n1")
    assert inbox.run() == ["0 before all others", "a/é\n1", "b", "z"]
    inbox.put("b")
    assert inbox.run() == ["0 before all others", "a/é\n1", "b", "b", "z"], "written anew it is new"


def test_delay_keeps_young_objects_for_a_later_batch(inbox):
    inbox.put("young")
    assert inbox.run(streamDelay="3600") == []
    assert inbox.run() == ["young"]


def test_what_came_does_not_come_again_when_the_moment_goes_back(inbox):
    inbox.put("once")
    assert inbox.run() == ["once"]
    # As with a proxy whose clock is behind.
    assert inbox.run(streamDelay="3600") == ["once"]
    assert inbox.run() == ["once"]


def test_pseudo_folders_are_no_stream(inbox):
    inbox.put("dir/x")
    with pytest.raises(Exception) as raised:
        inbox.run(delimiter="/")
    assert "takes no delimiter" in str(raised.value)
