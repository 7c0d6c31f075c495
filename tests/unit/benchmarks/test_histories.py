"""Made-up histories are what they say: always the same, in order, and possible."""

from __future__ import annotations

import itertools
from graphlib import TopologicalSorter

import pytest
from benchmarks.histories import History, bodies

from begat.lineage.graph.closure import ancestors
from begat.lineage.graph.store import Store
from support.openlineage import Specification


@pytest.mark.parametrize("versioned", [True, False])
def test_same_seed(versioned: bool) -> None:
    """Two histories of one seed are equal to the byte; another seed's is another one."""
    one, same, other = (
        [*itertools.chain(*map(bodies, History(days=2, versioned=versioned, seed=s).batches(100)))]
        for s in (1, 1, 2)
    )

    assert one == same
    assert not set(one) & set(other)


def test_times() -> None:
    """Each event is later than the one before, also from one day to the next."""
    times = [event["eventTime"] for event in History(days=3, links=7).events()]

    assert all(before < after for before, after in itertools.pairwise(times))


def test_acyclic() -> None:
    """Nothing stands on itself, and a run reads only what is there: raw, or made before."""
    history = History(days=40, links=5)
    above: dict[str, set[str]] = {}
    for child, parent in history.edges():
        above.setdefault(child, set()).add(parent)
    assert len(list(TopologicalSorter(above).static_order())) > len(above)

    made = set()
    for _, works in history.works():
        for work in works:
            assert all(data in made for data in work.reads if data.job)
            made.add(work.writes)


def test_batches() -> None:
    """Batches hold every event once, a START and a COMPLETE of each run."""
    history = History(days=2, links=3)
    batches = list(history.batches(100))

    assert {len(batch) for batch in batches[:-1]} == {100}
    assert list(itertools.chain(*batches)) == list(history.events())
    assert sum(map(len, batches)) == history.size


@pytest.mark.parametrize("versioned", [True, False])
def test_valid(official: Specification, versioned: bool) -> None:
    """Every event is what OpenLineage's schemas and begat's say, of a few kilobytes."""
    events = [*itertools.islice(History(days=31, versioned=versioned).events(), 30 * 322, None)]
    for event in events:
        official.validate(event)

    assert 1_500 < sum(map(len, bodies(events))) / len(events) < 4_500


def test_edges_are_the_stores() -> None:
    """The store comes to the edges that the history says, and to closures of the chain's size."""
    store = Store.open("sqlite://")
    history = History(days=3, links=20)
    for batch in history.batches(500):
        store.record(batch)

    with store.read() as db:
        [edges] = db.execute("SELECT COUNT(*) FROM edge").fetchone()
        [node] = db.execute(
            "SELECT p.id * 4 + 1 FROM product p JOIN version v ON v.id = p.version "
            "WHERE v.digest = :digest",
            {"digest": history.digest(history.link(9))},
        ).fetchone()
    assert edges == len(set(history.edges()))
    assert len(ancestors(store, node).nodes) == 3 * 10
    store.close()
