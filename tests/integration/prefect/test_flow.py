from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run as running
from prefect.states import Crashed

from begat.lineage.errors import PipelineError
from begat.lineage.events import new_id, now, run_event
from begat.lineage.graph.leases import held
from begat.lineage.graph.queries import task_runs
from begat.lineage.records import Caller, RunRef
from begat.tasks import task, tracked
from begat.tasks.caller import flow_caller, nest, task_caller
from begat.tasks.flow import aborted
from support.recorder import Recorder

attempts: list[int] = []


@task
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@tracked
@flow(name="inner")
def inner() -> int:
    """A flow that others nest."""
    return double(1)


@flow(name="untold")
def untold() -> int:
    """A flow that says nothing of lineage."""
    return double(2)


@tracked
@flow(name="flaky", retries=1)
def flaky() -> None:
    """A flow that succeeds at its second attempt."""
    attempts.append(1)
    if len(attempts) == 1:
        raise ValueError("again")


def parent_and_root(event: dict[str, Any]) -> tuple[str, str]:
    """Ids of the runs that an event names as its run's parent and root."""
    parent = event["run"]["facets"]["parent"]
    return parent["run"]["runId"], parent["root"]["run"]["runId"]


def test_a_tracked_flow_without_tasks_starts_and_completes(recorder: Recorder) -> None:
    """@tracked alone records the flow run."""

    @tracked
    @flow(name="empty")
    def empty() -> None: ...

    empty()

    assert recorder.table() == [("empty", "START"), ("empty", "COMPLETE")]


def test_tracked_returns_the_same_flow() -> None:
    """@tracked adds hooks once and hands back Prefect's own flow."""

    @flow
    def plain() -> None: ...

    again = tracked(tracked(plain))

    assert (again is plain, [hook.__name__ for hook in plain.on_crashed_hooks]) == (
        True,
        ["aborted"],
    )


def test_tracked_leaves_the_users_hooks_and_lists_alone() -> None:
    """Hooks of the user's own stay first, and a list that two flows share is not changed."""
    hooks = [lambda flow, flow_run, state: None]

    @flow(on_completion=hooks)
    def plain() -> None: ...

    tracked(plain)

    assert (len(hooks), plain.on_completion_hooks[0] is hooks[0]) == (1, True)


def test_tracked_below_flow_is_refused() -> None:
    """@tracked on a bare function says where it belongs."""

    def function() -> None: ...

    with pytest.raises(PipelineError, match="function, not a flow; write it above"):
        tracked(function)  # type: ignore[type-var]  # what is tested


def test_an_untracked_flow_is_recorded_from_its_first_task_on(recorder: Recorder) -> None:
    """Without @tracked the START is late, and every later run has its own in time."""
    untold()
    untold()

    assert [state for job, state in recorder.table() if job == "untold"] == [
        "START",
        "COMPLETE",
        "START",
        "COMPLETE",
    ]


def test_two_runs_of_one_untracked_flow_at_once_both_start(recorder: Recorder) -> None:
    """A flow run that began before the hooks were there gets its START as well."""

    @flow(name="gather")
    async def gather(number: int) -> int:
        await asyncio.sleep(0)
        return double(number)

    async def both() -> None:
        await asyncio.gather(gather(100), gather(101))

    asyncio.run(both())
    starts = [event["run"]["runId"] for event in recorder.of("gather", "START")]

    assert len(set(starts)) == 2


def test_nested_flows_name_parent_and_root(recorder: Recorder) -> None:
    """A flow in a flow in a flow: each names the one above, all the outermost."""

    @tracked
    @flow(name="middle")
    def middle() -> int:
        return inner()

    @tracked
    @flow(name="outer")
    def outer() -> int:
        return middle()

    outer()
    top, mid, low = (recorder.of(job)[0]["run"]["runId"] for job in ("outer", "middle", "inner"))

    assert (
        parent_and_root(recorder.of("middle", "START")[0]),
        parent_and_root(recorder.of("inner", "START")[0]),
        parent_and_root(recorder.of("inner.double", "COMPLETE")[0]),
        parent_and_root(recorder.of("inner", "COMPLETE")[0]),
    ) == ((top, top), (mid, top), (low, top), (mid, top))


def test_nested_flows_without_tracked_name_parent_and_root(recorder: Recorder) -> None:
    """The first task of a nested flow starts the flows around it too."""

    @flow(name="around")
    def around() -> int:
        return untold()

    around()
    top, low = (recorder.of(job)[0]["run"]["runId"] for job in ("around", "untold"))

    assert (
        [entry for entry in recorder.table() if entry[1] == "START"],
        parent_and_root(recorder.of("untold", "START")[0]),
        parent_and_root(recorder.of("untold.double")[0]),
    ) == (
        [("around", "START"), ("untold", "START"), ("untold.double", "START")],
        (top, top),
        (low, top),
    )


def test_nested_async_flows_name_parent_and_root(recorder: Recorder) -> None:
    """The same holds among async flows."""

    @tracked
    @flow(name="below")
    async def below() -> int:
        return double(3)

    @tracked
    @flow(name="above")
    async def above() -> int:
        return await below()

    asyncio.run(above())
    top, low = (recorder.of(job)[0]["run"]["runId"] for job in ("above", "below"))

    assert (
        parent_and_root(recorder.of("below", "START")[0]),
        parent_and_root(recorder.of("below.double", "COMPLETE")[0]),
    ) == ((top, top), (low, top))


def test_a_retried_flow_runs_on_under_its_id(recorder: Recorder) -> None:
    """A flow's own retry is RUNNING, not a second START."""
    attempts.clear()

    flaky()

    assert (recorder.table(), len({event["run"]["runId"] for event in recorder.events})) == (
        [("flaky", "START"), ("flaky", "RUNNING"), ("flaky", "COMPLETE")],
        1,
    )


def test_a_crash_seen_by_another_process_ends_the_same_run(recorder: Recorder) -> None:
    """The hook needs only what Prefect's server knows: run, parent and root are the same."""
    seen: list[str] = []

    @tracked
    @flow(name="lost")
    def lost() -> None:
        seen.append(running.get_id())

    @tracked
    @flow(name="launcher")
    def launcher() -> None:
        lost()

    launcher()
    with get_client(sync_client=True) as client:
        aborted(lost, client.read_flow_run(seen[0]), Crashed(message="killed"))  # type: ignore[arg-type]  # Prefect takes the id as text
    start, abort = recorder.of("lost", "START")[0], recorder.of("lost", "ABORT")[0]

    assert (abort["run"]["runId"], parent_and_root(abort)) == (
        start["run"]["runId"],
        parent_and_root(start),
    )


def test_a_crash_seen_by_another_process_ends_the_tasks_that_were_open(recorder: Recorder) -> None:
    """What was at work when the process was killed, nested flows too, is ABORT with its flow run.

    Whether that process can be seen to be gone from here does not matter.
    """
    seen: list[str] = []

    @task
    def done() -> None:
        pass

    @tracked
    @flow(name="lost")
    def lost() -> None:
        seen.append(running.get_id())
        done()

    lost()
    end = recorder.of("lost", "COMPLETE")[0]
    parent = RunRef(run_id=end["run"]["runId"], namespace="begat", job="lost")
    runs = [
        Caller(run=RunRef(run_id=new_id(), namespace="begat", job=job), parent=parent)
        for job in ("lost.open", "nested")
    ]
    inner = Caller(
        run=RunRef(run_id=new_id(), namespace="begat", job="nested.open"), parent=runs[1].run
    )
    for caller in (*runs, inner):
        start = run_event("START", caller=caller, time=now())
        assert recorder.record([start], lease=recorder.lease(caller.run.run_id))
    with get_client(sync_client=True) as client:
        aborted(lost, client.read_flow_run(seen[0]), Crashed(message="killed"))  # type: ignore[arg-type]  # Prefect takes the id as text
    states = {row["job"]: row["state"] for row in task_runs(recorder.store, parent.run_id)}
    with recorder.store.read() as db:
        left = held(db)

    assert states == {"lost.done": "COMPLETE", "lost.open": "ABORT", "nested": "ABORT"}
    assert [row["state"] for row in task_runs(recorder.store, runs[1].run.run_id)] == ["ABORT"]
    assert left == []


def test_a_task_that_a_task_calls_is_nested(recorder: Recorder) -> None:
    """Called or submitted, here or in a worker: Prefect itself says that a task called it."""

    @task
    def told() -> bool:
        caller = task_caller()
        assert caller is not None
        return caller.nested

    @task
    def outer() -> list[bool]:
        return [told(), told.with_options(seed=1).submit().result()]

    @flow(name="nesting")
    def nesting() -> list[bool]:
        return [*outer(), told.with_options(seed=2)()]

    assert nesting() == [True, True, False]


def test_a_nested_flow_run_of_another_process_finds_its_parent(recorder: Recorder) -> None:
    """Where the outer flow's context is not at hand, Prefect's server names the parent."""

    @flow(name="remote")
    def remote() -> str:
        return running.get_id()

    @flow(name="local")
    def local() -> tuple[str, str]:
        return running.get_id(), remote()

    above, below = local()
    with get_client(sync_client=True) as client:
        nest(client.read_flow_run(below), None)  # type: ignore[arg-type]  # Prefect takes the id as text
        parent = flow_caller("remote", client.read_flow_run(below)).parent  # type: ignore[arg-type]  # see above
        expected = flow_caller("local", client.read_flow_run(above)).run  # type: ignore[arg-type]  # see above

    assert parent == expected


def test_a_failed_flow_carries_its_error(recorder: Recorder) -> None:
    """FAIL of a flow run says what was raised."""

    @tracked
    @flow(name="broken")
    def broken() -> None:
        raise ValueError("wrong month")

    broken(return_state=True)
    facet = recorder.of("broken", "FAIL")[0]["run"]["facets"]["errorMessage"]

    assert "wrong month" in facet["message"]
