"""Laws of the graph that PostgreSQL's ways to wait and to sort could break."""

from __future__ import annotations

import random
from contextlib import closing
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.graph.test_ingest import Said, dumped, record, said
from unit.graph.test_laws import graph_of, mixed
from unit.graph.test_reach import WAYS, Happened, happenings, start_of, stored

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from support.oracle import Oracle
from support.postgres import Server

#: The server is the same for all examples, and each leaves it empty.
quick = settings(
    max_examples=settings.default.max_examples // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quick
@given(things=said(), seed=st.integers(0, 2**32))
def test_several_writers(postgres: Server, things: list[Said], seed: int) -> None:
    """Whoever else writes meanwhile, or makes the graph anew, the graph is the same."""
    chance = random.Random(seed)
    with (
        postgres.store() as url,
        closing(Store.open(url)) as one,
        closing(Store.open(url)) as other,
    ):
        for thing in things:
            store = chance.choice([one, other])
            if chance.random() < 0.1:
                store.rebuild()
            record(store, [thing])
        found = dump(one)

    assert found == dumped([things])


@quick
@given(things=mixed(), seed=st.integers(0, 2**32))
def test_events_of_any_producer(
    postgres: Server, things: list[tuple[dict[str, Any], str]], seed: int
) -> None:
    """Events of any producer, in any order, make the graph that they make on SQLite at once."""
    shuffled = things + things[: len(things) // 2]
    random.Random(seed).shuffle(shuffled)
    with postgres.store() as url, closing(Store.open(url)) as store:
        for event, origin in shuffled:
            store.record([event], origin="recorded" if origin == "recorded" else "ingested")
        found = dump(store)
        store.rebuild()
        rebuilt = dump(store)

    assert found == graph_of([things])
    assert rebuilt == found


@quick
@given(
    things=happenings(),
    number=st.integers(0, 200),
    way=st.sampled_from(["up", "down"]),
    limit=st.integers(1, 4),
)
def test_questions(postgres: Server, things: Happened, number: int, way: str, limit: int) -> None:
    """Answers, their order and their cursors are those of SQLite."""
    with stored(*things) as here, postgres.store() as url, closing(Store.open(url)) as there:
        there.record(things.history.events, things.history.chunks)
        there.record(things.told, origin="ingested")
        brute = Oracle.of(here)
        if not brute.runs:
            return
        ref, _ = start_of(brute, way, number)
        with here.write() as db:
            db.execute("DELETE FROM model_version")
        after = None
        while True:
            found = [WAYS[way](one, ref, limit=limit, after=after) for one in (here, there)]
            assert found[0] == found[1]
            if (after := found[0].next) is None:
                break
