"""What is measured on PostgreSQL is the same work."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import graph_stores, places
from benchmarks.graph_stores import GraphStore

from support.postgres import Server, postgres

__all__ = ["postgres"]

STORE = GraphStore(flavour="versioned", edges="few", days=1)


def test_server_counts(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begat and the floor leave the same numbers of rows on PostgreSQL."""
    monkeypatch.setattr(places, "GRAPHS", tmp_path)
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    monkeypatch.setattr(graph_stores, "LINKS", 5)
    STORE.keep()
    tables = ("event", "run", "edge", "reading", "output")
    counted = " UNION ALL ".join(f"SELECT COUNT(*) FROM {table}" for table in tables)
    found = []
    for fill in (STORE.fill_server, STORE.floor_server):
        with postgres.database() as url:
            fill(url, postgres.pid)
            found.append(postgres.execute(counted, url.split("/")[3].split("?")[0]))

    assert found[0] == found[1]
    assert found[0][0][0] == STORE.events
