"""Laws of the questions: what they answer is what brute force over the dump answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.errors import RefError
from begat.lineage.graph import Lineage, Store, downstream, names, nearby, upstream
from begat.lineage.graph.affected import impact
from begat.lineage.graph.chain import path
from begat.lineage.records import DatasetVersion
from begat.lineage.registry.versions import register
from support import oracle
from support.foreign import foreign_events
from support.history import History, digest, raw, snapshot, time_at, without_rows
from support.oracle import Name, Oracle

Event = dict[str, Any]
WAYS: dict[str, Callable[..., Lineage]] = {"up": upstream, "down": downstream}


class Happened(NamedTuple):
    """What a law is tried on."""

    history: History
    told: list[Event]

    def __repr__(self) -> str:
        """Short, as a failure prints it; the shrunk example is small."""
        runs = [[run.run_id[:13], *map(str, run.outputs)] for run in self.history.runs]
        return f"{runs} {self.told}"[:20_000]


@st.composite
def happenings(draw: st.DrawFn) -> Happened:
    """Runs of begat that read each other's outputs, some in snapshots, and foreign events."""
    history = History()
    made: list[DatasetVersion] = [raw("flights", f"m={n}") for n in range(3)]
    for _ in range(draw(st.integers(0, 8))):
        chosen = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
        reads: dict[str, Any] = {f"a{n}": one for n, one in enumerate(chosen)}
        name = draw(st.sampled_from([one.name for one in chosen]))
        parts = {one.partition: one for one in made if one.name == name}
        if draw(st.booleans()):
            reads["all"] = snapshot(parts.values())
        parent = draw(st.sampled_from([None, *history.runs])) if history.runs else None
        run = history.task(
            draw(st.sampled_from(["step", "other"])),
            reads,
            ["made"],
            partition=draw(st.sampled_from(["m=0", "m=1", ""])),
            content=draw(st.sampled_from(["x", "y"])),
            end=draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"])),
            parent=parent,
        )
        made += run.outputs
    told = draw(foreign_events(6)) if draw(st.booleans()) else []
    return Happened(history, told)


@contextmanager
def stored(history: History, told: list[Event], *, lost: int = 0) -> Iterator[Store]:
    """A store with these events, without some chunks, and with models of some runs."""
    store = Store.open("sqlite://")
    try:
        events = history.events
        if lost:
            events = [without_rows(event) for event in events]
            chunks = history.chunks[lost:]
        else:
            chunks = history.chunks
        store.record(events, chunks)
        store.record(told, origin="ingested")
        for n, run in enumerate(history.runs[::3]):
            register(
                store,
                model="m",
                recipe=digest(str(n)),
                run_id=run.run_id,
                training_run_id=history.runs[0].run_id,
                digest=digest(str(n)),
                body={},
            )
        yield store
    finally:
        store.close()


def start_of(brute: Oracle, way: str, number: int) -> tuple[str, set[Name]]:
    """Some run or version: a reference to it, and what it stands for."""
    products = sorted(brute.products)
    things: list[Any] = [*products, *sorted(brute.runs)]
    thing = things[number % len(things)]
    if isinstance(thing, str):
        runs = brute.inside(thing)
        return f"run:{thing}", runs | (brute.made_by(runs) if way == "down" else set())
    _, namespace, name, partition, digest_, run = thing
    key = names.version_key(
        {
            "namespace": namespace,
            "name": name,
            "partition": partition,
            "digest": digest_,
            "uuid": run,
        }
    )
    return key, {thing}


law = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
numbers = st.integers(0, 200)
ways = st.sampled_from(["up", "down"])
#: Everything is loaded at once; level by level; and with snapshots as nodes of their own.
LOADING = [(20_000, 100), (0, 100), (0, 1)]


@pytest.fixture(params=LOADING, ids=["at once", "by level", "unfolded"])
def _loading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a walk loads the graph, which answers do not show."""
    monkeypatch.setattr(nearby, "AT_ONCE", request.param[0])
    monkeypatch.setattr(names, "FOLDED", request.param[1])


@pytest.mark.usefixtures("_loading")
@law
@given(things=happenings(), number=numbers, way=ways, lost=st.sampled_from([0, 0, 1, 2]))
def test_brute_force(things: Happened, number: int, way: str, lost: int) -> None:
    """Nodes, depths, edges and gaps are those of brute force; truncated is never wrong."""
    with stored(*things, lost=lost) as store:
        brute = Oracle.of(store)
        if not brute.runs:
            return
        ref, start = start_of(brute, way, number)
        found = WAYS[way](store, ref)
        reached = brute.reach(start, way)

        assert oracle.depths(found) == brute.depths(reached, way)
        assert oracle.edges(found) == brute.shown_edges(reached, way)
        assert set(found.reasons) == brute.gaps(reached, way)
        assert found.truncated == bool(brute.gaps(reached, way))


@pytest.mark.usefixtures("_loading")
@law
@given(things=happenings(), number=numbers, way=ways, limit=st.integers(1, 4))
def test_pages(things: Happened, number: int, way: str, limit: int) -> None:
    """The pages together are the whole, in its order, and nothing is on two of them."""
    with stored(*things) as store:
        brute = Oracle.of(store)
        if not brute.runs:
            return
        ref, _ = start_of(brute, way, number)
        whole = WAYS[way](store, ref)
        pages = [WAYS[way](store, ref, limit=limit)]
        while pages[-1].next:
            pages.append(WAYS[way](store, ref, limit=limit, after=pages[-1].next))

        assert [node for page in pages for node in page.nodes] == [*whole.nodes]
        assert sorted((edge.child, edge.parent) for page in pages for edge in page.edges) == [
            (edge.child, edge.parent) for edge in whole.edges
        ]
        assert all("page" in page.reasons for page in pages) == (len(pages) > 1)
        assert set(pages[-1].reasons) - {"page"} == set(whole.reasons)


@pytest.mark.usefixtures("_loading")
@law
@given(things=happenings(), number=numbers, way=ways, depth=st.integers(0, 3))
def test_depth(things: Happened, number: int, way: str, depth: int) -> None:
    """A depth shows what is that near and no more, and says if there is more."""
    with stored(*things) as store:
        brute = Oracle.of(store)
        if not brute.runs:
            return
        ref, start = start_of(brute, way, number)
        found = WAYS[way](store, ref, depth=depth)
        reached, whole = brute.reach(start, way, depth=depth), brute.reach(start, way)

        assert oracle.depths(found) == brute.depths(reached, way)
        assert oracle.edges(found) == brute.shown_edges(reached, way)
        assert ("depth" in found.reasons) == (reached.keys() < whole.keys())


@pytest.mark.usefixtures("_loading")
@law
@given(things=happenings(), number=numbers, way=ways, at=st.sampled_from(["made", "step"]))
def test_stop_at(things: Happened, number: int, way: str, at: str) -> None:
    """What is named to stop at is shown and not passed, and it is said if more is behind it."""
    with stored(*things) as store:
        brute = Oracle.of(store)
        name = f"flights/{at}" if at == "made" else f"flights.{at}"

        def stop(node: Name) -> bool:
            if node[0] == "run":
                return brute.runs[node[1]]["job"] == name
            return node[0] == "product" and node[2] == name

        there = brute.products | {("run", run) for run in brute.runs}
        if not any(stop(node) for node in there):
            return
        ref, start = start_of(brute, way, number)
        found = WAYS[way](store, ref, stop_at=[name])
        reached = brute.reach(start, way, stop=stop)
        stopped = [node for node in reached if stop(node) and node not in start]
        beyond = brute.reach(stopped, way).keys() - reached.keys()
        models = {
            model
            for model, runs in brute._models()
            if way == "down" and runs & set(stopped) and not runs & (reached.keys() - set(stopped))
        }

        assert oracle.depths(found) == brute.depths(reached, way, stopped=stopped)
        assert ("stop_at" in found.reasons) == bool(beyond or models)


@pytest.mark.usefixtures("_loading")
@law
@given(
    things=happenings(),
    number=numbers,
    way=ways,
    minutes=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_as_of(things: Happened, number: int, way: str, minutes: tuple[int, int]) -> None:
    """As of a time there is what had happened by then; later, what was there still is."""
    with stored(*things) as store:
        with store.write() as db:
            db.execute("UPDATE model_version SET created_at = ?", (time_at(10),))
        brute = Oracle.of(store)
        if not brute.runs:
            return
        ref, start = start_of(brute, way, number)
        seen: list[set[Any]] = []
        for at in sorted(map(time_at, minutes)):
            first = {node for node in start if brute.was_there(node, at)}
            try:
                found = WAYS[way](store, ref, as_of=at)
            except RefError:  # not there yet
                seen.append(set())
                continue
            reached = brute.reach(first, way, there=lambda node, at=at: brute.was_there(node, at))
            seen.append(set(oracle.depths(found)))

            assert oracle.depths(found) == brute.depths(reached, way, at)

        assert all(earlier <= later for earlier, later in pairwise(seen))


@law
@given(things=happenings(), number=numbers)
def test_no_ancestor_is_newer(things: Happened, number: int) -> None:
    """No run in the ancestry of a run started later than it did."""
    history, told = things
    handed = [event for event in told if "lineage" in event.get("job", {}).get("facets", {})]
    with stored(history, [event for event in told if event not in handed]) as store:
        brute = Oracle.of(store)
        runs = [run for run, row in sorted(brute.runs.items()) if row["started_at"]]
        if not runs:
            return
        run = runs[number % len(runs)]
        inside = brute.inside(run)
        last = max(brute.runs[one]["started_at"] or "" for _, one in inside)
        found = upstream(store, f"run:{run}")

        assert all((node.started_at or "") <= last for node in found.nodes if node.kind == "run")


@pytest.mark.usefixtures("_loading")
@law
@given(things=happenings(), pair=st.tuples(numbers, numbers))
def test_path(things: Happened, pair: tuple[int, int]) -> None:
    """A path is there if and only if one stands on the other; it has both ends, and only edges."""
    with stored(*things) as store:
        brute = Oracle.of(store)
        if not brute.runs:
            return
        (a, start), (b, end) = (start_of(brute, "up", number) for number in pair)
        found = path(store, a, b)
        up, down = brute.reach(start, "up"), brute.reach(end, "up")
        way = "up" if end & up.keys() else "down" if start & down.keys() else None

        assert found.direction == way
        if way is None:
            assert set(found.reasons) == brute.gaps(up, "up") | brute.gaps(down, "up")
            return
        ends = [{brute.shown(name) for name in names_} for names_ in (start, end)]
        reached = up if way == "up" else down
        goal = end if way == "up" else start
        assert oracle.shown(found.nodes[0]) in ends[0]
        assert oracle.shown(found.nodes[-1]) in ends[1]
        assert set(oracle.hops(found)) <= brute.shown_edges(reached, "up")
        assert not found.truncated
        runs = sum(node.kind == "run" for node in found.nodes[1 if way == "up" else 0 :])
        assert runs <= min(reached[name] for name in goal if name in reached) + 1


@law
@given(things=happenings(), number=numbers)
def test_impact(things: Happened, number: int) -> None:
    """The models that stand on something are those whose runs brute force reaches."""
    with stored(*things) as store:
        brute = Oracle.of(store)
        if not brute.runs:
            return
        ref, start = start_of(brute, "down", number)
        found = impact(store, ref)
        reached = brute.reach(start, "down")
        products = [name for name in reached if name[0] == "product"]

        assert {oracle.shown(one) for one in found.models} == {
            key for key in brute.depths(reached, "down") if key[0] == "model"
        }
        assert found.runs == sum(name[0] == "run" for name in reached)
        assert (found.versions, found.datasets) == (
            len(products),
            len({name[1:3] for name in products}),
        )
        assert set(found.reasons) == brute.gaps(reached, "down")


def test_oracle_notices_a_lost_edge() -> None:
    """An answer that lacks one edge is not what brute force answers: the law can fail."""
    history = History()
    first = history.task("a", {"part": raw("x")}, ["made"])
    second = history.task("b", {"part": first.output}, ["made"])
    with stored(history, []) as store:
        brute = Oracle.of(store)
        with store.write() as db:
            db.execute(
                "DELETE FROM edge WHERE child = (SELECT id * 4 FROM run WHERE uuid = ?)",
                (second.run_id,),
            )
        found = upstream(store, second.run_id)
        reached = brute.reach({("run", second.run_id)}, "up")

        assert oracle.depths(found) != brute.depths(reached, "up")
