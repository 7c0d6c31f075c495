"""What facets and events without a run come to, and which events cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import EventError
from begat.lineage.graph import registers
from begat.lineage.graph.facts import facts
from begat.lineage.graph.store import Store
from support.foreign import DATASETS, dataset, dataset_event, event, facet, job_event, run_id
from support.history import digest
from support.orders import (
    CUSTOMERS,
    ORDERS,
    REPORT,
    above,
    chain,
    every_order,
    facets_of,
    makers,
    runs,
)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"fields": {}},
        {"inputs": [{"type": "JOB"}]},
        {"inputs": [{"type": "JOB", "namespace": "jobs", "name": "job", "runId": run_id(2)}]},
        {"inputs": [{"type": "JOB", "namespace": "jobs", "name": "job", "runId": "seven"}]},
    ],
)
@pytest.mark.parametrize("on_job", [True, False])
def test_lineage_of_the_job_itself(store: Store, said: dict[str, Any], on_job: bool) -> None:
    """A `lineage` facet that names the event's own job, or no source, loses no input."""
    named = {"namespace": DATASETS[REPORT][0], "name": DATASETS[REPORT][1], "type": "DATASET"}
    output = dataset(REPORT) if on_job else dataset(REPORT, lineage=facet(**said))
    on_its_job = {"lineage": facet(entries=[named | said])} if on_job else {}
    events = chain(first=dataset(ORDERS), second=dataset(ORDERS))
    events[-1] |= {"outputs": [output]}
    events[-1]["job"]["facets"] = on_its_job
    store.record(events, origin="ingested")

    assert makers(store, 2) == {run_id(1)}


@pytest.mark.parametrize("on_job", [True, False])
def test_lineage_from_nothing(store: Store, on_job: bool) -> None:
    """A `lineage` facet whose list of inputs is empty says that it was made from nothing."""
    named = {"namespace": DATASETS[REPORT][0], "name": DATASETS[REPORT][1], "type": "DATASET"}
    output = dataset(REPORT) if on_job else dataset(REPORT, lineage=facet(inputs=[]))
    events = chain(first=dataset(ORDERS), second=dataset(ORDERS))
    events[-1] |= {"outputs": [output]}
    if on_job:
        events[-1]["job"]["facets"] = {"lineage": facet(entries=[{**named, "inputs": []}])}
    store.record(events, origin="ingested")

    assert makers(store, 2) == set()


def test_facets_that_are_null(store: Store) -> None:
    """A facet that is null is one that is not there."""
    root = {"run": {"runId": None}, "job": {"namespace": "jobs", "name": "dag"}}
    above = {"run": {"runId": run_id(2)}, "job": {"namespace": "jobs", "name": "dag"}}
    facets = {"tags": None, "parent": facet(**above, root=root)}
    outputs = [dataset(ORDERS) | {"facets": {"schema": None}}]
    store.record([event(1, "COMPLETE", 1, facets=facets, outputs=outputs)], origin="ingested")

    assert runs(store) == {run_id(1): "COMPLETE", run_id(2): ""}


def test_long_words_in_facets(store: Store) -> None:
    """A tag or another name that no index takes is kept with its facet, and found by nobody."""
    long = "x" * 3000
    linked = facet(identifiers=[{"namespace": long, "name": long, "type": "TABLE"}])
    facets = {"tags": facet(tags=[{"key": "k", "value": long}, {"key": "k", "value": "v"}])}
    outputs = [dataset(ORDERS, symlinks=linked)]
    store.record([event(1, "COMPLETE", 1, facets=facets, outputs=outputs)], origin="ingested")
    with store.read() as db:
        traits = {row[0] for row in db.execute("SELECT value FROM trait")}
        names = {row[0] for row in db.execute("SELECT name FROM dataset")}

    assert (traits, names) == ({"k=v"}, {"orders"})


def test_facets_replace_by_key_and_are_deleted(store: Store) -> None:
    """The facet said last counts; `_deleted` takes it away, also if it comes first."""
    fields = facet(fields=[{"name": "a"}])
    about = [
        dataset_event(1, dataset(ORDERS, schema=fields, ownership=facet(owners=[]))),
        dataset_event(2, dataset(ORDERS, schema=facet(_deleted=True))),
        dataset_event(3, dataset(ORDERS, ownership=facet(owners=[{"name": "team"}]))),
    ]
    for one in every_order(store, about):
        found = facets_of(one, "dataset", "orders")

        assert "schema" not in found
        assert found["ownership"] == {"owners": [{"name": "team"}]}


def test_unknown_facets_are_kept(store: Store) -> None:
    """Facets that nobody knows, and whose schema is not there, are kept as they are."""
    odd = {"_producer": "x", "_schemaURL": "https://example.com/main/none.json", "n": [1, {}]}
    store.record([event(1, "COMPLETE", 1, facets={"acme_odd": odd})], origin="ingested")
    with store.read() as db:
        [row] = db.execute("SELECT facets FROM run").fetchall()

    assert registers.bodies(row[0])["acme_odd"] == {"n": [1, {}]}


def test_dataset_event_is_a_version(store: Store) -> None:
    """A version that a DatasetEvent names is current from then on, though no run made it."""
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        dataset_event(2, dataset(ORDERS, version="v7")),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert above(one, 3) == {("orders", "", "v7", "")}


def test_job_event_declares(store: Store) -> None:
    """The JobEvent said last says what a job reads and writes; silence changes nothing."""
    events = [
        job_event(1, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
        job_event(3, facets={"documentation": facet(description="nightly")}),
        job_event(2, inputs=[dataset(CUSTOMERS)]),
    ]
    query = """
    SELECT d.name, c.written FROM declared c JOIN dataset d ON d.id = c.dataset ORDER BY 2
    """
    for one in every_order(store, events):
        with one.read() as db:
            found = [tuple(row) for row in db.execute(query)]

        assert found == [("customers", 0), ("shop.public.report", 1)]
        assert facets_of(one, "job", "job")["documentation"] == {"description": "nightly"}


def snapshot_of(**said: Any) -> dict[str, Any]:
    """An input that is a snapshot, and what its reference says otherwise."""
    reference = {"content_root": "c", "lineage_root": "l", "count": 1, **said}
    return {"namespace": "x", "name": "y", "inputFacets": {"begat_snapshot": reference}}


def child(**parent: Any) -> dict[str, Any]:
    """A run with this parent."""
    return {"runId": run_id(1), "facets": {"parent": facet(**parent)}}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"eventTime": "yesterday"}, "eventTime is an ISO 8601 time; got 'yesterday'"),
        ({"eventTime": 7}, "eventTime is an ISO 8601 time"),
        ({"eventType": "DONE"}, "eventType is one of"),
        ({"run": []}, "run is an object"),
        ({"run": {}}, r"it has no 'run\.runId'"),
        ({"job": {"name": "x"}}, r"it has no 'job\.namespace'"),
        ({"run": child(run={})}, r"it has no 'run\.facets\.parent\.run\.runId'"),
        ({"run": child(run=[])}, r"run\.facets\.parent\.run is an object"),
        ({"run": {"runId": run_id(1), "facets": {"a": 1}}}, r"run\.facets\.a is an object"),
        ({"run": {"runId": run_id(1), "facets": 1}}, r"run\.facets is an object; got 1"),
        ({"run": {"runId": "seven"}}, "a run id is a UUID; got 'seven'"),
        ({"job": {"namespace": 1, "name": "x"}}, r"job\.namespace is a string"),
        ({"inputs": {}}, "inputs is a list of datasets"),
        ({"inputs": [1]}, r"inputs\[0\]: a dataset is an object"),
        ({"inputs": [{"namespace": "x"}]}, r"it has no 'inputs\[0\]\.name'"),
        ({"inputs": [dataset(0), {"name": "x"}]}, r"it has no 'inputs\[1\]\.namespace'"),
        ({"inputs": [dataset(0) | {"facets": {"version": 1}}]}, r"inputs\[0\]\.facets\.version is"),
        ({"outputs": [{"namespace": "x", "name": "y", "facets": [1]}]}, r"outputs\[0\]\.facets is"),
        ({"outputs": [{"namespace": "x", "name": "y", "facets": {"a": 1}}]}, r"facets\.a is"),
        ({"run": {"runId": ""}}, "its runId is empty"),
        ({"job": {"namespace": "x", "name": "y" * 1201}}, "name is at most 1200 bytes long"),
        ({"inputs": [dataset(0, version="ł" * 601)]}, "datasetVersion is at most 1200 bytes"),
        ({"inputs": [dataset(0, partition="p" * 1201)]}, "identifier is at most 1200 bytes"),
        ({"inputs": [snapshot_of(argument=["x"])]}, "argument is a string"),
        ({"inputs": [snapshot_of(argument=None)]}, "argument is a string"),
        ({"inputs": [snapshot_of(count=2**70)]}, "a number of at most 63 bits"),
        ({"inputs": [snapshot_of(rows=["abc"])]}, "a row of begat_snapshot is a list"),
        ({"inputs": [snapshot_of(chunks=7)]}, "chunks is a list"),
    ],
)
def test_what_cannot_be_read_is_refused(broken: dict[str, Any], says: str) -> None:
    """An event that is none is refused, and the message names what is wrong."""
    with pytest.raises(EventError, match=says) as caught:
        facts(event(1, "START", 1) | broken, digest("event"))

    assert "\n" not in str(caught.value)


def test_times(store: Store) -> None:
    """Times without a zone are UTC; others are turned to it; more digits are cut."""
    times = ["2025-01-01T12:00:00", "2025-01-01T13:00:00+01:00", "2025-01-01T12:00:00.000000999Z"]
    found = {facts(event(1, "START", 1) | {"eventTime": time}, "h").time for time in times}

    assert found == {"2025-01-01T12:00:00.000000Z"}


def test_run_that_names_itself(store: Store) -> None:
    """A run that says it reuses itself, or is above itself, is one run and stands on no loop."""
    itself = {"run": {"runId": run_id(1)}, "job": {"namespace": "jobs", "name": "job"}}
    facets = {"begat_reuse": facet(run=run_id(1)), "parent": facet(**itself, root=itself)}
    events = [event(1, "COMPLETE", 2, facets=facets), event(2, "COMPLETE", 3)]
    for one in every_order(store, events):
        with one.read() as db:
            edges = db.execute("SELECT child, parent FROM edge").fetchall()

        assert runs(one) == {run_id(1): "COMPLETE", run_id(2): "COMPLETE"}
        assert edges == []


def test_sets_of_packages_that_disagree(store: Store) -> None:
    """What is in a set of packages is all that events say of it, also those outweighed later."""
    sets = [{"numpy": "2"}, {"numpy": "3"}, {}]
    events = [
        event(1, "RUNNING", minute, facets={"begat_packages": facet(digest="d", distributions=one)})
        for minute, one in enumerate(sets)
    ]
    for one in every_order(store, events):
        with one.read() as db:
            found = {
                row[0]
                for row in db.execute(
                    "SELECT t.value FROM trait_part x JOIN trait t ON t.id = x.part"
                )
            }

        assert found == {"numpy==2", "numpy==3"}
