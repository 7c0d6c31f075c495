"""The laws of the graph hold on PostgreSQL, and both databases say the same."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.graph.test_laws import Event, graph_of, mixed

from begat.lineage.graph import sql
from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store

# The store is emptied before each example.
_SAME_STORE = [HealthCheck.function_scoped_fixture]


def emptied(store: Store) -> Store:
    with store.write() as db:
        for table in (*sql.projection(), "event", "chunk"):
            db.execute(f"DELETE FROM {table}", {})
    return store


def told(store: Store, batches: list[list[tuple[Event, str]]]) -> dict[str, Any]:
    for batch in batches:
        for origin in ("recorded", "ingested"):
            store.record([event for event, by in batch if by == origin], origin=origin)
    return dump(store)


@settings(max_examples=8, suppress_health_check=_SAME_STORE)
@given(things=mixed(), seed=st.integers(0, 2**32))
def test_graph_is_function_of_the_set(
    store: Store, things: list[tuple[Event, str]], seed: int
) -> None:
    """Any order, duplicates and batches on PostgreSQL give the graph that SQLite has at once."""
    chance = random.Random(seed)
    shuffled = things + chance.sample(things, len(things) // 2)
    chance.shuffle(shuffled)
    size = chance.randint(1, len(shuffled))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]

    assert told(emptied(store), batches) == graph_of([things])


@settings(max_examples=15, suppress_health_check=_SAME_STORE)
@given(things=mixed())
def test_rebuild_is_incremental(store: Store, things: list[tuple[Event, str]]) -> None:
    """A graph that is rebuilt on PostgreSQL is the graph that came about event by event."""
    before = told(emptied(store), [[thing] for thing in things])
    store.rebuild()

    assert dump(store) == before
