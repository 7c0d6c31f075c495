from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.graph import nodes
from begat.lineage.graph.closure import Closure, ancestors, descendants
from begat.lineage.graph.store import Store
from begat.lineage.records import DatasetVersion
from support.history import History, raw, snapshot, train, without_rows


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Runs that read each other's outputs, the same bytes made again and again among them."""
    history = History()
    made: list[DatasetVersion] = [raw("flights", f"m={n}") for n in range(3)]
    for _ in range(draw(st.integers(1, 10))):
        chosen = draw(st.lists(st.sampled_from(made), min_size=1, max_size=4, unique=True))
        reads: dict[str, Any] = {f"a{n}": one for n, one in enumerate(chosen)}
        name = draw(st.sampled_from([one.name for one in chosen]))
        parts = {one.partition: one for one in chosen if one.name == name}
        reads["all"] = snapshot(parts.values())
        run = history.task(
            "step",
            reads,
            ["made"],
            partition=draw(st.sampled_from(["m=0", "m=1", ""])),
            content=draw(st.sampled_from(["x", "y"])),
            end=draw(st.sampled_from(["COMPLETE", "COMPLETE", "FAIL"])),
        )
        made += run.outputs
    return history


def run_nodes(store: Store) -> dict[str, int]:
    with store.read() as db:
        return {uuid: nodes.run(row) for row, uuid in db.execute("SELECT id, uuid FROM run")}


def product_of(store: Store, version: DatasetVersion) -> int:
    with store.read() as db:
        (row,) = db.execute(
            "SELECT p.id FROM product p JOIN version v ON v.id = p.version "
            "JOIN dataset d ON d.id = v.dataset LEFT JOIN run r ON r.id = p.run "
            "WHERE d.name = :name AND v.partition = :partition AND v.digest = :digest "
            "AND COALESCE(r.uuid, '') = :producer",
            {
                "name": version.name,
                "partition": version.partition,
                "digest": version.digest,
                "producer": version.producer,
            },
        ).fetchone()
    return nodes.product(row)


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_closures_are_reachability(history: History) -> None:
    """Ancestors and descendants are what following every edge, one by one, comes to."""
    store = Store.open("sqlite://")
    store.record(history.events)
    with store.read() as db:
        edges = [tuple(row) for row in db.execute("SELECT child, parent FROM edge")]
    expected, found = {}, {}
    for start in {node for edge in edges for node in edge}:
        for way, follow in (("up", edges), ("down", [(p, c) for c, p in edges])):
            seen, todo = set(), [start]
            while todo:
                node = todo.pop()
                if node not in seen:
                    seen.add(node)
                    todo += [end for begin, end in follow if begin == node]
            expected[start, way] = frozenset(seen)
        found[start, "up"] = ancestors(store, start).nodes
        found[start, "down"] = descendants(store, start).nodes
    store.close()

    assert found == expected


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_no_ancestor_is_newer(history: History) -> None:
    """No ancestry holds a run that began after the one it is the ancestry of."""
    store = Store.open("sqlite://")
    store.record(history.events)
    order = {run.run_id: n for n, run in enumerate(history.runs)}
    ids = run_nodes(store)
    names = {node: uuid for uuid, node in ids.items()}
    newer = [
        (uuid, names[node])
        for uuid, start in ids.items()
        for node in ancestors(store, start).nodes
        if node in names and order[names[node]] > order[uuid]
    ]
    store.close()

    assert newer == []


def test_second_producer_stays_out(store: Store, history: History) -> None:
    """A run that makes the same bytes later is no ancestor of what read them before."""
    first = history.task("prepare", {"part": raw("flights", "m=1")}, ["prepared"], content="same")
    reader = history.task("train", {"features": first.output}, ["model"])
    second = history.task("prepare", {"part": raw("flights", "m=2")}, ["prepared"], content="same")
    store.record(history.events)
    ids = run_nodes(store)
    found = ancestors(store, ids[reader.run_id])

    assert ids[first.run_id] in found.nodes
    assert ids[second.run_id] not in found.nodes
    assert first.output.digest == second.output.digest


def test_reuse_is_followed(store: Store, history: History) -> None:
    """A run that was answered by another stands on that one."""
    first = history.task("prepare", {"part": raw("flights")}, ["prepared"])
    again = history.task("prepare", reuse=first.run_id)
    store.record(history.events)
    ids = run_nodes(store)

    assert ids[first.run_id] in ancestors(store, ids[again.run_id]).nodes


def test_everything_that_read_a_bad_partition(store: Store, history: History) -> None:
    """Descendants of a raw partition are what read it, also as one of a snapshot."""
    done = train(history, ["01", "02", "03"])
    store.record(history.events)
    ids = run_nodes(store)
    found = descendants(store, product_of(store, raw("flights", "month=02")))
    reached = {job for job, run in done.items() if ids[run.run_id] in found.nodes}

    assert reached == {"prepare 02", "featurize 02", "train", "evaluate", "register"}


def test_truncated_until_rows_arrive(store: Store, history: History) -> None:
    """A closure over a snapshot says it is truncated until the snapshot's rows are there."""
    done = train(history, ["01", "02", "03"])
    store.record([without_rows(event) for event in history.events])
    ids = run_nodes(store)

    def both() -> tuple[Closure, Closure]:
        up = ancestors(store, ids[done["register"].run_id])
        return up, descendants(store, product_of(store, raw("flights", "month=01")))

    before = [closure.truncated for closure in both()]
    store.record((), history.chunks)
    after = [closure.truncated for closure in both()]

    assert before == [True, True]
    assert after == [False, False]


def test_truncated_by_unknown_producer(store: Store, history: History) -> None:
    """An ancestry with a run of which only the name is known is truncated; nothing below it is."""
    first = history.task("prepare", {"part": raw("flights")}, ["prepared"])
    second = history.task("train", {"features": first.output}, ["model"])
    store.record(second.events)
    ids = run_nodes(store)

    assert ancestors(store, ids[second.run_id]).truncated
    assert not descendants(store, ids[first.run_id]).truncated


def test_start_alone_names_roots_only(store: Store, history: History) -> None:
    """While a run has only begun, the snapshot it reads is known by its roots: truncated."""
    done = train(history, ["01", "02", "03"])["train"]
    before = [event for event in history.events if event not in done.events]
    store.record([*before, done.events[0]])

    assert ancestors(store, run_nodes(store)[done.run_id]).truncated
