from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from begat import lineage
from begat.lineage import results
from begat.lineage.content.digest import digest_bytes
from begat.lineage.events import ids
from begat.lineage.records import DatasetVersion
from begat.lineage.tracking import Outcome, Tracked
from support.calls import asked, call, facet, keep, states, tracked, version, warnings
from support.recorder import Recorder

FACTOR = 2


@dataclass(frozen=True)
class Part:
    """A reference in a value of the user's own."""

    version: DatasetVersion


def scale(number: int) -> int:
    """Read a global."""
    return FACTOR * number


def peek(path: str) -> str:
    """Read a file that is no input."""
    return Path(path).read_text()


def scatter() -> DatasetVersion:
    """Write other bytes at each call."""
    return lineage.write(os.urandom(16), "noise")


# Reuse


def test_a_second_call_is_answered_by_the_first(recorder: Recorder) -> None:
    """It emits one COMPLETE that names the first run, and returns an equal value."""
    first = call(keep, version("x"), times=2)
    second = call(keep, version("x"), times=2)

    assert (states(recorder), facet(recorder, "begat_reuse")["run"], second) == (
        ["START", "COMPLETE", "COMPLETE"],
        first.run_id,
        Outcome(value=first.value, reused=True, run_id=first.run_id),
    )


def test_another_process_is_answered_too(recorder: Recorder) -> None:
    """What answers lies in the store, not in the process."""
    first = call(keep, version("x"))
    with lineage_of(recorder):
        second = call(keep, version("x"))

    assert second.run_id == first.run_id


def lineage_of(recorder: Recorder) -> Any:
    """Another workspace on the same home."""
    from begat.lineage.workspace import Workspace, using

    return using(Workspace(recorder.settings))


@pytest.mark.parametrize(
    "change",
    [
        lambda: call(keep, version("y")),
        lambda: call(keep, version("x"), times=3),
        lambda: call(keep, replace(version("x"), partition="month=1")),
        lambda: tracked(keep, seed=1).run(asked("keep"), (version("x"),), {}),
        lambda: tracked(keep).run(asked("keep_two"), (version("x"),), {}),
        lambda: Tracked(function=keep, name="keep", version=1).run(
            asked("keep"), (version("x"),), {}
        ),
    ],
    ids=["bytes", "parameter", "partition", "seed", "job", "version"],
)
def test_what_determines_the_output_decides(
    recorder: Recorder, change: Callable[[], Outcome]
) -> None:
    """Another input, partition, parameter, seed, job or task version is another run."""
    call(keep, version("x"))

    assert not change().reused


def test_where_an_input_lies_does_not_decide(recorder: Recorder) -> None:
    """The same bytes of the same dataset in another folder are answered."""
    call(keep, version("x"))
    elsewhere = replace(version("x"), name="/elsewhere/flights", location="/elsewhere")

    assert call(keep, elsewhere).reused


def test_a_changed_global_is_noticed(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two calls in one process too; and the old value is answered again."""
    found = [call(scale, 21)]
    monkeypatch.setitem(globals(), "FACTOR", 3)
    found.append(call(scale, 21))
    monkeypatch.setitem(globals(), "FACTOR", 2)
    found.append(call(scale, 21))

    assert [(outcome.value, outcome.reused) for outcome in found] == [
        (42, False),
        (63, False),
        (42, True),
    ]


@pytest.mark.parametrize("ruin", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_a_lost_output_is_made_again(recorder: Recorder, ruin: Callable[[Path], object]) -> None:
    """Neither a missing nor an overwritten artifact answers; the run restores it."""
    made = call(keep, version("x")).value
    name = made.digest.removeprefix("blake3:")
    path = Path(recorder.settings.artifacts) / name[:2] / name[2:]
    path.chmod(0o644)
    ruin(path)
    again = call(keep, version("x"))

    assert (again.reused, lineage.read(again.value)) == (
        False,
        f"{version('x').digest} 1".encode(),
    )


def test_the_earliest_complete_run_answers(recorder: Recorder) -> None:
    """Of two runs with one recipe the first to complete is named, once its output is back."""
    first = call(keep, version("x"))
    path = artifact(recorder, first.value)
    content = path.read_bytes()
    path.unlink()
    second = call(keep, version("x"))
    recorder.artifacts.write(content)
    third = call(keep, version("x"))

    assert (second.reused, third.run_id) == (False, first.run_id)


def artifact(recorder: Recorder, of: DatasetVersion) -> Path:
    """The file that holds a version's bytes."""
    name = of.digest.removeprefix("blake3:")
    return Path(recorder.settings.artifacts) / name[:2] / name[2:]


def test_two_results_of_one_recipe_are_noticed(recorder: Recorder) -> None:
    """A task that writes other bytes each time has a recipe that is marked so."""
    first = call(scatter)
    digest = facet(recorder, "begat_recipe")["digest"]
    before = recorder.store.nondeterministic(digest)
    artifact(recorder, first.value).unlink()
    second = call(scatter)

    assert (before, second.reused, recorder.store.nondeterministic(digest)) == (False, False, True)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_run_that_did_not_complete_never_answers(
    recorder: Recorder, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failure or an interruption the same call does the work."""

    def work(number: int) -> int:
        if lineage.current().run_id in FAILING:
            raise error
        return number

    caller = asked("work")
    monkeypatch.setitem(FAILING, caller.run.run_id, True)
    with pytest.raises(error):
        tracked(work).run(caller, (1,), {})
    monkeypatch.delitem(FAILING, caller.run.run_id)

    assert [call(work, 1).reused, call(work, 1).reused] == [False, True]


FAILING: dict[str, bool] = {}
CYCLE: list[Any] = [version("x")]
CYCLE.append(CYCLE)


def test_results_keep_their_types_and_order_for_the_tasks_after(recorder: Recorder) -> None:
    """A task after a reused one gets what it got the first time, so it is reused too."""

    def score() -> dict[str, Any]:
        return {"rmse": np.float64(0.5), "mae": 1.0, "n": (np.int64(3), -0.0, float("inf"))}

    def report(scores: dict[str, Any]) -> str:
        return ",".join(scores)

    found = [call(report, call(score).value) for _ in range(2)]

    assert [(outcome.value, outcome.reused) for outcome in found] == [
        ("rmse,mae,n", False),
        ("rmse,mae,n", True),
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({1, 2}, "builtins.set"),
        (Counter("ab"), "collections.Counter"),
        (Part(version("x")), "Part"),
        ("\ud800", "half a character"),
        ("a\0b", "U+0000"),
        (1 << 20_000, "20001 bits"),
        (np.zeros(2), "numpy.ndarray"),
        (np.longdouble(1), "longdouble"),
        (CYCLE, "contains itself"),
    ],
    ids=[
        "set",
        "subclass",
        "dataclass",
        "surrogate",
        "nul",
        "integer",
        "array",
        "longdouble",
        "cycle",
    ],
)
def test_a_value_that_cannot_be_kept_is_not_reusable(
    recorder: Recorder, value: Any, named: str
) -> None:
    """The run completes, says why it answers nobody, and the next one does the work."""

    def give() -> Any:
        return value

    found = [call(give).reused, call(give).reused]
    about = facet(recorder, "begat_recipe")

    assert (found, about["reusable"], named in about["reasons"][0]) == ([False, False], False, True)


def test_an_undeclared_file_is_named_once_and_the_run_not_reused(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that a task opens without being given it is a warning and a reason."""
    path = tmp_path / "holidays.txt"
    path.write_text("July 4")
    call(peek, str(path))
    said = warnings(caplog)
    about = facet(recorder, "begat_recipe")

    assert (len(said), str(path) in said[0], about["reusable"], about["reasons"]) == (
        1,
        True,
        False,
        [f"read {path}, which is none of its inputs"],
    )
    assert not call(peek, str(path)).reused


def test_what_begat_itself_opens_is_not_undeclared(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a reference is what tasks do, wherever the artifacts lie."""
    from begat.lineage.workspace import Workspace, using

    monkeypatch.setenv("BEGAT_ARTIFACTS", str(tmp_path / "artifacts"))

    def load(part: DatasetVersion) -> str:
        content: bytes = lineage.read(part)
        return content.decode()

    with using(Workspace()):
        made = call(keep, version("x")).value
        found = [call(load, made).reused, call(load, made).reused]

    assert found == [False, True]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda name: os.environ.get(name.upper()), "by a computed name"),
        (lineage.source, "took "),
    ],
    ids=["environment", "source"],
)
def test_what_it_finds_by_itself_makes_a_run_not_reusable(
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    body: Callable[[str], Any],
    reason: str,
) -> None:
    """Variables of computed names and sources taken inside a task are named in one warning."""
    path = tmp_path / "raw.csv"
    path.write_text("a\n1\n")

    def find(name: str) -> Any:
        return body(name)

    call(find, str(path))
    said = warnings(caplog)

    assert (len(said), reason in said[0], call(find, str(path)).reused) == (1, True, False)


def test_a_model_loaded_by_name_makes_a_run_not_reusable(recorder: Recorder) -> None:
    """What a name stands for may change: a run that asked is not reused."""
    from begat.lineage.registry import register

    model = lineage.write(DecisionTreeClassifier().fit([[0], [1]], [0, 1]), "model")
    register(
        recorder.store,
        model="delays",
        recipe=digest_bytes(b"r"),
        run_id=ids.new_id(),
        training_run_id=ids.new_id(),
        digest=model.digest,
        body={},
    )

    def predict() -> int:
        return int(lineage.load("delays@latest").predict([[1]])[0])

    outcome = call(predict)

    assert (outcome.value, facet(recorder, "begat_recipe")["reasons"]) == (
        1,
        ["loaded delays@latest, which is none of its inputs"],
    )


def test_a_run_that_called_one_that_is_not_reusable_is_not_either(
    recorder: Recorder, tmp_path: Path
) -> None:
    """What a task inside a task found undeclared, the outer one's result depends on."""
    path = tmp_path / "holidays.txt"
    path.write_text("July 4")

    def outer(name: str) -> str:
        found: str = call(peek, name).value
        return found

    call(outer, str(path))
    path.write_text("May 1")

    assert call(outer, str(path)).value == "May 1"


def test_a_result_that_cannot_be_read_answers_nothing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What another version of begat kept in another form is work to be done again."""
    call(keep, version("x"))
    monkeypatch.setitem(results._DECODERS, "$version", lambda body: body["no such field"])

    assert (call(keep, version("x")).reused, len(warnings(caplog))) == (False, 1)


# Async


def test_a_coroutine_function_is_tracked_to_its_end(recorder: Recorder) -> None:
    """START before, COMPLETE after it was awaited; a second call is answered."""

    async def wait(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def twice() -> list[Outcome]:
        return [await tracked(wait).run_async(asked("wait"), (3,), {}) for _ in range(2)]

    found = asyncio.run(twice())

    assert ([(o.value, o.reused) for o in found], states(recorder)) == (
        [(3, False), (3, True)],
        ["START", "COMPLETE", "COMPLETE"],
    )


def test_a_cancelled_coroutine_is_aborted(recorder: Recorder) -> None:
    """Cancellation while it waits is ABORT."""

    async def wait() -> None:
        await asyncio.Event().wait()

    async def cancel() -> None:
        running = asyncio.create_task(tracked(wait).run_async(asked("wait"), (), {}))
        while states(recorder) != ["START"]:
            await asyncio.sleep(0)
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())

    assert states(recorder) == ["START", "ABORT"]


def test_coroutines_at_once_are_runs_of_their_own(recorder: Recorder) -> None:
    """What two tasks write in one event loop belongs to the run that wrote it."""

    async def write(number: int) -> DatasetVersion:
        await asyncio.sleep(0)
        return lineage.write(str(number).encode(), "number")

    async def both() -> list[Outcome]:
        calls = (tracked(write).run_async(asked("write"), (n,), {}) for n in range(2))
        return await asyncio.gather(*calls)

    found = asyncio.run(both())

    assert [outcome.value.producer for outcome in found] == [outcome.run_id for outcome in found]


def test_current_outside_a_run_keeps_nothing() -> None:
    """Code that says something about its run may run without one."""
    run = lineage.current()
    run.run_facet("a", {"b": 1})
    run.not_reusable("because")

    assert (run.run_id, run.run_facets, run.reasons) == ("", {}, [])


def test_two_calls_of_a_plan_and_the_wrapper_have_one_recipe(recorder: Recorder) -> None:
    """A recipe made from shared arguments is the one that the call itself has."""
    task = tracked(keep)
    planned = task.prepared("delays.keep", {"times": 4}).recipe({"part": version("x")}, seed=0)
    call(keep, version("x"), times=4)

    assert planned.digest == facet(recorder, "begat_recipe")["digest"]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1, 2, 3), {"c": 4}), ((1,), {}), ((1, 2), {"b": 5, "z": 6})],
)
def test_all_kinds_of_parameters(
    recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Positional-only, variadic and keyword-only parameters reach the function as given."""

    def collect(a: int, /, *rest: int, c: int = 9, **more: int) -> list[Any]:
        return [a, list(rest), c, more]

    first, second = call(collect, *args, **kwargs), call(collect, *args, **kwargs)

    assert (first.value, second.value, second.reused) == (
        collect(*args, **kwargs),
        collect(*args, **kwargs),
        True,
    )
