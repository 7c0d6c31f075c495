"""What arrives, in the words of those who tell of it, and a watcher that tells a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from begat.lineage.arrivals.batches import Batch
from begat.lineage.arrivals.sources import Source
from begat.lineage.arrivals.watched import Watched
from begat.lineage.arrivals.watcher import Patience, Watcher
from begat.lineage.errors import WorldError
from begat.lineage.graph.store import Store
from begat.lineage.workspace import Workspace, workspace

BUCKET = "lake"
PATTERN = "s3://lake/raw/month={month}/flights.csv"


def key(month: str) -> str:
    """Where a month's object lies."""
    return f"raw/month={month}/flights.csv"


def record(
    month: str = "2013-12",
    *,
    etag: str = "e1",
    version: str = "",
    sequencer: str = "",
    time: str = "2013-12-31T23:59:59.000Z",
    event: str = "ObjectCreated:Put",
    object_key: str = "",
) -> dict[str, Any]:
    """One record of S3's."""
    thing: dict[str, Any] = {"key": object_key or key(month), "size": 5, "eTag": etag}
    thing |= {"versionId": version} if version else {}
    thing |= {"sequencer": sequencer} if sequencer else {}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": time,
        "eventName": event,
        "s3": {"bucket": {"name": BUCKET}, "object": thing},
    }


def message(*records: dict[str, Any]) -> str:
    """A message of S3's."""
    return json.dumps({"Records": records})


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self._now = datetime(2014, 1, 1, tzinfo=UTC)

    def __call__(self) -> str:
        return f"{self._now.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


class Told:
    """Whoever waits, and keeps what was told; it may be away."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.away = False

    def __call__(self, batch: Batch) -> None:
        if self.away:
            raise WorldError("nobody is there")
        self.batches.append(batch)

    @property
    def partitions(self) -> list[list[str]]:
        """Of each batch."""
        return [one.partitions for one in self.batches]


def watcher(
    *sources: Source,
    told: Told | None = None,
    clock: Clock | None = None,
    pattern: str = PATTERN,
    space: Workspace | None = None,
    folder: Path = Path("/"),
    **more: Any,
) -> Watcher:
    """A watcher of one pattern."""
    return Watcher(
        space or workspace(),
        [Watched.parse(pattern, folder=folder)],
        sources,
        tell=told or Told(),
        clock=clock or Clock(),
        patience=Patience(quiet=30, longest=600),
        **more,
    )


def rows(store: Store, columns: str = "name, partition, key, identity, batch") -> list[Any]:
    """The arrivals that are recorded, in the order of their keys."""
    query = f"SELECT {columns} FROM arrival ORDER BY namespace, key, identity, name"
    with store.read() as db:
        return [tuple(row) for row in db.execute(query)]


def events(store: Store) -> list[dict[str, Any]]:
    """The events that are recorded."""
    with store.read() as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM event ORDER BY hash")]


def identities(batches: Iterable[Batch]) -> Sequence[tuple[str, str]]:
    """What was new, whatever the batches."""
    return sorted((one.key, one.identity) for batch in batches for one in batch.contents)
