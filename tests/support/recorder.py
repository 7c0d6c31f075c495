"""A workspace that remembers what it was given to record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings, workspace
from begat.lineage.content.merkle import Chunk
from begat.lineage.graph.leases import Lease


class Recorder(workspace.Workspace):
    """A workspace that also remembers what it was given to record."""

    def __init__(self, given: settings.Settings) -> None:
        super().__init__(given)
        self.events: list[dict[str, Any]] = []
        self.chunks: list[Chunk] = []

    def record(
        self,
        events: Sequence[dict[str, Any]],
        chunks: Sequence[Chunk] = (),
        *,
        lease: Lease | None = None,
        relied: Collection[str] = (),
    ) -> bool:
        """Record the events and remember them."""
        recorded = super().record(events, chunks, lease=lease, relied=relied)
        if recorded:
            self.events.extend(events)
            self.chunks.extend(chunks)
        return recorded

    def table(self) -> list[tuple[str, str]]:
        """Job and state of every event, in order."""
        return [(event["job"]["name"], event["eventType"]) for event in self.events]

    def of(self, job: str, state: str = "") -> list[dict[str, Any]]:
        """The events of a job."""
        return [
            event
            for event in self.events
            if event["job"]["name"] == job and state in ("", event["eventType"])
        ]


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    """This process's workspace; processes it starts share its home."""
    with workspace.using(Recorder(settings.load())) as given:
        assert isinstance(given, Recorder)
        assert given.settings.home == home
        yield given
