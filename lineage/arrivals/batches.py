"""Batches: new content that came together, recorded as one event and told once.

A batch's id says what is in it, and so does its event, down to the time: closing the same
arrivals again is the same batch and the same event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..events import facets, static_id
from ..events.facets import CORE, PRODUCER
from ..graph.facts import normalised
from ..graph.store import Store
from ..records import Dataset
from . import ledger
from .watched import Watched

#: Arrivals of one batch; of more there are more batches.
MOST = 10_000
#: Arrivals that an event names one by one.
INLINE = 1_000

_PENDING = f"""
SELECT partition, key, identity, version, digest, happened FROM arrival
WHERE batch IS NULL AND namespace = :namespace AND name = :name
ORDER BY first_seen, key, identity LIMIT {MOST}
"""
_IN_BATCH = """
SELECT partition, key, identity, version, digest, happened FROM arrival
WHERE batch = :id AND namespace = :namespace AND name = :name
"""
_MARK = """
UPDATE arrival SET batch = :batch
WHERE namespace = :namespace AND key = :key AND identity = :identity AND name = :name
"""
_ADD = """
INSERT INTO batch (id, namespace, name, source, count, closed_at)
VALUES (:id, :namespace, :name, :source, :count, :now) ON CONFLICT (id) DO NOTHING
"""
_UNTOLD = """
SELECT id, namespace, name, source FROM batch WHERE told_at IS NULL
AND namespace = :namespace AND name = :name ORDER BY closed_at, id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """New content of one object."""

    partition: str
    key: str
    identity: str
    #: Its VersionId where there is one, else a digest.
    version: str
    happened: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """New content of one dataset that came together."""

    dataset: Dataset
    #: The pattern as it was given.
    source: str
    contents: tuple[Content, ...]

    @property
    def id(self) -> str:
        """A UUID that says what is in it."""
        names = sorted(f"{one.key}\0{one.identity}" for one in self.contents)
        at = int(datetime.fromisoformat(self.time).timestamp() * 1000)
        parts = ("arrivals", self.dataset.namespace, self.dataset.name, *names)
        return static_id(*parts, instant_ms=max(0, at))

    @property
    def time(self) -> str:
        """When the last of it was written."""
        return max(one.happened for one in self.contents)

    @property
    def partitions(self) -> list[str]:
        """Where it is new, each once."""
        return sorted({one.partition for one in self.contents})

    def to_json(self) -> dict[str, Any]:
        """What whoever waits for it is told."""
        return {
            "dataset": f"{self.dataset.namespace}/{self.dataset.name}",
            "partitions": self.partitions,
            "batch": self.id,
            "count": len(self.contents),
        }

    def event(self) -> dict[str, Any]:
        """An OpenLineage DatasetEvent that says what arrived."""
        arrived = sorted((c.partition, c.key, c.version, c.happened) for c in self.contents)
        return {
            "eventTime": self.time,
            "producer": PRODUCER,
            "schemaURL": f"{CORE}#/$defs/DatasetEvent",
            "dataset": {
                "namespace": self.dataset.namespace,
                "name": self.dataset.name,
                "facets": {
                    "begat_arrivals": facets.arrivals(
                        batch=self.id,
                        source=self.source,
                        partitions=self.partitions,
                        count=len(arrived),
                        objects=arrived[:INLINE],
                    )
                },
            },
        }


def due(store: Store, watched: Watched, *, now: str, quiet: float, longest: float) -> bool:
    """Whether what waits should wait no longer.

    Args:
        store: where it waits.
        watched: what it is of.
        now: the time.
        quiet: seconds in which nothing new has come since the last.
        longest: seconds that the first has waited.

    Raises:
        StoreError: the store failed.
    """
    count, first, last = ledger.pending(store, watched.dataset)
    if not count:
        return False
    return count >= MOST or _since(last, now) >= quiet or _since(first, now) >= longest


def close(store: Store, watched: Watched, *, now: str) -> Batch | None:
    """Make a batch of what waits, with the event that says so; None if nothing does.

    Raises:
        StoreError: the store failed; all waits on.
    """
    named = {"namespace": watched.dataset.namespace, "name": watched.dataset.name}
    with store.write() as db:
        contents = _contents(db.execute(_PENDING, named).fetchall())
        if not contents:
            return None
        batch = Batch(dataset=watched.dataset, source=watched.given, contents=contents)
        id_ = batch.id
        rows = [
            {**named, "batch": id_, "key": one.key, "identity": one.identity} for one in contents
        ]
        db.executemany(_MARK, rows)
        about = {"id": id_, "source": batch.source, "count": len(contents), "now": now}
        db.execute(_ADD, {**named, **about})
        store.record([batch.event()])
    return batch


def untold(store: Store, dataset: Dataset) -> Iterator[Batch]:
    """Batches that nobody is known to have been told of, the oldest first, one at a time.

    Raises:
        StoreError: the store failed.
    """
    named = {"namespace": dataset.namespace, "name": dataset.name}
    with store.read() as db:
        rows = db.execute(_UNTOLD, named).fetchall()
    for row in rows:
        with store.read() as db:
            contents = _contents(db.execute(_IN_BATCH, {**named, "id": row["id"]}).fetchall())
        yield Batch(dataset=dataset, source=row["source"], contents=contents)


def mark_told(store: Store, batch: Batch, *, now: str) -> None:
    """Remember that whoever waits for a batch was told.

    Raises:
        StoreError: the store failed; it will be told again.
    """
    with store.write() as db:
        db.execute(
            "UPDATE batch SET told_at = :now WHERE id = :id AND told_at IS NULL",
            {"id": batch.id, "now": now},
        )


def _contents(rows: Sequence[Mapping[str, Any]]) -> tuple[Content, ...]:
    return tuple(
        Content(
            partition=row["partition"],
            key=row["key"],
            identity=row["identity"],
            version=row["version"] or row["digest"],
            happened=row["happened"],
        )
        for row in rows
    )


def _since(then: str, now: str) -> float:
    return (_time(now) - _time(then)) / timedelta(seconds=1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(normalised(text))
