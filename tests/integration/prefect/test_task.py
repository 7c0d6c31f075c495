from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from prefect import flow, unmapped
from prefect import task as prefect_task
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect.results import ResultStore
from prefect.states import State

from begat.lineage.errors import ParameterError, PipelineError
from begat.tasks import task
from begat.tasks.adapter import Task, ended
from support.recorder import Recorder

failures: list[int] = []
SPIN = 30.0


@task
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@task
async def double_async(number: int) -> int:
    """Twice the number, in time."""
    await asyncio.sleep(0)
    return 2 * number


@task
def add(left: int, right: int) -> int:
    """The sum."""
    return left + right


@task
def fail(message: str) -> None:
    """Raise an error."""
    raise ValueError(message)


@task(retries=2)
def fail_twice() -> str:
    """Succeed at the third attempt."""
    failures.append(1)
    if len(failures) % 3:
        raise ValueError("again")
    return "done"


@task
def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


@task(timeout_seconds=0.2)
def spin() -> None:
    """Be busy for longer than allowed."""
    until = time.monotonic() + SPIN
    while time.monotonic() < until:
        pass


@task(timeout_seconds=0.2)
async def hang() -> None:
    """Wait for longer than allowed."""
    await asyncio.sleep(SPIN)


def test_a_run_starts_and_completes_inside_its_flow_run(recorder: Recorder) -> None:
    """A direct call is one run, between the START and the COMPLETE of its flow run."""

    @flow(name="direct")
    def direct() -> int:
        return double(21)

    result = direct()

    assert (result, recorder.table()) == (
        42,
        [
            ("direct", "START"),
            ("direct.double", "START"),
            ("direct.double", "COMPLETE"),
            ("direct", "COMPLETE"),
        ],
    )


def test_a_run_names_its_flow_run_as_parent_and_as_root(recorder: Recorder) -> None:
    """Parent and root of a task's run are the flow run's id and job."""

    @flow(name="outermost")
    def outermost() -> int:
        return double(1)

    outermost()
    flow_run = recorder.of("outermost")[0]["run"]["runId"]
    parent = recorder.of("outermost.double")[0]["run"]["facets"]["parent"]

    assert (parent["run"]["runId"], parent["root"]["run"]["runId"], parent["job"]["name"]) == (
        flow_run,
        flow_run,
        "outermost",
    )


def test_one_run_has_one_id_from_start_to_end(recorder: Recorder) -> None:
    """START and COMPLETE of an attempt carry the same run id, another one than its flow's."""

    @flow(name="ids")
    def ids() -> int:
        return double(5)

    ids()
    runs = [event["run"]["runId"] for event in recorder.events]

    assert (runs[1] == runs[2], runs[0] == runs[3], runs[0] != runs[1]) == (True, True, True)


def test_an_exception_fails_the_run_and_reaches_the_user(recorder: Recorder) -> None:
    """The user's own exception comes out, and the FAIL events carry its message."""

    @flow(name="failing")
    def failing() -> None:
        fail("no such month")

    with pytest.raises(ValueError, match="no such month"):
        failing()
    messages = [
        event["run"]["facets"]["errorMessage"]["message"]
        for event in recorder.events
        if event["eventType"] == "FAIL"
    ]

    assert ["no such month" in message for message in messages] == [True, True]


def test_each_attempt_is_a_run_of_its_own(recorder: Recorder) -> None:
    """Two retries make three runs, each with a START and one terminal event."""

    @flow(name="retrying")
    def retrying() -> str:
        return fail_twice()

    retrying()
    events = recorder.of("retrying.fail_twice")

    assert (
        [event["eventType"] for event in events],
        len({event["run"]["runId"] for event in events}),
    ) == (["START", "FAIL", "START", "FAIL", "START", "COMPLETE"], 3)


def test_an_interruption_aborts_run_and_flow_run(recorder: Recorder) -> None:
    """Ctrl-C in a task is no failure of it: ABORT."""

    @flow(name="interrupted")
    def interrupted() -> None:
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert recorder.table() == [
        ("interrupted", "START"),
        ("interrupted.interrupt", "START"),
        ("interrupted.interrupt", "ABORT"),
        ("interrupted", "ABORT"),
    ]


def test_a_timeout_in_the_main_thread_is_a_failure(recorder: Recorder) -> None:
    """A direct call that takes too long ends as FAIL."""

    @flow(name="slow")
    def slow() -> State[Any]:
        return spin(return_state=True)

    slow(return_state=True)

    assert recorder.table()[1:3] == [("slow.spin", "START"), ("slow.spin", "FAIL")]


def test_a_timeout_in_a_worker_thread_is_a_failure(recorder: Recorder) -> None:
    """A submitted task that takes too long ends as FAIL."""

    @flow(name="slow_thread")
    def slow_thread() -> None:
        spin.submit().wait()

    slow_thread(return_state=True)

    assert recorder.table()[1:3] == [("slow_thread.spin", "START"), ("slow_thread.spin", "FAIL")]


def test_a_timeout_of_an_async_task_is_a_failure(recorder: Recorder) -> None:
    """An async task that takes too long ends as FAIL."""

    @flow(name="slow_async")
    async def slow_async() -> None:
        await hang(return_state=True)

    asyncio.run(slow_async(return_state=True))

    assert recorder.table()[1:3] == [("slow_async.hang", "START"), ("slow_async.hang", "FAIL")]


def test_a_cancellation_without_a_timeout_is_an_abort() -> None:
    """Asyncio's cancellation is a FAIL only where the task's own time was up."""
    assert ended(asyncio.CancelledError()) == "ABORT"


def test_a_repeated_run_is_reused(recorder: Recorder) -> None:
    """The second time the function is not called: one COMPLETE names the run that did the work."""

    @flow(name="repeated")
    def repeated() -> int:
        return double(8)

    results = (repeated(), repeated())
    events = recorder.of("repeated.double")

    assert (
        results,
        [event["eventType"] for event in events],
        events[2]["run"]["facets"]["begat_reuse"]["run"],
    ) == ((16, 16), ["START", "COMPLETE", "COMPLETE"], events[0]["run"]["runId"])


def test_a_reused_run_is_shown_as_cached(recorder: Recorder) -> None:
    """Prefect names its state Cached; this alone is lost if Prefect changes what it promises."""

    @flow(name="shown")
    def shown() -> State[int]:
        return double(8, return_state=True)

    names = [shown().name, shown().name]

    assert names == ["Completed", "Cached"]


def test_a_reused_result_that_is_persisted_is_written_all_the_same(recorder: Recorder) -> None:
    """persist_result=True wins over the name Cached: another process can read the result."""
    persisted = double.with_options(persist_result=True)

    @flow(name="persisted")
    def once() -> State[int]:
        return persisted(9, return_state=True)

    first, second = once(), once()
    store = ResultStore()
    read = [store.read(state.data.metadata.storage_key).result for state in (first, second)]

    assert (read, len(recorder.of("persisted.double"))) == ([18, 18], 3)


def test_reuse_in_threads_returns_plain_data(recorder: Recorder) -> None:
    """A submitted task that is reused gives the value, not a state."""

    @flow(name="threads")
    def threads() -> list[int]:
        return double.map([1, 2, 3]).result()

    assert (threads(), threads()) == ([2, 4, 6], [2, 4, 6])


def test_the_flow_run_counts_what_ran_and_what_was_reused(recorder: Recorder) -> None:
    """COMPLETE of the flow run says how many tasks did work, how many were answered."""

    @flow(name="counting")
    def counting(last: int) -> None:
        double.map([1, 2, last]).wait()

    counting(3)
    counting(4)
    counts = [
        (facet["executed"], facet["reused"])
        for event in recorder.of("counting", "COMPLETE")
        for facet in [event["run"]["facets"]["begat_reuse"]]
    ]

    assert counts == [(3, 0), (1, 2)]


def test_twelve_mapped_tasks_are_twelve_runs(recorder: Recorder) -> None:
    """`.map` makes one run an item, and futures among the arguments are resolved."""

    @flow(name="mapping")
    def mapping() -> list[int]:
        doubled = double.map(range(12))
        return add.map(doubled, unmapped(1)).result()

    result = mapping()
    runs = {event["run"]["runId"] for event in recorder.of("mapping.add", "COMPLETE")}

    assert (result, len(runs)) == ([2 * number + 1 for number in range(12)], 12)


def test_an_async_task_is_tracked_in_an_async_flow(recorder: Recorder) -> None:
    """Async tasks are tracked when awaited and when submitted."""

    @flow(name="asynchronous")
    async def asynchronous() -> tuple[int, int]:
        future = double_async.submit(2)
        return await double_async(1), future.result()

    result = asyncio.run(asynchronous())

    assert (result, len(recorder.of("asynchronous.double_async", "COMPLETE"))) == ((2, 4), 2)


def test_an_async_task_is_reused(recorder: Recorder) -> None:
    """A repeated async call is answered as well."""

    @flow(name="asynchronous_again")
    async def again() -> int:
        return await double_async(3)

    results = [asyncio.run(again()) for _ in range(2)]

    assert (results, len(recorder.of("asynchronous_again.double_async", "START"))) == ([6, 6], 1)


def test_a_task_whose_upstream_failed_has_no_run(recorder: Recorder) -> None:
    """What never ran leaves no event."""

    @flow(name="upstream")
    def upstream() -> None:
        double.submit(fail.submit("broken")).wait()

    upstream(return_state=True)

    assert recorder.of("upstream.double") == []


def test_other_options_make_a_tracked_task_again(recorder: Recorder) -> None:
    """with_options keeps the wrapper, and a new name is the job's name."""
    renamed = double.with_options(name="twice", retries=1, seed=7)

    @flow(name="options")
    def options() -> int:
        return renamed(4)

    result = options()

    assert (result, type(renamed), renamed.retries, renamed.seed, recorder.table()[1]) == (
        8,
        Task,
        1,
        7,
        ("options.twice", "START"),
    )


def test_the_decorator_takes_prefects_options(recorder: Recorder) -> None:
    """Hooks, tags, retries and names given to @task are Prefect's and work as ever."""
    completed: list[str] = []

    @task(
        name="triple",
        tags={"numbers"},
        task_run_name="triple-{number}",
        on_completion=[lambda task, run, state: completed.append(run.name)],
    )
    def times_three(number: int) -> int:
        return 3 * number

    @flow(name="hooked")
    def hooked() -> int:
        return times_three(2)

    hooked()

    assert (completed, times_three.tags, recorder.table()[1][0]) == (
        ["triple-2"],
        {"numbers"},
        "hooked.triple",
    )


def test_outside_a_flow_a_task_is_just_its_function(recorder: Recorder) -> None:
    """A task called on its own runs, and records nothing."""
    assert (double(3), double.fn(4), recorder.events) == (6, 8, [])


def test_a_task_called_inside_a_task_belongs_to_the_flow_run(recorder: Recorder) -> None:
    """Tasks nest, and all are children of the flow run."""

    @task
    def outer() -> int:
        return double(10)

    @flow(name="nesting")
    def nesting() -> int:
        return outer()

    nesting()
    parents = {
        event["run"]["facets"]["parent"]["job"]["name"]
        for job in ("nesting.outer", "nesting.double")
        for event in recorder.of(job)
    }

    assert parents == {"nesting"}


def test_the_task_key_is_that_of_the_users_function() -> None:
    """Prefect identifies the task as it would without begat."""

    def function(number: int) -> int:
        return number

    expected = prefect_task(function).task_key

    assert (task(function).task_key, task(function).with_options(name="x").task_key) == (
        expected,
        expected,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"cache_policy": INPUTS},
        {"cache_key_fn": lambda context, parameters: "key"},
        {"result_storage_key": "key"},
    ],
)
def test_prefects_cache_is_refused_by_name(options: dict[str, Any]) -> None:
    """An option by which Prefect would skip the task is refused, in @task and in with_options."""
    with pytest.raises(ParameterError, match=next(iter(options))):
        task(**options)(lambda: None)
    with pytest.raises(ParameterError, match="task double asks Prefect to cache"):
        double.with_options(**options)


def test_no_cache_may_be_said() -> None:
    """cache_policy=NO_CACHE is what begat wants, so it may be written down."""
    assert task(cache_policy=NO_CACHE)(lambda: 1).persist_result is None


def test_generators_are_refused() -> None:
    """A task that yields has no one result to be tracked."""
    with pytest.raises(PipelineError, match="yields"):

        @task
        def numbers() -> Any:
            yield 1
