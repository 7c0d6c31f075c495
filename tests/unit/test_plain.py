from __future__ import annotations

import asyncio
import contextvars
import platform
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from begat.lineage import current, plain
from begat.lineage.errors import PipelineError
from begat.lineage.records import Caller
from begat.lineage.tracking import Tracked
from support.recorder import Recorder


@plain.task
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@plain.task
async def double_async(number: int) -> int:
    """Twice the number, in time."""
    await asyncio.sleep(0)
    return 2 * number


@plain.task
def fail() -> None:
    """Raise an error."""
    raise ValueError("no such month")


def parent_and_root(event: dict[str, Any]) -> tuple[str, str]:
    """Ids of the runs that an event names as its run's parent and root."""
    parent = event["run"]["facets"]["parent"]
    return parent["run"]["runId"], parent["root"]["run"]["runId"]


def test_a_flow_run_starts_and_completes_around_its_tasks(recorder: Recorder) -> None:
    """Tasks are runs of `{flow}.{task}` between the START and the COMPLETE of the flow."""
    with plain.flow("delays") as caller:
        value = double(21)

    assert (value, recorder.table(), caller.run.run_id) == (
        42,
        [
            ("delays", "START"),
            ("delays.double", "START"),
            ("delays.double", "COMPLETE"),
            ("delays", "COMPLETE"),
        ],
        recorder.events[0]["run"]["runId"],
    )


def test_the_flow_run_is_parent_and_root_of_its_tasks(recorder: Recorder) -> None:
    """A task's run names the flow run as both; the flow run names none."""
    with plain.flow("delays"):
        double(1)
    flow, task, *_ = recorder.events

    assert (parent_and_root(task), "parent" in flow["run"]["facets"]) == (
        (flow["run"]["runId"],) * 2,
        False,
    )


def test_nested_flows_name_parent_and_root(recorder: Recorder) -> None:
    """A flow in a flow in a flow: each names the one above, all the outermost."""
    with plain.flow("outer"), plain.flow("middle"), plain.flow("inner"):
        double(1)
    top, mid, low = (recorder.of(job)[0]["run"]["runId"] for job in ("outer", "middle", "inner"))

    assert [
        parent_and_root(recorder.of(job, "COMPLETE")[0])
        for job in ("middle", "inner", "inner.double")
    ] == [(top, top), (mid, top), (low, top)]


def test_the_engine_is_python(recorder: Recorder) -> None:
    """Runs say that nothing but Python ran them."""
    with plain.flow("delays"):
        pass
    engine = recorder.events[0]["run"]["facets"]["processing_engine"]

    assert (engine["name"], engine["version"]) == ("python", platform.python_version())


def test_outside_a_flow_a_task_is_its_function(recorder: Recorder) -> None:
    """Nothing is recorded, and the function is the wrapped one's."""
    assert (double(21), asyncio.run(double_async(4)), recorder.events, double.__name__) == (
        42,
        8,
        [],
        "double",
    )


def test_a_tracked_function_needs_a_flow() -> None:
    """Running one by itself says what is missing."""
    with pytest.raises(LookupError, match=r"call this inside `with plain\.flow"):
        plain.run(Tracked(function=abs, name="abs"), 1)


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError, "FAIL"), (KeyboardInterrupt, "ABORT"), (SystemExit, "ABORT")]
)
def test_a_flow_run_ends_as_its_block_does(
    recorder: Recorder, error: type[BaseException], state: str
) -> None:
    """What is raised inside comes out, and the flow run failed or was aborted."""
    with pytest.raises(error), plain.flow("delays"):
        raise error

    assert recorder.table() == [("delays", "START"), ("delays", state)]


def test_a_failed_task_fails_its_flow_run(recorder: Recorder) -> None:
    """Both say why."""
    with pytest.raises(ValueError, match="no such month"), plain.flow("delays"):
        fail()
    said = [
        event["run"]["facets"]["errorMessage"]["message"]
        for event in recorder.events
        if event["eventType"] == "FAIL"
    ]

    assert said == ["ValueError: no such month"] * 2


def test_a_flow_may_go_on_after_a_failed_task(recorder: Recorder) -> None:
    """A caught error leaves the flow run complete."""
    with plain.flow("delays"):
        with pytest.raises(ValueError, match="no such month"):
            fail()
        double(1)

    assert [state for _, state in recorder.table()] == [
        *("START", "START", "FAIL", "START", "COMPLETE", "COMPLETE")
    ]


def test_an_interruption_while_the_flow_starts_aborts_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C right after its START leaves no flow run open, and none to the tasks after."""
    record = recorder.record

    def interrupted(given: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        record(given, *args, **kwargs)
        if given[0]["eventType"] == "START":
            raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "record", interrupted)
    with pytest.raises(KeyboardInterrupt), plain.flow("delays"):
        pass
    double(1)

    assert recorder.table() == [("delays", "START"), ("delays", "ABORT")]


def test_the_end_of_a_flow_run_counts_its_tasks(recorder: Recorder) -> None:
    """COMPLETE says how many did work and how many were answered."""
    with plain.flow("delays"):
        found = [double(1), double(1), double(2)]
    reuse = recorder.events[-1]["run"]["facets"]["begat_reuse"]

    assert (found, reuse["executed"], reuse["reused"]) == ([2, 2, 4], 2, 1)


def test_a_flow_run_with_nothing_to_do_is_one_event(recorder: Recorder) -> None:
    """Its COMPLETE says how much was answered, and which model stands."""
    run_id = plain.unchanged("delays", reused=27, model_version="delays@2")
    [event] = recorder.events
    reuse = event["run"]["facets"]["begat_reuse"]

    assert (
        event["run"]["runId"],
        event["eventType"],
        (reuse["executed"], reuse["reused"], reuse["model_version"]),
    ) == (run_id, "COMPLETE", (0, 27, "delays@2"))


def test_name_and_seed_are_the_users_to_give(recorder: Recorder) -> None:
    """A task may be called otherwise, and be given a seed."""

    @plain.task(name="twice", seed=7)
    def any_name(number: int) -> tuple[int, int]:
        return 2 * number, current().seed

    with plain.flow("delays"):
        value = any_name(2)

    assert (value, recorder.table()[1][0]) == ((4, 7), "delays.twice")


def test_a_coroutine_function_is_tracked_when_it_is_awaited(recorder: Recorder) -> None:
    """Async tasks in one event loop belong to the flow they are called in."""

    async def main() -> list[int]:
        with plain.flow("delays"):
            return await asyncio.gather(double_async(1), double_async(2))

    found = asyncio.run(main())

    assert (found, sorted(recorder.table())) == (
        [2, 4],
        [
            ("delays", "COMPLETE"),
            ("delays", "START"),
            *[("delays.double_async", "COMPLETE")] * 2,
            *[("delays.double_async", "START")] * 2,
        ],
    )


def test_two_flows_at_once_keep_their_tasks_apart(recorder: Recorder) -> None:
    """Each coroutine's tasks are in the flow that it opened."""

    async def one(name: str) -> None:
        with plain.flow(name):
            await asyncio.sleep(0)
            await double_async(len(name))

    async def main() -> None:
        await asyncio.gather(one("a"), one("bb"))

    asyncio.run(main())

    assert {job for job, _ in recorder.table()} == {
        *("a", "a.double_async", "bb", "bb.double_async")
    }


def test_threads_in_a_copy_of_the_context_belong_to_the_flow(recorder: Recorder) -> None:
    """Many threads record at once, each run under its own id."""
    with plain.flow("delays"), ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(contextvars.copy_context().run, double, number) for number in range(20)
        ]
        found = [done.result() for done in calls]
    ended = recorder.of("delays.double", "COMPLETE")

    assert (found, len({event["run"]["runId"] for event in ended})) == (
        [2 * number for number in range(20)],
        20,
    )


def test_a_task_in_a_task_is_a_run_of_the_same_flow(recorder: Recorder) -> None:
    """Both are runs; what the inner one is, the outer one's recipe knows."""

    @plain.task
    def outer(number: int) -> int:
        return double(number) + 1

    with plain.flow("delays") as caller:
        found = [outer(1), outer(1)]
    assert isinstance(caller, Caller)
    inner = recorder.of("delays.double", "COMPLETE")

    assert (found, [parent_and_root(event)[0] for event in inner]) == (
        [3, 3],
        [caller.run.run_id],
    )


def test_a_generator_is_refused() -> None:
    """A task has one result."""

    def rows() -> Iterator[int]:
        yield 1

    async def rows_async() -> AsyncIterator[int]:
        yield 1

    for function in (rows, rows_async):
        with pytest.raises(PipelineError, match="return a list of references"):
            plain.task(function)


def test_a_function_without_a_name_needs_one(recorder: Recorder) -> None:
    """A partial is refused until it is called something."""
    half = partial(pow, 2)
    with pytest.raises(PipelineError, match=r"plain\.task\(name="):
        plain.task(half)
    named = plain.task(name="power")(half)
    with plain.flow("delays"):
        value = named(3)

    assert (value, recorder.table()[1][0]) == (8, "delays.power")
