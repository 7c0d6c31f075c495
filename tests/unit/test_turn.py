"""One unit of work is done once: of those who ask at the same time one works, others wait."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import attempt, settings, turn, workspace
from begat.lineage.errors import StoreError
from begat.lineage.events import ids
from begat.lineage.graph import leases, reaper
from begat.lineage.graph.leases import Lease
from begat.lineage.tracking import Outcome
from support.calls import asked, call, keep, states, tracked, version
from support.recorder import Recorder

#: Seconds after which a test that waits for nothing fails.
PATIENCE = 60


class Watched(Recorder):
    """A workspace that knows who works, and lets them end.

    A task asks it, as it asks all of begat's, without its being part of the recipe.
    """

    def __init__(self, given: settings.Settings) -> None:
        super().__init__(given)
        self.begun, self.waiting = threading.Semaphore(0), threading.Semaphore(0)
        self.may_end = threading.Event()
        self.calls = self.failures = 0
        #: Whether a test would wait for ever if anybody waited.
        self.nobody_waits = False
        self.inner: Callable[[], object] = lambda: None

    def work(self) -> None:
        """What a task does."""
        self.calls += 1
        self.begun.release()
        assert self.may_end.wait(PATIENCE)
        if self.failures:
            self.failures -= 1
            raise ValueError("it failed")


@pytest.fixture
def watched(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """The workspace of this test."""
    wait = turn.wait

    def told(seconds: float) -> None:
        assert not made.nobody_waits
        made.waiting.release()
        wait(seconds)

    monkeypatch.setattr(turn, "wait", told)
    made = Watched(settings.load())
    with workspace.using(made):
        yield made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for those who ask at the same time."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def work(number: int) -> int:
    """A task that is watched."""
    workspace.workspace().work()  # type: ignore[attr-defined]  # the one above
    return number


def calls_another(number: int) -> int:
    """A task that calls what a test says."""
    workspace.workspace().inner()  # type: ignore[attr-defined]  # the one above
    return number


def begun(counted: threading.Semaphore, times: int = 1) -> None:
    """Wait until something has been done so often."""
    for _ in range(times):
        assert counted.acquire(timeout=PATIENCE)


def came_to(*futures: Future[Outcome]) -> list[tuple[Any, bool]]:
    """What calls came to: the value, and whether it was reused."""
    outcomes = [future.result(PATIENCE) for future in futures]
    return sorted((outcome.value, outcome.reused) for outcome in outcomes)


def held_elsewhere(space: Recorder) -> str:
    """Let a run of another process, which does not tell of its end, hold the recipe of `work`."""
    recipe = tracked(work).recipe("delays.work", {"number": 1}).digest
    run_id = ids.new_id()
    assert space.store.record([], lease=Lease(key=recipe, run_id=run_id, seconds=1000))
    return run_id


def test_threads_that_ask_for_the_same(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """One of four works; the others wait for it, and reuse what it returned."""
    futures = [pool.submit(call, work, 1) for _ in range(4)]
    begun(watched.begun)
    begun(watched.waiting, 3)
    watched.may_end.set()

    assert came_to(*futures) == [(1, False)] + [(1, True)] * 3
    assert watched.calls == 1
    assert states(watched) == ["START"] + ["COMPLETE"] * 4


def test_threads_that_ask_for_different_things(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """Nobody waits for another recipe."""
    futures = [pool.submit(call, work, number) for number in range(4)]
    begun(watched.begun, 4)
    watched.may_end.set()

    assert came_to(*futures) == [(number, False) for number in range(4)]


def test_one_that_fails_is_followed_by_the_next(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """Who waited for a run that failed does the work itself."""
    watched.failures = 1
    futures = [pool.submit(call, work, 1) for _ in range(2)]
    begun(watched.begun)
    begun(watched.waiting)
    watched.may_end.set()
    errors = [future.exception(PATIENCE) for future in futures]

    assert sorted(map(str, errors)) == ["None", "it failed"]
    assert watched.calls == 2


def test_one_that_died_is_followed_by_the_next(
    watched: Watched, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a process that is gone does the work itself."""
    holder = held_elsewhere(watched)
    future = pool.submit(call, work, 1)
    begun(watched.waiting)
    before = watched.calls
    monkeypatch.setattr(leases, "is_gone", lambda process: True)
    watched.may_end.set()

    assert (before, came_to(future), watched.calls) == (0, [(1, False)], 1)
    assert leases.beat(watched.store, [holder], 1000) == 0


def test_an_answer_that_comes_between_question_and_start(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends just after it was asked for is reused all the same."""
    watched.may_end.set()
    start = attempt.Attempt._start

    def late(self: attempt.Attempt) -> Iterator[float]:
        monkeypatch.setattr(attempt.Attempt, "_start", start)
        call(work, 1)
        yield from self._start()

    monkeypatch.setattr(attempt.Attempt, "_start", late)

    assert call(work, 1).reused
    assert watched.calls == 1


def test_what_cannot_be_reused_is_waited_for_by_nobody(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task whose runs answer no other begins at once, beside others of its recipe."""
    watched.nobody_waits = True
    watched.may_end.set()
    made = tracked(work)
    held_elsewhere(watched)
    recipe = replace(made.recipe("delays.work", {"number": 1}), reasons=("it says so",))
    monkeypatch.setattr(type(made), "recipe", lambda *_: recipe)

    assert not call(work, 1).reused


def test_a_task_that_calls_its_own_recipe(watched: Watched) -> None:
    """It does not wait for itself."""
    watched.nobody_waits = True
    again = [1]

    def inner() -> None:
        if again:
            again.pop()
            call(calls_another, 1)

    watched.inner = inner
    call(calls_another, 1)

    assert states(watched) == ["START", "START", "COMPLETE", "COMPLETE"]


def test_who_holds_a_recipe_waits_for_no_other(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """Two tasks, of which each calls what the other does, both end, nested ever so deep."""
    watched.nobody_waits = True
    held_elsewhere(watched)
    watched.may_end.set()
    watched.inner = lambda: call(work, 1)

    assert not call(calls_another, 2).reused
    assert watched.calls == 1


def test_a_thread_of_a_task_that_holds_a_recipe(watched: Watched) -> None:
    """A thread that has its context waits as little as the task that started it."""
    watched.nobody_waits = True
    held_elsewhere(watched)
    watched.may_end.set()

    def inner() -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(call, work, 1))
        thread.start()
        thread.join()

    watched.inner = inner
    call(calls_another, 2)

    assert watched.calls == 1


def test_a_nested_task_of_another_process(watched: Watched) -> None:
    """What an orchestrator says is nested in a task waits for nobody."""
    watched.nobody_waits = True
    held_elsewhere(watched)
    watched.may_end.set()
    nested = replace(asked("work"), nested=True)

    assert not tracked(work).run(nested, (1,), {}).reused


def test_a_flow_below_a_task_of_another_process(watched: Watched) -> None:
    """What was started inside a task that holds its recipe waits for nobody."""
    watched.nobody_waits = True
    above: list[Any] = []

    def inner() -> None:
        above.append(watched.events[-1]["run"]["runId"])
        held_elsewhere(watched)
        caller = asked("work")
        assert caller.parent is not None
        below = replace(caller, parent=replace(caller.parent, run_id=above[0]))
        contextvars.Context().run(tracked(work).run, below, (1,), {})

    watched.may_end.set()
    watched.inner = inner
    call(calls_another, 2)

    assert watched.calls == 1


def test_coroutines_that_ask_for_the_same(recorder: Recorder) -> None:
    """One works, the other waits for it without holding up the loop they share."""
    done = []

    async def slow(number: int) -> int:
        await asyncio.sleep(0)  # the other has asked by then
        return number

    async def both() -> None:
        once = [tracked(slow).run_async(asked("slow"), (1,), {}) for _ in range(2)]
        done.extend(await asyncio.gather(*once))

    asyncio.run(both())

    assert sorted(outcome.reused for outcome in done) == [False, True]


def test_without_a_store_nobody_waits(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    """A store that goes away while somebody waits lets them work without a lease."""
    held_elsewhere(watched)
    future = pool.submit(call, work, 1)
    begun(watched.waiting)

    def refuse(*_: object, **__: object) -> Any:
        raise StoreError("the lineage store is away; try again")

    monkeypatch.setattr(watched.store, "read", refuse)
    monkeypatch.setattr(watched.store, "record", refuse)
    watched.may_end.set()

    assert came_to(future) == [(1, False)]


def test_bytes_that_are_lost_are_made_again(watched: Watched, home: Path) -> None:
    """A run that answers with bytes that are gone keeps nobody from working."""
    first = call(keep, version("x"))
    digest = first.value.digest.removeprefix("blake3:")
    (home / "artifacts" / digest[:2] / digest[2:]).unlink()
    second = call(keep, version("x"))

    assert (first.reused, second.reused, second.value.digest) == (False, False, first.value.digest)


def test_signs_of_life(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """As long as a run works it is told to be alive, and no longer."""
    heard: list[frozenset[str]] = []
    twice = threading.Semaphore(0)

    def beat(held: Any) -> None:
        heard.append(held)
        twice.release()

    watched.pulse.close()
    watched.pulse = workspace.Pulse(beat, lasts=0.03)
    future = pool.submit(call, work, 1)
    begun(watched.begun)
    begun(twice, 2)
    watched.may_end.set()
    run_id = future.result(PATIENCE).run_id
    heard_while = heard[-1]
    begun(twice, 2)

    assert heard_while == {run_id}
    begun(twice, 2)
    assert heard[-1] == frozenset()


def test_a_process_that_lives_keeps_its_lease(watched: Watched, pool: ThreadPoolExecutor) -> None:
    """A sign of life moves the end of the lease in the store, and reaps the dead on the way."""
    dead = held_elsewhere(watched)
    future = pool.submit(call, work, 2)
    begun(watched.begun)
    with watched.store.write() as db:
        db.execute("UPDATE lease SET expires = '2020-01-01T00:00:00.000000Z'")
    watched._beat(watched.pulse._held)
    with watched.store.read() as db:
        left = [one.run_id for one in leases.held(db)]
    watched.may_end.set()

    assert came_to(future) == [(2, False)]
    assert (len(left), dead in left) == (1, False)
    assert reaper.reap(watched.store) == []
