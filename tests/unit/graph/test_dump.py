"""The graph as lines: the same events give the same bytes, whatever ids their rows have."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.graph.dump import lines
from begat.lineage.graph.natural import TABLES
from begat.lineage.graph.store import Store
from begat.lineage.graph.tables import PROJECTION
from support.foreign import foreign_events
from support.history import History, train

Event = dict[str, Any]


def written(batches: list[list[Event]], *, rebuilt: bool = False) -> str:
    """The lines of the graph of events that come in these batches."""
    store = Store.open("sqlite://")
    try:
        for batch in batches:
            store.record(batch, origin="ingested")
        if rebuilt:
            store.rebuild()
        return "".join(lines(store))
    finally:
        store.close()


@settings(max_examples=100)
@given(events=foreign_events(), seed=st.integers(0, 2**32))
def test_bytes_are_function_of_the_set(events: list[Event], seed: int) -> None:
    """Any order, duplicates and batches give the same bytes, and so does a rebuild."""
    chance = random.Random(seed)
    shuffled = events + chance.sample(events, len(events) // 2)
    chance.shuffle(shuffled)
    size = chance.randint(1, len(shuffled))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]
    expected = written([events])

    assert written(batches) == expected
    assert written(batches, rebuilt=True) == expected


def test_every_table_is_in_it() -> None:
    """Each table that a rebuild fills is written, traits with what has them."""
    told = {rows.table for rows in TABLES}

    assert {table.name for table in PROJECTION} - told == {"trait"}


def test_rows_are_in_order(history: History) -> None:
    """Rows come in the order of their keys, each key once: so two graphs can be compared."""
    train(history, ["01", "02", "03"])
    store = Store.open("sqlite://")
    store.record(history.events, history.chunks)
    with store.read() as db:
        for rows in TABLES:
            keys = [rows.order(row) for row in rows.read(db)]

            assert keys == sorted(set(keys)), rows.table
    store.close()


def test_lines_are_json(store: Store, history: History) -> None:
    """Every line is an object that names its table and columns; facets are objects in it."""
    train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    head, *rows = [json.loads(line) for line in lines(store)]
    columns = {rows.table: {"table", *rows.columns} for rows in TABLES}

    assert head == {"format": "begat graph", "version": 1}
    assert [row for row in rows if row.keys() != columns[row["table"]]] == []
    assert all(isinstance(row["facets"], dict) for row in rows if "facets" in row)


def test_a_difference_is_seen(store: Store, history: History) -> None:
    """Every table that a history fills changes the bytes if one of its rows is gone."""
    train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    before = "".join(lines(store))
    for table in (table.name for table in PROJECTION if table.name != "trait"):
        with store.write() as db:
            [number] = db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            db.execute("SAVEPOINT here")
            column = next(iter(next(t for t in PROJECTION if t.name == table).c)).name
            least = f"(SELECT MIN({column}) FROM {table})"
            db.execute(f"DELETE FROM {table} WHERE {column} = {least}")
            assert ("".join(lines(store)) == before) == (number == 0), table
            db.execute("ROLLBACK TO here")
