"""What a store remembers of its rows between two events changes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.errors import EventError
from begat.lineage.graph import known
from begat.lineage.graph.dump import dump
from begat.lineage.graph.sqlite import Sqlite
from begat.lineage.graph.store import Store
from support.history import History

from .test_ingest import Said, dumped, record, said


@settings(max_examples=30, deadline=None)
@given(things=said(), seed=st.integers(0, 2**32))
def test_several_writers(
    tmp_path_factory: pytest.TempPathFactory, things: list[Said], seed: int
) -> None:
    """Whoever else writes meanwhile, or makes the graph anew, the graph is the same."""
    chance = random.Random(seed)
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'begat.db'}"
    with closing(Store.open(url)) as one, closing(Store.open(url)) as other:
        for thing in things:
            store = chance.choice([one, other])
            if chance.random() < 0.1:
                store.rebuild()
            record(store, [thing])
        found = dump(one)

    assert found == dumped([things])


@settings(max_examples=30, deadline=None)
@given(things=said())
def test_forgetting(things: list[Said]) -> None:
    """A store that keeps forgetting makes the same graph."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "RUNS", 1)
        patch.setattr(known, "ROWS", 3)
        forgetful = dumped([[thing] for thing in things])

    assert forgetful == dumped([things])


def refused(store: Store, history: History) -> None:
    """A batch whose last event cannot be read."""
    with pytest.raises(EventError):
        store.record([*history.events, {"eventType": "START"}])


def undone(store: Store, history: History) -> None:
    """Events inside a block that is undone."""

    def block() -> None:
        with store.write():
            store.record(history.events)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()


def failed(store: Store, history: History) -> None:
    """Events whose last statement fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("begat.lineage.graph.rows.Rows.outputs", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            store.record(history.events)


@pytest.mark.parametrize("attempt", [refused, undone, failed])
def test_what_was_not_kept_is_not_known(
    store: Store, history: History, attempt: Callable[[Store, History], None]
) -> None:
    """After a transaction that was rolled back, its rows are written when they come again."""
    history.task("step", writes=["made"])
    before: dict[str, Any] = dump(store)
    attempt(store, history)
    nothing = dump(store)
    store.record(history.events)

    assert (nothing, dump(store)) == (before, dumped([[(e, "recorded") for e in history.events]]))


def test_statements_of_a_task(history: History) -> None:
    """The end of a run asks the database for nothing that its start has told of it."""
    database = Sqlite(":memory:", timeout=1.0)
    store = Store(database)
    start, end = history.task("step", writes=["made"]).events[-2:]
    store.record([start])
    asked: list[str] = []
    database.connection.set_trace_callback(asked.append)
    store.record([end])
    store.close()

    about_it = ("FROM run", "FROM job", "FROM event", "FROM output", "FROM reading")
    assert [sql for sql in asked if any(table in sql for table in about_it)] == []
