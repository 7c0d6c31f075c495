"""Messages that say what arrived, in the shapes that stores of objects send.

| shape | who sends it |
|---|---|
| `{"Records": [{"eventName": "ObjectCreated:Put", "s3": …}]}` | S3 to SQS or SNS; MinIO |
| `{"Type": "Notification", "Message": "…"}` | SNS around another one |
| `{"detail-type": "Object Created", "detail": …}` | EventBridge |
| `{"event_type": "create", "key": "/buckets/…", "message": …}` | SeaweedFS |
| `{"source": "s3://bucket", "key": …, "version" or "digest": …}` | anybody |
| `{"dataset": {"namespace": …, "name": …}, "partition": …, …}` | anybody, of a dataset |

A list of any of these is taken as all of them. What tells of something else (test messages,
restored archives, tags, parts of uploads, folders) is read and comes to nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from ..errors import EventError
from ..graph.facts import normalised
from .notice import Notice

#: How deep SNS and lists may wrap a message.
_DEEPEST = 4
_SHAPES = (
    "S3's Records, SNS's or EventBridge's around them, MinIO's, SeaweedFS's, or "
    '{"source": "s3://bucket", "key": …, "version" or "digest": …}'
)
#: Where an object lies of which anybody tells in a few words.
_PLACE = re.compile(r"s3://[^/]+|file")
_OWN = frozenset({"key", "version", "digest", "size", "time", "sequencer", "removed"})
_OF_OBJECT = _OWN | {"source"}
_OF_DATASET = _OWN | {"dataset", "partition"}
_HEX = re.compile(r"[0-9A-Fa-f]{1,64}")
_EVENTS = {"Object Created": False, "Object Deleted": True}
#: Where SeaweedFS keeps its buckets, and an object's versions.
_BUCKETS = "/buckets/"
_VERSIONS = re.compile(r"(.+)\.versions/v_[^/]+")


def parse(body: str | bytes) -> tuple[Notice, ...]:
    """What a message says arrived or went; nothing for one that tells of something else.

    Raises:
        EventError: it is not JSON, or of no known shape.

    >>> parse('{"source": "s3://lake", "key": "raw/month=2013-12/x.csv", "version": "3"}')[0].key
    'raw/month=2013-12/x.csv'
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"a message is JSON ({_line(error)}); send {_SHAPES}") from None
    return read(value)


def read(value: Any) -> tuple[Notice, ...]:
    """As `parse`, of a message that has been read as JSON.

    Raises:
        EventError: it is of no known shape.
    """
    try:
        return tuple(_notices(value, _DEEPEST))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise EventError(f"a message has a field of another kind ({_line(error)})") from None


def _notices(value: Any, deepest: int) -> Iterator[Notice]:
    if deepest < 0:
        raise EventError(f"a message is wrapped more than {_DEEPEST} times; send {_SHAPES}")
    if isinstance(value, list):
        for one in value:
            yield from _notices(one, deepest - 1)
        return
    if not isinstance(value, dict):
        raise EventError(f"a message is a JSON object; got {_short(value)}, send {_SHAPES}")
    if value.get("Type") == "Notification" and "Message" in value:
        yield from _wrapped(value["Message"], deepest - 1)
        return
    for key, shape in _READERS.items():
        if key in value:
            yield from shape(value)
            return
    raise EventError(
        f"a message with {', '.join(map(repr, [*value][:5])) or 'nothing'} in it is of no known "
        f"shape; send {_SHAPES}"
    )


def _wrapped(text: Any, deepest: int) -> Iterator[Notice]:
    try:
        inner = json.loads(_text(text, "Message"))
    except (ValueError, RecursionError) as error:
        raise EventError(f"the Message of SNS is JSON ({_line(error)}); send it so") from None
    yield from _notices(inner, deepest)


def _records(value: Mapping[str, Any]) -> Iterator[Notice]:
    for record in _list(value["Records"] or [], "Records"):
        said = _object(record, "a record")
        event = _text(said.get("eventName", ""), "eventName").removeprefix("s3:")
        created = event.startswith("ObjectCreated:")
        if not created and not event.startswith(("ObjectRemoved:", "LifecycleExpiration:")):
            continue
        s3 = _object(said.get("s3"), "s3")
        thing = _object(s3.get("object"), "object")
        bucket = _text(_object(s3.get("bucket"), "bucket").get("name"), "the bucket's name")
        key = unquote_plus(_text(thing.get("key"), "the object's key"))
        if key.endswith("/"):  # consoles make such for folders
            continue
        yield _object_notice(bucket, key, thing, removed=not created, time=said.get("eventTime"))


def _event_bridge(value: Mapping[str, Any]) -> Iterator[Notice]:
    removed = _EVENTS.get(_text(value["detail-type"], "detail-type"))
    if removed is None:
        return
    detail = _object(value.get("detail"), "detail")
    thing = dict(_object(detail.get("object"), "object"))
    thing["eTag"], thing["versionId"] = thing.get("etag"), thing.get("version-id")
    bucket = _text(_object(detail.get("bucket"), "bucket").get("name"), "the bucket's name")
    key = _text(thing.get("key"), "the object's key")
    if not key.endswith("/"):
        yield _object_notice(bucket, key, thing, removed=removed, time=value.get("time"))


def _object_notice(
    bucket: str, key: str, thing: Mapping[str, Any], *, removed: bool, time: Any
) -> Notice:
    version = _maybe(thing.get("versionId"), "versionId")
    return Notice(
        namespace=f"s3://{bucket}" if bucket else "",
        key=key,
        version="" if version == "null" else version,  # what was there before versions were kept
        digest="" if removed else etag(_maybe(thing.get("eTag"), "eTag")),
        size=_size(thing.get("size")),
        happened=_time(time),
        sequencer=_sequencer(thing.get("sequencer")),
        removed=removed,
    )


def _test(value: Mapping[str, Any]) -> Iterator[Notice]:
    if value["Event"] != "s3:TestEvent":
        raise EventError(f"an Event is s3:TestEvent; got {str(value['Event'])[:40]!r}")
    return iter(())


def _seaweed(value: Mapping[str, Any]) -> Iterator[Notice]:
    message = _object(value.get("message"), "message")
    path = _text(value.get("key"), "key")
    old, new = message.get("old_entry"), message.get("new_entry")
    if new:
        entry = _object(new, "new_entry")
        parent = _maybe(message.get("new_parent_path"), "new_parent_path")
        name = _maybe(entry.get("name"), "name")
        there = posixpath.join(parent, name) if parent and name else path
        yield from _entry(there, entry, removed=False)
        if not old or there == path:
            return
    if old:
        yield from _entry(path, _object(old, "old_entry"), removed=True)


def _entry(path: str, entry: Mapping[str, Any], *, removed: bool) -> Iterator[Notice]:
    bucket, _, key = path.removeprefix(_BUCKETS).partition("/")
    outside = not path.startswith(_BUCKETS) or not key
    if outside or key.startswith(".uploads/") or entry.get("is_directory"):
        return
    about = _object(entry.get("attributes") or {}, "attributes")
    more = _object(entry.get("extended") or {}, "extended")
    version = _decoded(more.get("Seaweed-X-Amz-Version-Id")).decode()
    if version and (found := _VERSIONS.fullmatch(key)):
        key = found[1]
    digest = etag(_decoded(more.get("Seaweed-X-Amz-ETag")).decode())
    yield Notice(
        namespace=f"s3://{bucket}",
        key=key,
        version="" if version == "null" else version,
        digest=digest or _decoded(about.get("md5")).hex(),
        size=_size(about.get("file_size")),
        happened="" if removed else _written(entry, about),
        removed=removed,
    )


def _written(entry: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """When it was written: to the microsecond if one of its chunks says so."""
    chunks = [_object(one, "a chunk") for one in _list(entry.get("chunks") or [], "chunks")]
    times = [one.get("modified_ts_ns") for one in chunks]
    nanoseconds = max((one for one in times if isinstance(one, int)), default=0)
    seconds = about.get("mtime")
    if not nanoseconds and isinstance(seconds, int):
        nanoseconds = seconds * 10**9
    if nanoseconds <= 0:
        return ""
    try:
        return normalised(datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC).isoformat())
    except (OverflowError, OSError, ValueError):
        raise EventError(f"{str(nanoseconds)[:40]} ns is no time that there is") from None


def _plain(value: Mapping[str, Any]) -> Iterator[Notice]:
    named = "dataset" in value
    if named and "source" in value:
        raise EventError(
            "a message names a dataset or the source of an object, and not both; leave one out"
        )
    _only(value, _OF_DATASET if named else _OF_OBJECT, "a message")
    dataset = _object(value["dataset"], "dataset") if named else {}
    _only(dataset, frozenset({"namespace", "name"}), "a dataset")
    namespace = dataset.get("namespace") if named else _place(value)
    partition = _maybe(value.get("partition"), "partition")
    removed = value.get("removed", False)
    if not isinstance(removed, bool):
        raise EventError(f"removed is true or false; got {_short(removed)}")
    name = _text(dataset.get("name"), "the dataset's name") if named else ""
    yield Notice(
        namespace=_text(namespace, "the dataset's namespace" if named else "source").rstrip("/"),
        # Without a key the partition is what arrives.
        key=_maybe(value.get("key"), "key") or (partition or name if named else ""),
        version=_maybe(value.get("version"), "version"),
        digest=etag(_maybe(value.get("digest"), "digest")),
        size=_size(value.get("size")),
        happened=_time(value.get("time")),
        sequencer=_sequencer(value.get("sequencer")),
        removed=removed,
        name=name,
        partition=partition if named else "",
    )


def _place(value: Mapping[str, Any]) -> str:
    """Where an object lies, if it is where one can be."""
    source, key = _text(value["source"], "source").rstrip("/"), _maybe(value.get("key"), "key")
    if not _PLACE.fullmatch(source):
        raise EventError(f"a source is s3://bucket, or file; got {_short(value['source'])}")
    if source == "file" and key and not key.startswith("/"):
        raise EventError(f"the key of a file is its absolute path; got {_short(key)}")
    return source


def _only(value: Mapping[str, Any], known: Set[str], called: str) -> None:
    if unknown := [key for key in value if key not in known]:
        raise EventError(
            f"{called} has no field {unknown[0][:40]!r}; it has {', '.join(sorted(known))}"
        )


#: By the field that tells a shape from the others.
_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Notice]]] = {
    "Records": _records,
    "detail-type": _event_bridge,
    "event_type": _seaweed,
    "Event": _test,
    "dataset": _plain,
    "source": _plain,
}


def etag(text: str) -> str:
    """An ETag without its quotes."""
    return text.removeprefix("W/").strip('"')


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(_maybe(text, "a field in base64"), validate=True)
    except binascii.Error as error:
        raise EventError(f"a field is base64 ({error}); got {str(text)[:40]!r}") from None


def _object(value: Any, called: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EventError(f"{called} is an object; got {_short(value)}")
    return value


def _list(value: Any, called: str) -> list[Any]:
    if not isinstance(value, list):
        raise EventError(f"{called} is a list; got {_short(value)}")
    return value


def _text(value: Any, called: str) -> str:
    if not isinstance(value, str):
        raise EventError(f"{called} is a text; got {_short(value)}")
    return value


def _maybe(value: Any, called: str) -> str:
    return "" if value is None else _text(value, called)


def _size(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise EventError(f"a size is a number of bytes; got {_short(value)}")
    return value


def _time(value: Any) -> str:
    if not value:
        return ""
    try:
        return normalised(_text(value, "a time"))
    except (ValueError, OverflowError):
        raise EventError(f"a time is ISO 8601; got {_short(value)}") from None


def _sequencer(value: Any) -> str:
    text = _maybe(value, "a sequencer")
    if text and not _HEX.fullmatch(text):
        raise EventError(f"a sequencer is a hexadecimal number; got {_short(value)}")
    return text.upper()


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return repr(value[:40]) if isinstance(value, str) else json.dumps(value)[:40]


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
