"""Laws of the graph over events of any producer, which differ in every way they may."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from support.foreign import foreign_events
from support.history import History, raw

Event = dict[str, Any]

#: 100, or what the profile says.
EXAMPLES = settings.default.max_examples


@st.composite
def mixed(draw: st.DrawFn) -> list[tuple[Event, str]]:
    """Events of foreign producers, and of a begat run that reads what they write."""
    told = [(event, "ingested") for event in draw(foreign_events())]
    history = History()
    found = raw("orders", "day=1", content="x")
    same = draw(st.booleans())
    version = raw("orders", "", content="y") if same else found
    run = history.task("prepare", {"part": version}, ["made"], partition="day=1")
    events = [*run.events]
    if draw(st.booleans()):  # what it read lies where the others write
        for event in events:
            for one in event.get("inputs", ()):
                one |= {"namespace": "s3://lake", "name": "orders"}
    return told + [(event, draw(st.sampled_from(["recorded", "ingested"]))) for event in events]


def graph_of(batches: list[list[tuple[Event, str]]], *, rebuilt: bool = False) -> dict[str, Any]:
    """The graph of events that come in these batches."""
    store = Store.open("sqlite://")
    try:
        for batch in batches:
            for origin in ("recorded", "ingested"):
                store.record([event for event, by in batch if by == origin], origin=origin)
        if rebuilt:
            store.rebuild()
        return dump(store)
    finally:
        store.close()


@settings(max_examples=3 * EXAMPLES)
@given(things=mixed(), seed=st.integers(0, 2**32))
def test_graph_is_function_of_the_set(things: list[tuple[Event, str]], seed: int) -> None:
    """Any order, any duplicates and any batches of the same events give the same graph."""
    chance = random.Random(seed)
    shuffled = things + chance.sample(things, len(things) // 2)
    chance.shuffle(shuffled)
    size = chance.randint(1, len(shuffled))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]
    expected = graph_of([things])

    assert graph_of(batches) == expected


@settings(max_examples=3 * EXAMPLES // 2)
@given(things=mixed())
def test_rebuild_is_incremental(things: list[tuple[Event, str]]) -> None:
    """A rebuilt graph is the graph that came about event by event."""
    assert graph_of([[thing] for thing in things], rebuilt=True) == graph_of([things])


_BOUND = """
SELECT b.at, b.run, r.id, r.ended_at FROM binding b
JOIN edge e ON e.child = b.snapshot * 4 + 2 JOIN product p ON p.id = e.parent / 4
JOIN run r ON r.id = p.run
"""


@settings(max_examples=3 * EXAMPLES // 2)
@given(things=mixed())
def test_no_ancestor_is_newer(things: list[tuple[Event, str]]) -> None:
    """A reading is bound to nothing that was made later, nor to what its own run made."""
    store = Store.open("sqlite://")
    store.record([event for event, _ in things], origin="ingested")
    with store.read() as db:
        bound = db.execute(_BOUND).fetchall()
    store.close()

    assert all(ended <= at and maker != reader for at, reader, maker, ended in bound)
