"""What stands behind one of two things only."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.diff import walk
from begat.lineage.graph.nodes import PRODUCT
from begat.lineage.graph.store import Store
from support import history
from support.history import History, raw, snapshot


@given(
    edges=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=120),
    old=st.integers(0, 39),
    new=st.integers(0, 39),
)
def test_differing(edges: list[tuple[int, int]], old: int, new: int) -> None:
    """Of any graph, exactly those versions are found that stand behind one side only."""
    store = Store.open("sqlite://")
    with store.write() as db:
        # From a higher to a lower number, so that nothing stands on itself.
        for a, b in edges:
            if a != b:
                pair = {"child": max(a, b), "parent": min(a, b)}
                db.execute("INSERT OR IGNORE INTO edge VALUES (:child, :parent)", pair)
        starts = [walk.Start(nodes=frozenset([node])) for node in (old, new)]
        found = walk.differing(db, *starts)
        whole = [walk.everything(db, start) for start in starts]

    assert products(found.old) == products(whole[0] - whole[1])
    assert products(found.new) == products(whole[1] - whole[0])
    assert found.old >= whole[0] - whole[1]
    assert found.new >= whole[1] - whole[0]
    store.close()


@pytest.mark.parametrize("few", [0, walk.FEW])
def test_behind(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether something stands behind a start is the same asked upwards and downwards."""
    monkeypatch.setattr(walk, "FEW", few)
    store = Store.open("sqlite://")
    with store.write() as db:
        for pair in ((40, 20), (20, 10), (40, 5), (30, 10)):
            db.execute("INSERT INTO edge VALUES (?, ?)", pair)
        start = walk.Start(nodes=frozenset([40]))
        around = walk.Start(nodes=frozenset([40]), without=frozenset([20]))

        assert walk.behind(db, [5, 10, 30], start) == {5, 10}
        assert walk.behind(db, [5, 10, 30], around) == {5}
    store.close()


def test_only_differing_chunks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2,000 partitions, one of them changed, the rows of one chunk are looked into."""
    made = History()
    versions = [raw("days", f"day={number:05}") for number in range(2000)]
    changed = [raw("days", version.partition) for version in versions]
    changed[777] = raw("days", "day=00777", content="another")
    runs = [
        made.task("train", {"features": snapshot(part)}, ["model"]) for part in (versions, changed)
    ]
    store = recorded(made)
    loaded: list[int] = []
    load = walk.load

    def counted(db: sqlite3.Connection, parents: dict[int, list[int]], nodes: set[int]) -> None:
        loaded.extend(nodes)
        load(db, parents, nodes)

    monkeypatch.setattr(walk, "load", counted)
    monkeypatch.setattr(walk, "SAMPLE", 10)
    with store.read() as db:
        ids = [
            db.execute("SELECT id FROM run WHERE uuid = ?", (run.run_id,)).fetchone()[0]
            for run in runs
        ]
        found = walk.differing(db, *(walk.Start(nodes=frozenset([4 * row])) for row in ids))

    assert [len(products(side)) for side in (found.old, found.new)] == [1, 1]
    assert len(loaded) < 400
    store.close()


def test_what_has_not_arrived() -> None:
    """Where the rows of a snapshot are missing, the answer says that it is not all."""
    made = History()
    run = made.task("train", {"features": snapshot([raw("days", "day=1")])}, ["model"], rows=False)
    store = Store.open("sqlite://")
    events = [history.without_rows(event) for event in run.events]
    store.record(events)
    other = made.task("train", {"features": raw("days", "day=2")}, ["model"])
    store.record(other.events)
    with store.read() as db:
        ids = [
            db.execute("SELECT id FROM run WHERE uuid = ?", (one.run_id,)).fetchone()[0]
            for one in (run, other)
        ]
        found = walk.differing(db, *(walk.Start(nodes=frozenset([4 * row])) for row in ids))

    assert found.truncated is True
    store.close()


def products(nodes: set[int] | frozenset[int]) -> set[int]:
    """Those of the nodes that are versions."""
    return {node for node in nodes if node % 4 == PRODUCT}


def recorded(made: History) -> Store:
    """A store in memory that holds a history."""
    store = Store.open("sqlite://")
    store.record(made.events, made.chunks)
    return store
