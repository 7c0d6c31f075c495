"""Arrivals in the store: each once, and which of them are new content.

An arrival is a row that is never changed but for its batch: NULL while it waits for one, empty
when there is nothing new in it. What is new is decided by all that is known of its key, in the
order in which it happened, so that it does not matter in which order it was told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, Literal

from ..graph.connection import Connection
from ..graph.facts import normalised
from ..graph.store import Store
from ..records import Dataset
from .notice import Notice
from .watched import Watched, matched

ToldBy = Literal["sqs", "webhook", "folder", "listing"]

#: By how much a listing's time may differ.
_ROUNDED = timedelta(seconds=1)
#: What is looked at of the past of one key.
_PAST = 50
#: Rows that are read or written in one transaction.
AT_ONCE = 500

_ADD = """
INSERT INTO arrival (namespace, key, identity, name, partition, version, digest, size, happened,
    sequencer, removed, told_by, first_seen, batch)
VALUES (:namespace, :key, :identity, :name, :partition, :version, :digest, :size, :happened,
    :sequencer, :removed, :told_by, :now, '')
ON CONFLICT (namespace, key, identity, name) DO NOTHING RETURNING key
"""
# A listing rounds times to seconds, and names no versions.
_LISTED = """
SELECT 1 FROM arrival WHERE namespace = :namespace AND name = :name AND key = :key
AND happened BETWEEN :earlier AND :later AND told_by = 'listing' AND digest = :digest
"""
_COURSE = f"""
SELECT identity, digest, version, happened, sequencer, removed, batch FROM arrival
WHERE namespace = :namespace AND name = :name AND key = :key
ORDER BY happened DESC, identity DESC LIMIT {_PAST}
"""
_MARK = """
UPDATE arrival SET batch = :batch
WHERE namespace = :namespace AND key = :key AND identity = :identity AND name = :name
"""
_TOLD_TO_SERVER = f"""
SELECT namespace, key, identity, version, digest, size, happened, sequencer, removed, first_seen
FROM arrival AS told
WHERE namespace = :namespace AND name = ''
    AND (first_seen, key, identity) > (:since, :key, :identity) AND NOT EXISTS (
        SELECT 1 FROM arrival AS taken WHERE taken.namespace = told.namespace
        AND taken.key = told.key AND taken.identity = told.identity
        AND taken.name IN (SELECT value FROM json_each(:names)))
ORDER BY first_seen, key, identity LIMIT {AT_ONCE}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What came of notices."""

    #: How many were not known.
    new: int = 0
    #: How many were: told again.
    known: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(new=self.new + other.new, known=self.known + other.known)


def record(store: Store, notices: Sequence[Notice], *, told_by: ToldBy, now: str) -> Recorded:
    """Record arrivals, each once; all or none.

    Args:
        store: where.
        notices: of datasets, as `watched.matched` gives them; those without a name wait until
            a watcher takes them (see `adopt`).
        told_by: how they became known.
        now: the time.

    Raises:
        StoreError: the store failed; nothing was recorded.
    """
    touched: dict[tuple[str, str, str], None] = {}
    new = 0
    with store.write() as db:
        for notice in notices:
            row = _row(notice) | {"told_by": told_by, "now": now}
            row["happened"] = notice.happened or now
            if _is_listed(db, notice, row):
                continue
            if db.execute(_ADD, row).fetchone():
                new += 1
                if notice.name:
                    touched[notice.namespace, notice.name, notice.key] = None
        for namespace, name, key in touched:
            _settle(db, namespace, name, key)
    return Recorded(new=new, known=len(notices) - new)


def adopt(
    store: Store, watched: Sequence[Watched], *, since: str, now: str
) -> tuple[Recorded, str]:
    """Take what the server was told, as arrivals at what is watched.

    Args:
        store: where.
        watched: what is.
        since: only what was told at this time or later; empty for all.
        now: the time.

    Returns:
        What came of them, and when the last one was told.

    Raises:
        StoreError: the store failed; what was taken before stays.
    """
    total, last = Recorded(), since
    for namespace in {one.dataset.namespace for one in watched}:
        names = json.dumps([w.dataset.name for w in watched if w.dataset.namespace == namespace])
        place = {"namespace": namespace, "names": names, "since": since, "key": "", "identity": ""}
        while True:
            with store.read() as db:
                rows = db.execute(_TOLD_TO_SERVER, place).fetchall()
            if not rows:
                break
            found = matched(map(_notice, rows), watched)
            if found:
                total += record(store, found, told_by="webhook", now=now)
            end = rows[-1]
            place |= {
                "since": end["first_seen"],
                "key": end["key"],
                "identity": end["identity"],
            }
            last = max(last, end["first_seen"])
    return total, last


def missed(store: Store, notices: Iterable[Notice]) -> list[Notice]:
    """Those of a listing that are not what is known of their keys.

    Args:
        store: where it is known.
        notices: of datasets, what is there now.

    Raises:
        StoreError: the store failed.
    """
    found = []
    for _, some in groupby(enumerate(notices), lambda pair: pair[0] // AT_ONCE):
        with store.read() as db:
            for _, notice in some:
                course = _course(db, notice.namespace, notice.name, notice.key)
                if not course or not _is_same(course[-1], notice):
                    found.append(notice)
    return found


def pending(store: Store, dataset: Dataset) -> tuple[int, str, str]:
    """How much new content waits for a batch, and when the first and the last came.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(
            "SELECT COUNT(*), MIN(first_seen), MAX(first_seen) FROM arrival "
            "WHERE batch IS NULL AND namespace = :namespace AND name = :name",
            {"namespace": dataset.namespace, "name": dataset.name},
        ).fetchone()
    return int(row[0]), row[1] or "", row[2] or ""


def _is_listed(db: Connection, notice: Notice, row: dict[str, Any]) -> bool:
    """Whether a listing has found this very writing already."""
    if not (notice.name and notice.digest and notice.happened) or notice.removed:
        return False
    time = datetime.fromisoformat(notice.happened)
    try:
        near = {
            "earlier": normalised((time - _ROUNDED).isoformat()),
            "later": normalised((time + _ROUNDED).isoformat()),
        }
    except OverflowError:  # beyond the ends of time no listing has anything
        return False
    return db.execute(_LISTED, {**row, **near}).fetchone() is not None


def _settle(db: Connection, namespace: str, name: str, key: str) -> None:
    """Say of what waits for no batch yet, or need not, which it is."""
    course = _course(db, namespace, name, key)
    told = max((place for place, row in enumerate(course) if row["batch"]), default=-1)
    before = [None, *(row["digest"] or row["version"] for row in course)]
    for place, (row, (earlier, said)) in enumerate(zip(course, pairwise(before), strict=True)):
        if row["batch"]:
            continue
        # What was written before something that was told has been overwritten.
        fresh = place > told and not row["removed"] and said != earlier
        wanted = None if fresh else ""
        if row["batch"] != wanted:
            about = {"namespace": namespace, "name": name, "key": key, "batch": wanted}
            db.execute(_MARK, {**about, "identity": row["identity"]})


def _course(db: Connection, namespace: str, name: str, key: str) -> list[Any]:
    """What is known to have happened to a key of late, in order."""
    rows = db.execute(_COURSE, {"namespace": namespace, "name": name, "key": key}).fetchall()
    if all(row["sequencer"] for row in rows):
        # Longer or shorter, they are numbers.
        rows.sort(key=lambda row: (int(row["sequencer"], 16), row["identity"]))
    else:
        rows.reverse()
    return [*_of_newest(rows)]


def _of_newest(rows: Iterable[Any]) -> Iterator[Any]:
    """Without removals of old versions, which rules of a bucket's may order: the object stays."""
    written: set[str] = set()
    newest = ""
    for row in rows:
        version = row["version"]
        if row["removed"] and newest and version in written and version != newest:
            continue
        newest = "" if row["removed"] else version
        written.add(newest)
        yield row


def _is_same(last: Any, listed: Notice) -> bool:
    if last["removed"]:
        return False
    if _is_comparable(last["digest"], listed.digest):
        return bool(last["digest"] == listed.digest)
    return bool(listed.happened <= last["happened"])


def _is_comparable(one: str, other: str) -> bool:
    """Whether two digests were made in the same way."""
    return bool(one and other) and one.rpartition(":")[0] == other.rpartition(":")[0]


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "namespace": notice.namespace,
        "key": notice.key,
        "identity": notice.identity,
        "name": notice.name,
        "partition": notice.partition,
        "version": notice.version,
        "digest": "" if notice.removed else notice.digest,
        "size": notice.size,
        "sequencer": notice.sequencer,
        "removed": int(notice.removed),
    }


def _notice(row: Any) -> Notice:
    return Notice(
        namespace=row["namespace"],
        key=row["key"],
        version=row["version"],
        digest=row["digest"],
        size=row["size"],
        happened=row["happened"],
        sequencer=row["sequencer"],
        removed=bool(row["removed"]),
        known_as=row["identity"],
    )
