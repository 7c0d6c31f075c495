from __future__ import annotations

import contextlib
import copy
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.content.merkle import Chunk
from begat.lineage.errors import EventError
from begat.lineage.graph.dump import dump
from begat.lineage.graph.sqlite import Sqlite
from begat.lineage.graph.store import Store
from support import foreign
from support.history import History, digest, raw, snapshot, train, without_rows

Said = tuple[dict[str, Any] | Chunk, str]


@st.composite
def said(draw: st.DrawFn) -> list[Said]:
    """What begat may have recorded and been told: runs that end in every way, reuse, retries."""
    history = History()
    flow = history.flow_run()
    versions = [raw("flights", f"month={month}") for month in range(1, 5)]
    for _ in range(draw(st.integers(1, 6))):
        chosen = draw(st.lists(st.sampled_from(versions), min_size=1, max_size=3, unique=True))
        reads: dict[str, Any] = {"part": chosen[0]}
        one_dataset = [one for one in chosen if one.dataset == chosen[0].dataset]
        by_partition = {one.partition: one for one in one_dataset}
        reads["all"] = snapshot(by_partition.values())
        run = history.task(
            "step",
            reads,
            ["made"],
            partition=chosen[0].partition,
            content=draw(st.sampled_from(["x", "y"])),
            recipe=digest(draw(st.sampled_from("ab"))),
            end=draw(st.sampled_from(["COMPLETE", "COMPLETE", "FAIL", "ABORT"])),
            parent=draw(st.sampled_from([None, flow])),
            reuse=draw(st.sampled_from(["", flow.run_id])),
        )
        versions += run.outputs
    events = history.events
    if draw(st.booleans()):  # an end that a reaper made up beside the true one
        events += [{**events[-1], "eventType": "ABORT", "eventTime": "2025-02-01T00:00:00Z"}]
    if draw(st.booleans()):
        events = [without_rows(event) for event in events]
    things = [*events, *history.chunks]
    return [(thing, draw(st.sampled_from(["recorded", "ingested"]))) for thing in things]


def record(store: Store, batch: list[Said]) -> None:
    """Record a batch as its parts come: one call for each origin in it."""
    for origin in ("recorded", "ingested"):
        events = [thing for thing, by in batch if isinstance(thing, dict) and by == origin]
        chunks = [thing for thing, by in batch if isinstance(thing, Chunk) and by == origin]
        store.record(events, chunks, origin=origin)


def dumped(batches: list[list[Said]]) -> dict[str, Any]:
    store = Store.open("sqlite://")
    try:
        for batch in batches:
            record(store, batch)
        return dump(store)
    finally:
        store.close()


@settings(max_examples=60, deadline=None)
@given(things=said(), seed=st.integers(0, 2**32))
def test_graph_is_function_of_the_set(things: list[Said], seed: int) -> None:
    """Any order, any duplicates and any batches of the same events give the same graph."""
    chance = random.Random(seed)
    shuffled = things + chance.sample(things, len(things) // 2)
    chance.shuffle(shuffled)
    size = chance.randint(1, len(shuffled))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]

    assert dumped(batches) == dumped([things])


@settings(max_examples=30, deadline=None)
@given(things=said())
def test_rebuild_equals_incremental(things: list[Said]) -> None:
    """A graph made anew from the stored events is the one that grew."""
    store = Store.open("sqlite://")
    for thing in things:
        record(store, [thing])
    grown = dump(store)
    store.rebuild()
    rebuilt = dump(store)
    store.close()

    assert rebuilt == grown


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["ABORT", "FAIL", "COMPLETE"], "COMPLETE"),
        (["FAIL", "ABORT", "RUNNING"], "FAIL"),
        (["ABORT", "RUNNING", "START"], "ABORT"),
    ],
)
def test_end_of_execution(
    store: Store, history: History, ends: list[str], state: str, order: list[int]
) -> None:
    """An end is COMPLETE if there is one, else FAIL, else ABORT, whatever their times or order."""
    [event, _] = history.task("step").events
    events = [
        {**event, "eventType": end, "eventTime": f"2025-01-0{9 - n}T00:00:00Z"}
        for n, end in enumerate(ends)
    ]
    for n in order:
        store.record([events[n]])

    assert [row[6] for row in dump(store)["run"]] == [state]


def test_same_event_twice(store: Store, history: History) -> None:
    """The same event, its keys in another order, is stored once."""
    [event, _] = history.task("step").events
    store.record([event, event])
    store.record([dict(reversed(event.items()))])

    assert len(dump(store)["event"]) == 1


@pytest.mark.parametrize("end", ["FAIL", "ABORT"])
def test_failures_produce_nothing(store: Store, history: History, end: str) -> None:
    """What a run that failed or was aborted says it wrote is no product."""
    [start, last] = history.task("step", writes=["made"]).events
    store.record([start, {**last, "eventType": end}])

    graph = dump(store)
    assert graph["output"] == []
    assert graph["edge"] == []


@pytest.mark.parametrize("order", [1, -1])
def test_outputs_said_before_the_end(store: Store, history: History, order: int) -> None:
    """What a completed run said while it was running counts, whichever event arrives first."""
    [_, last] = history.task("step", writes=["made"]).events
    end = {**last, "outputs": []}
    running = {**last, "eventType": "RUNNING"}
    for event in [running, end][::order]:
        store.record([event])

    assert len(dump(store)["edge"]) == 1


def test_inputs_of_start_and_end_unite(store: Store, history: History) -> None:
    """A run has read what its START names and what its end names."""
    [start, last] = history.task("step", {"a": raw("a"), "b": raw("b")}).events
    start = {**start, "inputs": start["inputs"][:1]}
    last = {**last, "inputs": last["inputs"][1:]}
    store.record([last, start])

    assert sorted(row[2] for row in dump(store)["reading"]) == ["a", "b"]


def test_recorded_outweighs_ingested(store: Store, history: History) -> None:
    """What begat was told later changes nothing that it recorded itself."""
    run = history.task("step", recipe=digest("true"))
    forged = {
        **run.events[1],
        "eventTime": "2030-01-01T00:00:00Z",
        "run": {
            "runId": run.run_id,
            "facets": {"begat_recipe": {"digest": digest("forged"), "reusable": True}},
        },
    }
    store.record([forged], origin="ingested")
    store.record(run.events)
    store.record([forged], origin="ingested")

    assert store.answers([digest("forged")]) == {}
    assert [one.run_id for one in store.answers([digest("true")])[digest("true")]] == [run.run_id]


def test_edges_before_and_after_their_chunks(history: History) -> None:
    """Rows that arrive before or after the snapshot they belong to give the same graph."""
    run = train(history, ["01", "02", "03"])["train"]
    events = [without_rows(event) for event in history.events]
    graphs = []
    for chunks_first in (True, False):
        store = Store.open("sqlite://")
        steps: list[tuple[Any, Any]] = [((), history.chunks), (events, ())]
        for some, chunks in steps if chunks_first else reversed(steps):
            store.record(some, chunks)
        graphs.append(dump(store))
        store.close()

    assert graphs[0] == graphs[1]
    assert run.chunks
    assert {row[3] for row in graphs[0]["segment"]} == {1}


def test_rows_that_contradict_their_root(store: Store, history: History) -> None:
    """Rows or chunks that are not what the root says are not believed."""
    made = [history.task("step", writes=["made"], partition=key).output for key in ("a=1", "a=2")]
    [start, last] = history.task("train", {"all": snapshot(made)}).events
    rows = last["inputs"][0]["inputFacets"]["begat_snapshot"]["rows"]
    rows[0] = [rows[0][0], digest("other"), rows[0][2]]
    del start["inputs"][0]["inputFacets"]["begat_snapshot"]["chunks"]
    store.record([*history.events[:-2], start, last])

    assert [row[5] for row in dump(store)["snapshot"]] == [0]


def test_events_that_disagree_about_a_snapshot(history: History) -> None:
    """Whichever of two events about one lineage root comes first, the graph is the same."""
    made = history.task("step", writes=["made"], partition="a=1").output
    history.task("train", {"all": snapshot([made])})
    events = [without_rows(event) for event in history.events]
    forged = events[-1]["inputs"][0]["inputFacets"]["begat_snapshot"]
    forged |= {"content_root": digest("other"), "count": 9}
    graphs = []
    for order in (events, events[::-1]):
        store = Store.open("sqlite://")
        store.record(order)
        graphs.append(dump(store))
        store.close()

    assert graphs[0] == graphs[1]


def test_rows_behind_named_chunks(store: Store, history: History) -> None:
    """Rows in a run's end are taken though its start named their chunks only."""
    made = [history.task("step", writes=["made"], partition=key).output for key in ("a=1", "a=2")]
    run = history.task("train", {"all": snapshot(made)})
    store.record(history.events)

    assert {row[3] for row in dump(store)["segment"]} == {1}
    assert run.chunks


def test_chunks_that_contradict_their_root(store: Store, history: History) -> None:
    """A list of chunks that is not what the root says is not believed."""
    made = [history.task("step", writes=["made"], partition=key).output for key in ("a=1", "a=2")]
    history.task("train", {"all": snapshot(made)})
    events = [without_rows(event) for event in history.events]
    for event in events[-2:]:
        event["inputs"][0]["inputFacets"]["begat_snapshot"]["chunks"].append(digest("other"))
    store.record(events, history.chunks)

    assert [row[5] for row in dump(store)["snapshot"]] == [0]


def test_equal_rows_of_two_datasets(store: Store, history: History) -> None:
    """Two datasets with the same rows share the stored chunk, not their versions."""
    for name in ("lake", "copy"):
        history.task("read", {"all": snapshot([raw(name, "m=1", content="same")])})
    store.record(history.events, history.chunks)

    graph = dump(store)
    assert len(graph["chunk"]) == 1
    assert [row[1] for row in graph["version"]] == ["/lake/copy", "/lake/lake"]
    assert len(graph["segment"]) == 2


def test_own_events_name_the_job(store: Store, history: History) -> None:
    """A run's own events say what it is a run of, whatever its children called it."""
    flow = history.flow_run()
    child = copy.deepcopy(history.task("step", parent=flow).events)
    for event in child:
        parent = event["run"]["facets"]["parent"]
        parent["job"]["name"] = parent["root"]["job"]["name"] = "misheard"
    store.record(child)
    before = {row[0]: row[2] for row in dump(store)["run"]}
    store.record(flow.events)
    after = {row[0]: row[2] for row in dump(store)["run"]}

    assert before[flow.run_id] == "misheard"
    assert after[flow.run_id] == "flights"


@pytest.mark.parametrize(
    "change",
    [
        {"eventTime": "yesterday"},
        {"eventType": "PAUSE"},
        {"run": {}},
        {"job": {"namespace": "begat"}},
        {"inputs": ["flights"]},
        {"inputs": [{"facets": {"version": {"datasetVersion": "1"}}}]},
    ],
)
def test_malformed_event(store: Store, history: History, change: dict[str, Any]) -> None:
    """A malformed event is refused, and nothing of its batch is stored."""
    [good, bad] = history.task("step").events
    with pytest.raises(EventError):
        store.record([good, {**bad, **change}])

    assert dump(store)["event"] == []


Event = dict[str, Any]


def readers_of_the_whole(number: int) -> list[Event]:
    """One run reads all of a dataset, of which the partitions come later, in order."""
    parts = [foreign.dataset(0, partition=f"p={n}", written=True) for n in range(number)]
    return [
        foreign.event(number, "COMPLETE", number, inputs=[foreign.dataset(0)]),
        *(foreign.event(n, "COMPLETE", n, outputs=[part]) for n, part in enumerate(parts)),
    ]


def one_run_reads(number: int) -> list[Event]:
    """One run reads ever more datasets."""
    return [
        foreign.event(0, "RUNNING", n, inputs=[foreign.dataset(("lake", f"d{n}"))])
        for n in range(number)
    ]


def one_id_again(number: int) -> list[Event]:
    """One run id is used again and again."""
    reads = {"inputs": [foreign.dataset(0)], "outputs": [foreign.dataset(1)]}
    return [
        event
        for n in range(number)
        for event in (
            foreign.event(0, "START", 3 * n),
            foreign.event(0, "COMPLETE", 3 * n + 1, **reads),
        )
    ]


def names_in_a_chain(number: int) -> list[Event]:
    """Datasets, each with a reader, that one after another turn out to be one."""
    lake = [("lake", f"d{n}") for n in range(number)]
    events = [
        foreign.event(n, "COMPLETE", n, inputs=[foreign.dataset(one)]) for n, one in enumerate(lake)
    ]
    for one, (namespace, name) in itertools.pairwise(lake):
        link = foreign.facet(identifiers=[{"namespace": namespace, "name": name}])
        events.append(foreign.dataset_event(1, foreign.dataset(one, symlinks=link)))
    return events


def asked(events: list[Event], *, rebuilt: bool = False) -> int:
    """How many statements it takes to store these events, one by one, or to rebuild."""
    database = Sqlite(":memory:", timeout=1.0)
    statements: list[str] = []
    with contextlib.closing(Store(database)) as store:
        if not rebuilt:
            database.connection.set_trace_callback(statements.append)
        for event in events:
            store.record([event], origin="ingested")
        if rebuilt:
            database.connection.set_trace_callback(statements.append)
            store.rebuild()
    return len(statements)


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("make", [readers_of_the_whole, one_run_reads, one_id_again])
def test_cost_of_an_event(make: Callable[[int], list[Event]], rebuilt: bool) -> None:
    """What an event costs does not grow with the partitions, datasets or executions before it."""
    some, many = (asked(make(number), rebuilt=rebuilt) for number in (20, 80))

    assert many < 5 * some


def test_cost_of_another_name() -> None:
    """What another name of a dataset costs grows with its readers, once for each."""
    some, many = (asked(names_in_a_chain(number)) for number in (8, 32))

    assert many < 17 * some
