"""What readings are bound to follows from the set of events, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from support.foreign import DATASETS, dataset, event, facet, run_id
from support.history import digest
from support.orders import ORDERS, REPORT, every_order, makers


def resolved(named: int, *, version: str, producer: int | None = None) -> dict[str, Any]:
    """An input of which the reader says who made it, or that nobody did."""
    reference = {"producer": "" if producer is None else run_id(producer)}
    return dataset(named, version=version) | {"inputFacets": {"begat_snapshot": reference}}


def dumps(stores: Sequence[Store]) -> list[Any]:
    """What is in each store, but for the order in which it came."""
    return [{**dump(one), "event": None} for one in stores]


def is_one(store: Store, events: Sequence[Any]) -> bool:
    """Whether all orders of the events make one graph."""
    [first, *others] = dumps(every_order(store, events))
    return all(other == first for other in others)


def test_better_said_by_its_producer(store: Store) -> None:
    """A run that names a dataset, and in another event who made it, has read one thing."""
    events = [
        event(1, "RUNNING", 1, inputs=[dataset(ORDERS)]),
        event(1, "COMPLETE", 2, inputs=[resolved(ORDERS, version="v1", producer=3)]),
    ]
    query = "SELECT COUNT(*) FROM edge WHERE child % 4 = 0"
    for one in every_order(store, events):
        with one.read() as db:
            assert tuple(db.execute(query).fetchone()) == (1,)


def test_start_that_comes_late(store: Store) -> None:
    """Whoever begins when a run ends has read what it made, also if its START comes last."""
    events = [
        event(2, "START", 1),
        event(2, "COMPLETE", 3, outputs=[dataset(ORDERS)]),
        event(1, "START", 3, inputs=[dataset(ORDERS)]),
        event(1, "COMPLETE", 4, outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 1) == {run_id(2)}


def test_two_say_at_once_that_nothing_is_there(store: Store) -> None:
    """Of two runs that drop one dataset at one instant both are kept."""
    gone = facet(lifecycleStateChange="DROP")
    outputs = [dataset(ORDERS, lifecycleStateChange=gone)]
    better = event(2, "RUNNING", 0, outputs=[dataset(ORDERS, version="v1")])
    events = [event(run, "COMPLETE", 1, outputs=outputs) for run in (1, 2)]

    assert is_one(store, [*events, better])


def test_version_that_only_others_say_was_made(store: Store) -> None:
    """Who names a version stands on who made it, not on who others only say made it."""
    events = [
        event(1, "COMPLETE", 1),
        event(2, "COMPLETE", 2, inputs=[resolved(ORDERS, version="v1", producer=1)]),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS, version="v1")], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == set()


def test_two_versions_of_one_run(store: Store) -> None:
    """Each of the versions that a run made is found by who names it, however late it comes."""
    written = [dataset(ORDERS, version=one) for one in ("v1", "v2")]
    events = [
        event(1, "COMPLETE", 1, outputs=written),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, version="v3")]),
        *(
            event(run, "COMPLETE", 5, inputs=[said], outputs=[dataset(REPORT)])
            for run, said in enumerate(written, 3)
        ),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == makers(one, 4) == {run_id(1)}


@pytest.mark.parametrize("explicit", [False, True])
def test_current_no_more(store: Store, explicit: bool) -> None:
    """Whoever read a file is bound to nobody when what seemed to be written turns out not to be."""
    orders = DATASETS[ORDERS]
    source = {"namespace": orders[0], "name": orders[1], "type": "DATASET"}
    made_from = {"lineage": facet(inputs=[source])} if explicit else {}
    events = [
        event(1, "START", 1, outputs=[dataset(ORDERS)]),
        event(1, "COMPLETE", 5),
        event(1, "ABORT", 2),
        event(1, "START", 3),
        event(
            2,
            "COMPLETE",
            6,
            inputs=[resolved(ORDERS, version=digest("x"))],
            outputs=[dataset(REPORT, **made_from)],
        ),
    ]

    assert is_one(store, events)
    assert makers(store, 2) == set()


def test_explicit_lineage_from_what_is_written_later(store: Store) -> None:
    """A `lineage` facet that names a file reaches who wrote it, whichever comes first."""
    orders = DATASETS[ORDERS]
    source = {"namespace": orders[0], "name": orders[1], "type": "DATASET"}
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        event(
            2,
            "COMPLETE",
            2,
            inputs=[resolved(ORDERS, version=digest("x"))],
            outputs=[dataset(REPORT, lineage=facet(inputs=[source]))],
        ),
    ]

    assert is_one(store, events)
    assert makers(store, 2) == {run_id(1)}
