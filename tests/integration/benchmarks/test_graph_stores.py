"""Stores of made-up histories are filled, kept as long as they are right, and written again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import graph_stores, measure, places
from benchmarks.graph_stores import GraphStore

STORE = GraphStore(flavour="unversioned", edges="few", days=1)


@pytest.fixture(autouse=True)
def _few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench of the test's own, and a short chain."""
    monkeypatch.setattr(places, "GRAPHS", tmp_path)
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    monkeypatch.setattr(graph_stores, "LINKS", 5)


def counts(store: GraphStore) -> tuple[int, int]:
    """Events and edges."""
    with closing(sqlite3.connect(store.database)) as db:
        [events], [edges] = (
            db.execute(f"SELECT COUNT(*) FROM {table}").fetchone() for table in ("event", "edge")
        )
    return events, edges


def test_filled() -> None:
    """A filled store has all events; its size leaves them out, and is all of the rest."""
    typed, found = STORE.fill()
    events, edges = counts(STORE)
    size, said = STORE.size()
    file = STORE.database.stat().st_size

    assert typed.startswith("python tests/benchmarks/probes/history.py 1 5 unversioned | ")
    assert (found["events"], events, said) == (STORE.events, STORE.events, edges)
    assert len(found["resident"]) == 1
    # An event has between one and a half and four and a half kilobytes.
    assert 1_500 * events < file - size < 4_500 * events


def test_kept() -> None:
    """A store is made again only when what makes it is another."""
    STORE.keep()
    made = STORE.database.stat().st_mtime_ns
    STORE.keep()
    assert STORE.database.stat().st_mtime_ns == made

    (STORE.folder / "made.digest").write_text("an older begat's")
    STORE.keep()
    assert STORE.database.stat().st_mtime_ns != made


def test_floor() -> None:
    """The floor writes every row of the store, and leaves nothing."""
    STORE.keep()
    typed, cost = STORE.floor()

    assert typed == "python tests/benchmarks/probes/floor.py begat.db floor.db"
    assert cost.cpu > 0
    assert [*STORE.folder.glob("floor*")] == []


def test_events_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that did not get all events is no store to measure."""
    monkeypatch.setattr(GraphStore, "events", 7)

    with pytest.raises(measure.CommandError, match="of 7 events came in"):
        STORE.fill()
    assert not (STORE.folder / "made.digest").exists()


def test_flavours() -> None:
    """Two flavours of one length have the same events, in folders of their own."""
    other = replace(STORE, flavour="versioned")

    assert (STORE.events, STORE.folder == other.folder) == (other.events, False)
