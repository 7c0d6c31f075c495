"""S3 tells a queue, and a watcher reads it: on both servers, as each of them tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from begat.lineage.arrivals.sqs import Queue
from begat.lineage.arrivals.watcher import Watcher
from begat.lineage.errors import SettingsError, StoreError
from begat.lineage.graph.store import Store
from begat.lineage.workspace import workspace
from support.arriving import Told, rows, watcher
from support.sqs import Server


def drain(queues: Server, watching: Watcher, source: Queue, *, new: int) -> None:
    """Take until so many are known and nothing is left."""
    for _ in range(40):
        watching.take(source, 1.0)
        if watching.counts["new"] >= new and not queues.waiting(source.url):
            return
    raise AssertionError(f"{watching.counts} came, and not {new} new ones")


def test_objects_arrive(queues: Server) -> None:
    """Objects written in any way arrive once, with their partitions; the test message does not."""
    bucket, url = queues.bucket()
    queues.put(bucket, "raw/month=2013-11/flights.csv")
    queues.put(bucket, "raw/month=2013 12+ü/flights.csv", b"other")
    queues.put(bucket, "elsewhere/x.csv")
    copied = {"Bucket": bucket, "Key": "raw/month=2013-11/flights.csv"}
    queues.s3.copy_object(Bucket=bucket, Key="raw/month=2013-10/flights.csv", CopySource=copied)
    source, told = Queue(url), Told()
    watching = watcher(source, told=told, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")
    drain(queues, watching, source, new=3)
    watching.settle(force=True)

    assert told.partitions == [["month=2013 12+ü", "month=2013-10", "month=2013-11"]]
    assert watching.counts["ignored"] >= 1
    assert queues.waiting(url) == 0


def test_uploads_in_parts(queues: Server) -> None:
    """An upload in parts is one arrival's content, however its server tells of it."""
    bucket, url = queues.bucket()
    named = {"Bucket": bucket, "Key": "raw/month=2013-12/flights.csv"}
    upload = queues.s3.create_multipart_upload(**named)["UploadId"]
    part = queues.s3.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"a,b\n1,2\n")
    parts = [{"ETag": part["ETag"], "PartNumber": 1}]
    queues.s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    source, told = Queue(url), Told()
    watching = watcher(source, told=told, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")
    drain(queues, watching, source, new=1)
    watching.settle(force=True)

    assert told.partitions == [["month=2013-12"]]


def test_versions(queues: Server) -> None:
    """Where versions are kept the same bytes again are recorded and not told; others are."""
    bucket, url = queues.bucket(versioned=True)
    name = "raw/month=2013-12/flights.csv"
    source, told = Queue(url), Told()
    watching = watcher(source, told=told, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")
    for number, data in enumerate((b"one", b"one", b"two"), 1):
        queues.put(bucket, name, data)
        drain(queues, watching, source, new=number)
        watching.settle(force=True)

    assert len(rows(workspace().store)) == 3
    assert len(told.batches) == 2


def test_listing_finds_what_was_missed(queues: Server) -> None:
    """A listing records what nobody told of, and nothing that somebody did."""
    bucket, url = queues.bucket()
    queues.put(bucket, "raw/month=2013-11/flights.csv")
    source, told = Queue(url), Told()
    watching = watcher(source, told=told, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")
    drain(queues, watching, source, new=1)
    queues.put(bucket, "raw/month=2013-12/flights.csv")
    queues.sqs.purge_queue(QueueUrl=url)
    for _ in range(2):
        watching.reconcile()
    watching.settle(force=True)

    assert told.partitions == [["month=2013-11", "month=2013-12"]]
    assert [by for (by,) in rows(workspace().store, "told_by")] == ["sqs", "listing"]


def test_unreadable_messages_are_set_aside(queues: Server, home: Path) -> None:
    """What cannot be read comes back a few times, is set aside then, and stops nobody."""
    bucket, url = queues.bucket(visibility=1)
    queues.send(url, "hello")
    queues.put(bucket, "raw/month=2013-12/flights.csv")
    source, told = Queue(url), Told()
    watching = watcher(source, told=told, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")
    for _ in range(30):
        watching.take(source, 1.0)
        if watching.counts["set_aside"]:
            break
    watching.settle(force=True)
    [aside] = (home / "arrivals" / "set-aside").iterdir()

    assert json.loads(aside.read_text())["body"] == "hello"
    assert told.partitions == [["month=2013-12"]]
    assert queues.waiting(url) == 0


def test_store_is_away(queues: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is away, messages stay in the queue; then they are recorded."""
    bucket, url = queues.bucket(visibility=1)
    queues.put(bucket, "raw/month=2013-12/flights.csv")
    source = Queue(url)
    watching = watcher(source, pattern=f"s3://{bucket}/raw/month={{month}}/flights.csv")

    def away(self: Store) -> None:
        raise StoreError("it is away")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", away)
        with pytest.raises(StoreError):
            drain(queues, watching, source, new=1)
    for _ in range(30):  # until it is handed out again
        if watching.take(source, 1.0) and watching.counts["new"]:
            break

    assert len(rows(workspace().store)) == 1
    assert queues.waiting(url) == 0


def test_no_such_queue(queues: Server) -> None:
    """A queue that is not there is refused by name."""
    with pytest.raises(SettingsError, match="queue nowhere answers"):
        Queue("nowhere")


def test_queue_by_name(queues: Server) -> None:
    """A queue is found by its name as well as by its URL."""
    bucket, url = queues.bucket()
    queues.send(url, {"source": f"s3://{bucket}", "key": "raw/x.csv", "version": "1"})
    source = Queue(f"sqs://{bucket}")
    watching = watcher(source, pattern=f"s3://{bucket}/raw/{{name}}.csv")
    drain(queues, watching, source, new=1)

    assert len(rows(workspace().store)) == 1
