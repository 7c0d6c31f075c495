"""Runs of processes that died are closed, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from unit.graph.test_leases import LASTS, later

from begat.lineage.graph import leases, queries, reaper
from begat.lineage.graph.leases import Lease
from begat.lineage.graph.prune import prunable, prune
from begat.lineage.graph.store import Store
from support.history import History, Run, digest


def begin(store: Store, run: Run, recipe: str = "") -> None:
    """Its process has recorded its START."""
    lease = Lease(key=recipe or run.run_id, run_id=run.run_id, seconds=LASTS)
    assert store.record(run.events[:1], lease=lease)


def states(store: Store) -> dict[str, tuple[str, str | None]]:
    """State and error of every run that events are of."""
    with store.read() as db:
        return {
            row["uuid"]: (row["state"], queries.error_of(queries.facets_of(row)))
            for row in queries.runs(db, [run for (run,) in db.execute("SELECT id FROM run")])
            if row["state"]
        }


def ended(store: Store) -> dict[str, str]:
    """State by run."""
    return {run_id: state for run_id, (state, _) in states(store).items()}


def test_runs_of_a_dead_process_are_aborted(store: Store, history: History) -> None:
    """What it had open, task and flow, ends as ABORT, and says who found that out and why."""
    flow = history.flow_run()
    task = history.task("step", parent=flow)
    begin(store, flow)
    begin(store, task, digest("recipe"))
    before = reaper.reap(store)
    later(store, LASTS + 1)
    closed = reaper.reap(store)

    assert before == []
    assert {event["run"]["runId"] for event in closed} == {flow.run_id, task.run_id}
    assert ended(store) == {flow.run_id: "ABORT", task.run_id: "ABORT"}
    for _, error in states(store).values():
        assert error is not None
        assert "last heard of at" in error
        assert "closed by process" in error
    assert reaper.reap(store) == []


def test_its_parent_and_job_are_those_of_its_start(store: Store, history: History) -> None:
    """The ABORT of a reaper says of whose run it is what the START said."""
    flow = history.flow_run()
    task = history.task("step", parent=flow)
    begin(store, task)
    later(store, LASTS + 1)
    [abort] = reaper.reap(store)
    start = task.events[0]

    assert abort["run"]["facets"]["parent"] == start["run"]["facets"]["parent"]
    assert abort["job"] == start["job"]
    assert "inputs" not in abort


@pytest.mark.parametrize("end", ["COMPLETE", "FAIL"])
def test_an_end_that_comes_late_outweighs_it(store: Store, history: History, end: Any) -> None:
    """What the process had spooled before it died is what became of its run."""
    task = history.task("step", end=end)
    begin(store, task)
    later(store, LASTS + 1)
    reaper.reap(store)
    store.record(task.events[1:])

    assert ended(store) == {task.run_id: end}


def test_a_clock_that_is_ahead(store: Store, history: History) -> None:
    """A START from a clock that is years ahead does not begin a second execution."""
    task = history.task("step")
    task.events[0]["eventTime"] = "2150-01-01T00:00:00.000000Z"
    begin(store, task)
    later(store, LASTS + 1)
    reaper.reap(store)

    assert ended(store) == {task.run_id: "ABORT"}


def test_who_is_alive_is_left_alone(store: Store, history: History) -> None:
    """A run that is heard of in time stays open, however long it takes."""
    task = history.task("step")
    begin(store, task)
    for _ in range(5):
        later(store, LASTS - 1)
        leases.beat(store, [task.run_id], LASTS)

        assert reaper.reap(store) == []
    assert ended(store) == {task.run_id: "START"}


def test_runs_without_a_lease_are_left_alone(store: Store, history: History) -> None:
    """Nobody promised to speak for a run that an older begat, or another program, began."""
    task = history.task("step")
    store.record(task.events[:1])

    assert (reaper.reap(store), ended(store)) == ([], {task.run_id: "START"})


def test_a_lease_without_a_run(store: Store) -> None:
    """A lease of a run of which nothing was stored is dropped."""
    run_id = History().task("step").run_id
    store.record([], lease=Lease(key=digest("recipe"), run_id=run_id, seconds=LASTS))
    later(store, LASTS + 1)
    closed = reaper.reap(store)
    with store.read() as db:
        left = leases.held(db)

    assert (closed, left) == ([], [])


def test_what_comes_late_has_to_be_heard_of(store: Store, history: History) -> None:
    """A START from a spool gets a lease of nobody's: alive it is kept, dead it runs out."""
    open_, over = history.task("step"), history.task("step")
    with store.write() as db:
        store.record([*open_.events[:1], *over.events])
        leases.adopt(db, [open_.run_id, over.run_id], LASTS)
        leases.adopt(db, [open_.run_id], LASTS)
        adopted = [one.run_id for one in leases.held(db)]
    later(store, LASTS - 1)
    leases.beat(store, [open_.run_id], LASTS)
    later(store, LASTS - 1)
    alive = reaper.reap(store)
    later(store, 2)
    reaper.reap(store)

    assert (adopted, alive) == ([open_.run_id], [])
    assert ended(store) == {open_.run_id: "ABORT", over.run_id: "COMPLETE"}


def test_what_a_flow_run_called_is_closed_with_it(store: Store, history: History) -> None:
    """All that is open below it ends at once, nested flows too; nothing beside it does."""
    flow, other = history.flow_run(), history.flow_run()
    nested = history.task("nested", parent=flow)
    deep, done = history.task("deep", parent=nested), history.task("done", parent=flow)
    beside = history.task("beside", parent=other)
    foreign = history.task("foreign", parent=flow)
    for run in (flow, other, nested, deep, done, beside):
        begin(store, run)
    store.record(done.events[1:])
    store.record(foreign.events[:1], origin="ingested")
    closed = reaper.close(store, flow.run_id, "its flow run ended: killed", itself=False)
    with store.read() as db:
        left = {one.run_id for one in leases.held(db)}

    assert {event["run"]["runId"] for event in closed} == {nested.run_id, deep.run_id}
    assert ended(store) == {
        **dict.fromkeys((flow.run_id, other.run_id, beside.run_id, foreign.run_id), "START"),
        **dict.fromkeys((nested.run_id, deep.run_id), "ABORT"),
        done.run_id: "COMPLETE",
    }
    assert left == {flow.run_id, other.run_id, beside.run_id}
    [last] = reaper.close(store, flow.run_id, "it was killed")
    assert last["run"]["runId"] == flow.run_id


def test_pruning_closes_before_it_drops(store: Store, history: History) -> None:
    """A lease that ran out is not dropped before the run that held it has an end."""
    task = history.task("step")
    begin(store, task)
    later(store, LASTS + 1)
    counted = prunable(store, days=1)["lease"], prune(store, days=1)["lease"]

    assert (counted, ended(store)) == ((1, 1), {task.run_id: "ABORT"})
    assert prunable(store, days=1)["lease"] == 0
