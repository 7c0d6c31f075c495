"""What there is, listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from begat.lineage.errors import ParameterError
from begat.lineage.graph import (
    Store,
    datasets,
    events,
    jobs,
    models,
    partitions,
    runs,
    search,
    versions,
)
from support.asking import ORDERS, REPORT, late_model, ran, tell
from support.foreign import dataset, dataset_event, facet, run_id
from support.history import History, Run, digest, raw, time_at


@pytest.fixture
def trained(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, registered."""
    return late_model(store, history)


def pages(ask: Callable[..., Any], limit: int) -> list[Any]:
    """The items of all pages."""
    found = [ask(limit=limit)]
    while found[-1].next is not None:
        found.append(ask(limit=limit, after=found[-1].next))
    assert all(page.truncated == (len(found) > 1) for page in found)
    return [item for page in found for item in page.items]


def test_lists(store: Store, trained: dict[str, Run]) -> None:
    """Every list is the same whole, whatever its pages hold."""
    asks: list[Callable[..., Any]] = [
        lambda **page: datasets(store, **page),
        lambda **page: partitions(store, "flights/features", **page),
        lambda **page: versions(store, "flights/features", **page),
        lambda **page: jobs(store, **page),
        lambda **page: runs(store, **page),
        lambda **page: events(store, **page),
        lambda **page: models(store, **page),
        lambda **page: search(store, "flights", **page),
    ]
    for ask in asks:
        whole = [*ask().items]
        assert whole
        assert pages(ask, 1) == pages(ask, 2) == whole
        json.dumps([one.to_json() for one in whole])


def test_datasets(store: Store, trained: dict[str, Run]) -> None:
    """Datasets are sorted by namespace and name, and counted."""
    found = datasets(store).items

    assert [one.dataset for one in found] == [
        *(f"flights/{name}" for name in ("evaluation", "features", "model")),
        *("flights/prepared", "flights/signature", "file:/lake/flights", "file:/lake/weather.csv"),
    ]
    features = found[1]
    assert (features.partitions, features.versions) == (3, 3)


def test_partitions_and_versions(store: Store, history: History) -> None:
    """Partitions are what is current, now or at a time; versions all there were."""
    old = history.task("make", writes=["made"], partition="m=1", content="old").output
    new = history.task("make", writes=["made"], partition="m=1", content="new").output
    history.task("use", {"part": raw("flights", "m=1", content="a")})
    history.task("use", {"part": raw("flights", "m=1", content="b")})
    store.record(history.events)

    assert [one.digest for one in partitions(store, "made").items] == [new.digest]
    assert [one.digest for one in partitions(store, "made", as_of=time_at(2)).items] == [old.digest]
    assert [one.digest for one in versions(store, "made").items] == [old.digest, new.digest]
    assert [one.digest for one in partitions(store, "lake/flights").items] == [digest("b")]
    assert partitions(store, "flights", as_of=time_at(5)).items[0].digest == digest("a")


def test_runs(store: Store, history: History) -> None:
    """Runs come newest first, of one job, in one state, or since a time."""
    first = history.task("a")
    second = history.task("b", end="FAIL")
    flow = history.flow_run()
    store.record(history.events)

    def ids(**only: Any) -> list[str]:
        return [one.run_id for one in runs(store, **only).items]

    assert ids() == [flow.run_id, second.run_id, first.run_id]
    assert ids(job="flights.a") == [first.run_id]
    assert ids(state="fail") == [second.run_id]
    assert ids(since=time_at(2)) == [flow.run_id, second.run_id]
    assert ids(until=time_at(2)) == [first.run_id]


def test_no_such_state(store: Store) -> None:
    """A state that no run is ever in is refused with those that there are."""
    with pytest.raises(ParameterError, match=r"'foo'; there are OTHER, START, .*COMPLETE"):
        runs(store, state="foo")


def test_events_about_a_dataset_lie_far_apart(store: Store) -> None:
    """Of a dataset's own events each page has as many as it may, whatever lies between them."""
    about = [ORDERS if minute in (4, 9) else REPORT for minute in range(12)]
    tell(store, *(dataset_event(minute, dataset(named)) for minute, named in enumerate(about)))
    first = events(store, dataset="shop/orders", limit=1)
    second = events(store, dataset="shop/orders", limit=1, after=first.next)

    assert [one.event_time for one in (*first.items, *second.items)] == [time_at(4), time_at(9)]
    assert second.next is None


def test_events(store: Store, history: History) -> None:
    """Events come by event time, of one run, or of what a dataset was read, written and told of."""
    history.task("a", {"part": raw("flights")}, ["made"])
    store.record(history.events)
    version = facet(datasetVersion="v1")
    tell(
        store,
        *ran(1, 5, [dataset(ORDERS)]),
        dataset_event(7, dataset(ORDERS, version="v1") | {"facets": {"version": version}}),
        dataset_event(8, dataset(REPORT)),
    )
    of_orders = events(store, dataset="shop/orders").items

    assert [one.type for one in events(store).items] == [
        *("START", "COMPLETE", "START", "COMPLETE", "DATASET", "DATASET")
    ]
    assert [one.type for one in of_orders] == ["START", "COMPLETE", "DATASET"]
    assert [one.event_time for one in events(store, run=run_id(1)).items] == [
        time_at(5),
        time_at(6),
    ]
    assert [one.type for one in events(store, dataset="made").items] == ["START", "COMPLETE"]
    assert events(store, since=time_at(6), until=time_at(7)).items[0].body["eventType"] == (
        "COMPLETE"
    )
