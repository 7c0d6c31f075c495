from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.arrivals.messages import parse, read
from begat.lineage.arrivals.notice import LONGEST, Notice
from begat.lineage.errors import EventError
from support.arriving import message, record

WRITTEN = Notice(
    namespace="s3://lake",
    key="raw/month=2013-12/flights.csv",
    digest="e1",
    size=5,
    happened="2013-12-31T23:59:59.000000Z",
)
SEAWEED = {
    "event_type": "create",
    "key": "/buckets/lake/raw/month=2013-12/a b+ü.csv",
    "message": {
        "new_entry": {
            "name": "a b+ü.csv",
            "chunks": [{"size": 5, "modified_ts_ns": 1795915314798019758}],
            "attributes": {
                "file_size": 5,
                "mtime": 1795915314,
                "md5": "XUFAKrxLKna5cZ2REBfFkg==",
            },
            "extended": {"Seaweed-X-Amz-ETag": "NWQ0MTQwMmFiYzRiMmE3NmI5NzE5ZDkxMTAxN2M1OTI="},
        },
        "new_parent_path": "/buckets/lake/raw/month=2013-12",
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
#: Words that mean something somewhere, so that what is made up gets past the first look.
WORDS = st.sampled_from(
    [
        *("Records", "s3", "bucket", "object", "name", "key", "eTag", "eventName", "sequencer"),
        *("Type", "Message", "detail-type", "detail", "event_type", "message", "new_entry"),
        *("attributes", "extended", "chunks", "dataset", "namespace", "source", "version"),
        *("digest", "size", "time", "removed", "partition", "Event", "mtime", "md5"),
    ]
)
VALUES = st.sampled_from(
    [
        *("ObjectCreated:Put", "Notification", "Object Created", "s3://lake", "/buckets/b/k"),
        *("2013-12-31T23:59:59Z", "[]", "{}", "\0", "\ud800", "", "x" * 3000, "null"),
    ]
)
PLAUSIBLE = st.recursive(
    VALUES | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)


def test_s3() -> None:
    """A notification of S3's names bucket, key, ETag, size and time."""
    assert parse(message(record())) == (WRITTEN,)


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("raw/month%3D2013-12/a+b%2Bc.csv", "raw/month=2013-12/a b+c.csv"),
        ("raw%2Fmonth%3D2013-12%2F%C3%BC.csv", "raw/month=2013-12/ü.csv"),
        ("raw/100%25.csv", "raw/100%.csv"),
    ],
)
def test_keys_are_decoded(encoded: str, key: str) -> None:
    """Keys come as forms are encoded: + is a space, and %XX a byte of UTF-8."""
    assert [one.key for one in parse(message(record(object_key=encoded)))] == [key]


@pytest.mark.parametrize(
    "event",
    ["ObjectCreated:Put", "ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload"],
)
def test_ways_to_write(event: str) -> None:
    """However an object was written, it arrived."""
    assert parse(message(record(event=event))) == (WRITTEN,)


@pytest.mark.parametrize("event", ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"])
def test_removal(event: str) -> None:
    """What is removed is noticed as gone, under an identity that no writing has."""
    [one] = parse(message(record(event=event, version="v1")))

    assert one.removed
    assert one.identity == "removed:v1"
    assert one.digest == ""


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"},
        {"Records": []},
        {"Records": [record(event="ObjectRestore:Completed")]},
        {"Records": [record(object_key="raw/month%3D2013-12/")]},
        {"detail-type": "Object Tags Added", "detail": {}},
        [],
    ],
    ids=["test", "empty", "restored", "folder", "tags", "none"],
)
def test_of_something_else(body: Any) -> None:
    """What tells of no object that was written or removed comes to nothing."""
    assert read(body) == ()


def test_sns() -> None:
    """What SNS wraps is what it wraps."""
    wrapped = json.dumps({"Type": "Notification", "Message": message(record())})

    assert parse(wrapped) == (WRITTEN,)


def test_event_bridge() -> None:
    """EventBridge's body, whose keys are not encoded."""
    body = {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2013-12-31T23:59:59Z",
        "detail": {
            "bucket": {"name": "lake"},
            "object": {
                "key": "raw/month=2013-12/a+b.csv",
                "size": 5,
                "etag": "e1",
                "version-id": "v1",
                "sequencer": "00617F08299329D189",
            },
            "reason": "PutObject",
        },
    }
    [one] = read(body)
    [gone] = read({**body, "detail-type": "Object Deleted"})

    assert (one.key, one.version, one.sequencer) == (
        "raw/month=2013-12/a+b.csv",
        "v1",
        "00617F08299329D189",
    )
    assert gone.removed


def test_minio() -> None:
    """MinIO's webhook has S3's records in it, with a name of its own for what happened."""
    body = {
        "EventName": "s3:ObjectCreated:Put",
        "Key": "lake/raw/month=2013-12/flights.csv",
        "Records": [record(event="s3:ObjectCreated:Put")],
    }

    assert read(body) == (WRITTEN,)


def test_seaweed() -> None:
    """SeaweedFS names a path, and encodes ETags once more."""
    assert read(SEAWEED) == (
        Notice(
            namespace="s3://lake",
            key="raw/month=2013-12/a b+ü.csv",
            digest="5d41402abc4b2a76b9719d911017c592",
            size=5,
            happened="2026-11-29T01:21:54.798019Z",
        ),
    )


def test_seaweed_versions() -> None:
    """Where it keeps versions, a version's own file tells of the object."""
    body = json.loads(json.dumps(SEAWEED))
    body["key"] = "/buckets/lake/raw/v.csv.versions/v_6713a0"
    entry = body["message"]["new_entry"]
    entry["name"] = "v_6713a0"
    entry["extended"]["Seaweed-X-Amz-Version-Id"] = "NjcxM2Ew"
    body["message"]["new_parent_path"] = "/buckets/lake/raw/v.csv.versions"
    [one] = read(body)

    assert (one.key, one.version, one.identity) == ("raw/v.csv", "6713a0", "6713a0")


def test_seaweed_renames() -> None:
    """An object that was renamed is there under its new name, and gone under the old."""
    body = json.loads(json.dumps(SEAWEED))
    body["event_type"] = "rename"
    body["message"]["old_entry"] = dict(body["message"]["new_entry"])
    body["message"]["new_entry"]["name"] = "new.csv"

    assert [(one.key, one.removed) for one in read(body)] == [
        ("raw/month=2013-12/new.csv", False),
        ("raw/month=2013-12/a b+ü.csv", True),
    ]


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        ("/buckets/lake", True),
        ("/buckets/lake/raw", True),
        ("/buckets/lake/.uploads/1/0001.part", False),
        ("/etc/iam/identity.json", False),
    ],
)
def test_seaweed_housekeeping(path: str, directory: bool) -> None:
    """Folders, parts of uploads and files outside of buckets come to nothing."""
    entry = {"name": path.rpartition("/")[2], "is_directory": directory, "attributes": {}}
    parent = path.rpartition("/")[0]
    message = {"new_entry": entry, "new_parent_path": parent}

    assert read({"event_type": "create", "key": path, "message": message}) == ()


def test_plain() -> None:
    """Anybody may name an object in a few words."""
    body = {
        "source": "s3://lake/",
        "key": "raw/month=2013-12/flights.csv",
        "digest": '"e1"',
        "size": 5,
        "time": "2014-01-01T00:59:59+01:00",
    }

    assert read([body]) == (WRITTEN,)


def test_plain_of_a_dataset() -> None:
    """Or a partition of a dataset, whose key it is then."""
    named = {"namespace": "warehouse", "name": "flights"}
    [one] = read({"dataset": named, "partition": "month=2013-12", "version": "7"})

    assert (one.namespace, one.name, one.partition, one.key, one.identity) == (
        *("warehouse", "flights", "month=2013-12", "month=2013-12"),
        "7",
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "a message is JSON"),
        ("{", "a message is JSON"),
        ("7", "is a JSON object; got 7,"),
        ('{"a": 1}', "with 'a' in it is of no known shape; send S3's Records"),
        ('{"Records": 7}', "Records is a list; got 7"),
        ('{"Records": [7]}', "a record is an object; got 7"),
        (message(record(etag="")), "arrived without a version or digest"),
        (message({**record(), "eventTime": "noon"}), "a time is ISO 8601; got 'noon'"),
        (message(record(sequencer="xyz")), "a sequencer is a hexadecimal number; got 'xyz'"),
        ('{"source": "s3://lake", "digest": "1"}', "names where its object lies"),
        ('{"source": "s3://lake", "key": "a", "digest": "1", "size": -1}', "a number of bytes"),
        ('{"source": "s3://lake", "key": "a", "digest": "1", "removed": 0}', "is true or false"),
        ('{"source": "s3://lake", "key": "a\\u0000", "digest": "1"}', "that no store keeps"),
        ('{"source": "s3://lake", "key": "\\ud800", "digest": "1"}', "that no store keeps"),
        ('{"source": "lake", "key": "a", "digest": "1"}', "is s3://bucket, or file; got 'lake'"),
        ('{"source": "s3://lake/raw", "key": "a", "digest": "1"}', "is s3://bucket, or file"),
        ('{"source": "file", "key": "a/b", "digest": "1"}', "its absolute path; got 'a/b'"),
        (
            '{"source": "s3://lake", "dataset": {"namespace": "s3://lake", "name": "raw"}}',
            "a dataset or the source of an object, and not both",
        ),
        ('{"source": "s3://lake", "key": "a", "vershun": "1"}', "no field 'vershun'; it has dige"),
        ('{"dataset": {"namespace": "a", "nam": "b"}}', "a dataset has no field 'nam'"),
        ('{"source": "s3://lake", "key": "a", "version": 1}', "version is a text; got 1"),
        ('{"Type": "Notification", "Message": "hello"}', "the Message of SNS is JSON"),
        ("[" * 9 + "]" * 9, "wrapped more than 4 times"),
        (json.dumps({"dataset": {}, "key": "k", "digest": "1"}), "the dataset's"),
        (json.dumps({"source": "s3://s", "key": "k" * LONGEST, "digest": "1"}), "is longer than"),
    ],
)
def test_malformed(body: str, says: str) -> None:
    """What cannot be read is refused in one line that says what was expected."""
    with pytest.raises(EventError) as raised:
        parse(body)

    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@given(JSON | PLAUSIBLE)
def test_never_crashes(value: Any) -> None:
    """Whatever JSON comes, it is read or refused."""
    with suppress(EventError):
        assert all(one.identity and one.key for one in read(value))


@given(st.binary(max_size=50))
def test_never_crashes_on_bytes(body: bytes) -> None:
    """Whatever bytes come, they are read or refused."""
    with suppress(EventError):
        parse(body)
