from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
from sklearn.tree import DecisionTreeClassifier

from begat import lineage
from begat.lineage import attempt, events, provenance, recipe, results
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import RecipeError
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot
from begat.lineage.workspace import workspace
from support.calls import FLOW_RUN, asked, call, facet, keep, states, tracked, version
from support.recorder import Recorder


def scale(number: int) -> int:
    """Twice a number."""
    return 2 * number


def look() -> list[str]:
    """What has been recorded when a task runs."""
    return states(workspace())  # type: ignore[arg-type]  # the recorder


def refuse(message: str) -> None:
    """Fail."""
    raise ValueError(message)


# Events


def test_start_is_recorded_before_the_function_runs(recorder: Recorder) -> None:
    """The function sees its START and nothing else; afterwards there is one COMPLETE."""
    outcome = call(look)

    assert (outcome.value, states(recorder)) == (["START"], ["START", "COMPLETE"])


def test_both_events_are_of_one_run_with_parent_and_root(recorder: Recorder) -> None:
    """START and COMPLETE carry the caller's ids and job."""
    caller = asked("scale")
    tracked(scale).run(caller, (1,), {})

    assert [
        (event["run"]["runId"], event["job"]["name"], facets["parent"]["run"]["runId"])
        for event in recorder.events
        for facets in [event["run"]["facets"]]
    ] == [(caller.run.run_id, "delays.scale", FLOW_RUN.run_id)] * 2


def test_start_says_all_parameters_with_the_defaults_of_estimators(recorder: Recorder) -> None:
    """Hyperparameters that nobody wrote down are in the START."""

    def fit(estimator: object, depth: int = 3) -> int:
        return depth

    call(fit, DecisionTreeClassifier(max_depth=2))
    parameters = facet(recorder, "executionParameters", at=0)["parameters"]
    said = {entry["key"]: entry["value"] for entry in parameters}

    assert (said["depth"], said["estimator.max_depth"], said["estimator.min_samples_split"]) == (
        "3",
        "2",
        "2",
    )


def test_start_says_seeds_environment_and_recipe(recorder: Recorder) -> None:
    """What determines a run is told when it starts."""
    tracked(scale, seed=7).run(asked("scale"), (1,), {})
    facets = recorder.events[0]["run"]["facets"]

    assert (
        facets["begat_seeds"]["seed"],
        {"begat_recipe", "begat_packages", "begat_hardware"} <= facets.keys(),
    ) == (7, True)


def test_a_failure_carries_the_error_and_raises_it(recorder: Recorder) -> None:
    """The user's own exception comes out; FAIL has its message and its trace."""
    with pytest.raises(ValueError, match=r"^no such month$"):
        call(refuse, "no such month")
    message = facet(recorder, "errorMessage")

    assert (states(recorder), message["message"], "in refuse" in message["stackTrace"]) == (
        ["START", "FAIL"],
        "ValueError: no such month",
        True,
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_an_interruption_aborts(recorder: Recorder, error: type[BaseException]) -> None:
    """Ctrl-C, exit and cancellation are no failures of the task."""

    def stop() -> None:
        raise error

    with pytest.raises(error):
        call(stop)

    assert states(recorder) == ["START", "ABORT"]


def test_an_adapter_may_know_better_how_a_run_ended(recorder: Recorder) -> None:
    """A timeout that comes as an interruption is the adapter's to name."""

    def stop() -> None:
        raise KeyboardInterrupt

    def failed(error: BaseException) -> Literal["FAIL", "ABORT"]:
        return "FAIL"

    with pytest.raises(KeyboardInterrupt):
        tracked(stop).run(asked("stop"), (), {}, ended=failed)

    assert states(recorder) == ["START", "FAIL"]


def test_arguments_that_do_not_fit_fail_the_run(recorder: Recorder) -> None:
    """A call that Python would refuse is refused, and the attempt has its end."""
    with pytest.raises(TypeError, match="number"):
        call(scale)

    assert (states(recorder), "inputs" in recorder.events[0]) == (["FAIL"], False)


def test_what_has_no_digest_is_refused_by_name(recorder: Recorder) -> None:
    """An argument that nothing tells the changes of fails the run before it starts."""

    def count(lines: object) -> int:
        return 1

    with pytest.raises(RecipeError, match="lines"):
        call(count, iter([1]))

    assert states(recorder) == ["FAIL"]


def test_an_interruption_while_the_start_is_recorded_aborts(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at any moment of an attempt ends it as ABORT."""
    record = recorder.record

    def interrupted(given: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        record(given, *args, **kwargs)
        if given[0]["eventType"] == "START":
            raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(scale, 1)

    assert states(recorder) == ["START", "ABORT"]


def test_an_interruption_after_the_end_adds_no_other(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded as COMPLETE is not aborted too."""

    def interrupted(flow_run_id: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(attempt, "tally", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(scale, 1)

    assert states(recorder) == ["START", "COMPLETE"]


def test_facets_that_the_function_adds_are_in_the_end(recorder: Recorder) -> None:
    """What a task says about its run, job, inputs and outputs is in its terminal event."""

    def measure(part: DatasetVersion) -> DatasetVersion:
        run = lineage.current()
        made = lineage.write(b"made", "made")
        run.run_facet("my_run", {"a": 1})
        run.job_facet("my_job", {"b": 2})
        run.input_facet(part, "my_input", {"c": 3})
        run.output_facet(made, "my_output", {"d": 4})
        return made

    call(measure, version("x"))
    event = recorder.events[-1]

    assert (
        event["run"]["facets"]["my_run"]["a"],
        event["job"]["facets"]["my_job"]["b"],
        event["inputs"][0]["inputFacets"]["my_input"]["c"],
        event["outputs"][0]["facets"]["my_output"]["d"],
    ) == (1, 2, 3, 4)


def test_facets_are_told_of_a_failure_too(recorder: Recorder) -> None:
    """What a task found out before it failed is in its FAIL."""

    def measure(part: DatasetVersion) -> None:
        lineage.current().input_facet(part, "my_input", {"c": 3})
        lineage.current().run_facet("my_run", {"a": 1})
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        call(measure, version("x"))
    event = recorder.events[-1]

    assert (
        facet(recorder, "my_run")["a"],
        event["inputs"][0]["inputFacets"]["my_input"]["c"],
        event.get("outputs"),
    ) == (1, 3, None)


# Inputs and outputs


@dataclass(frozen=True)
class Parts:
    """References in a value of the user's own."""

    first: DatasetVersion
    rest: tuple[DatasetVersion, ...] = ()


class Pair(NamedTuple):
    """Two references by name."""

    left: DatasetVersion
    right: DatasetVersion


def arguments_read(recorder: Recorder) -> list[str]:
    """Which arguments the last run read."""
    return [
        entry["inputFacets"]["begat_snapshot"]["argument"]
        for entry in recorder.events[-1]["inputs"]
    ]


def written(recorder: Recorder) -> list[tuple[str, str]]:
    """Names and digests of what the last run wrote."""
    return [
        (entry["name"], entry["facets"]["version"]["datasetVersion"])
        for entry in recorder.events[-1]["outputs"]
    ]


def test_inputs_are_all_references_however_nested(recorder: Recorder) -> None:
    """References in lists, dictionaries, dataclasses, defaults and keywords are inputs."""
    default = version("d")

    def join(
        part: DatasetVersion,
        others: list[DatasetVersion],
        parts: Parts,
        lookup: DatasetVersion = default,
        **tables: DatasetVersion,
    ) -> int:
        return 1

    call(
        join,
        version("a"),
        [version("b"), version("c")],
        Parts(version("e"), (version("f"),)),
        weather=version("g"),
    )

    assert arguments_read(recorder) == [
        *("part", "others[0]", "others[1]", "parts.first", "parts.rest[0]"),
        *("lookup", "tables.weather"),
    ]


def test_a_snapshot_is_one_input_with_its_rows_at_the_end(recorder: Recorder) -> None:
    """START names the chunks of a snapshot, COMPLETE its rows; both come with the chunks."""
    months = Snapshot(versions=(version("a", partition="m=1"), version("b", partition="m=2")))

    def count(months: Snapshot) -> int:
        return len(months.versions)

    call(count, months)
    start, end = (event["inputs"][0]["inputFacets"]["begat_snapshot"] for event in recorder.events)

    assert (
        start["chunks"],
        "rows" in start,
        [row[0] for row in end["rows"]],
        {chunk.lineage for chunk in recorder.chunks},
    ) == (
        [chunk.lineage for chunk in recorder.chunks[: len(start["chunks"])]],
        False,
        ["m=1", "m=2"],
        set(start["chunks"]),
    )


MADE = [
    lambda made: made,
    lambda made: [made],
    lambda made: (made, 1),
    lambda made: {"model": {"file": made}},
    lambda made: {1: made},
    Parts,
    lambda made: Pair(made, made),
    lambda made: Snapshot(versions=(made,)),
]


@pytest.mark.parametrize("shape", MADE)
def test_outputs_are_what_is_returned_however_nested(
    recorder: Recorder, shape: Callable[[DatasetVersion], Any]
) -> None:
    """A reference anywhere in the return value is an output; the run produced it, in the store."""

    def make() -> Any:
        return shape(version("new"))

    outcome = call(make)
    [(_, made)] = recipe.inputs_of([outcome.value])[:1]
    made = made.versions[0] if isinstance(made, Snapshot) else made
    run_id = recorder.events[-1]["run"]["runId"]

    assert isinstance(made, DatasetVersion)
    assert (type(outcome.value), made.producer, made.location, written(recorder)) == (
        type(shape(version("new"))),
        run_id,
        "",
        [("/lake/flights", digest_bytes(b"new"))],
    )


def test_what_was_read_is_no_output(recorder: Recorder) -> None:
    """A reference that is passed through, alone or out of a snapshot, is none of the outputs."""
    months = Snapshot(versions=(version("a", partition="m=1"), version("b", partition="m=2")))
    model = ModelVersion(model="delays", version=1, digest=digest_bytes(b"m"))

    def choose(months: Snapshot, part: DatasetVersion, model: ModelVersion) -> list[Any]:
        return [months.versions[1], part, months, model, version("new")]

    outcome = call(choose, months, version("c"), model)

    assert (written(recorder), outcome.value[:4]) == (
        [("/lake/flights", digest_bytes(b"new"))],
        [months.versions[1], version("c"), months, model],
    )


def test_a_model_version_is_an_output(recorder: Recorder) -> None:
    """What register returns is written by the run, as it is."""
    model = ModelVersion(model="delays", version=1, digest=digest_bytes(b"m"), producer="")

    def enter() -> ModelVersion:
        return model

    outcome = call(enter)

    assert (outcome.value, written(recorder)) == (
        model,
        [("delays/model", digest_bytes(b"m"))],
    )


def test_a_value_without_references_is_returned_as_it_is(recorder: Recorder) -> None:
    """The user gets the very object that the function returned, of whatever type."""
    counted = Counter(a=1)
    listed = [counted, (1, [2]), {"b": {3}}]

    def give() -> Any:
        return listed

    assert call(give).value is listed


# Lineage never breaks training


def broken(*args: Any, **kwargs: Any) -> Any:
    """What should not happen."""
    raise RuntimeError("a bug")


def stain() -> list[Any]:
    """Say, and return, among other things what is no JSON."""
    run, text, part = lineage.current(), "a\0b", lineage.write(b"1", "kept")
    run.run_facet("begat_metrics", {"metrics": {text: 1.0}})
    run.run_facet("tags", {"tags": [{"key": "a", "value": "b", "source": "c"}]})
    run.job_facet("documentation", {"description": text})
    run.output_facet(part, "documentation", {"description": text})
    return [part, text]


def test_what_json_cannot_say_hides_no_end(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """All else of the COMPLETE is recorded; neither the run nor its caller answers another."""

    def outer() -> int:
        call(stain)
        return 1

    call(outer)
    inner = recorder.of("delays.stain", "COMPLETE")[-1]
    facets = inner["run"]["facets"]
    with recorder.store.read() as db:
        runs = db.execute("SELECT state, reusable FROM run WHERE kind = 'TASK'").fetchall()

    assert [tuple(run) for run in runs] == [("COMPLETE", 0), ("COMPLETE", 0)]
    assert ("begat_metrics" in facets, "tags" in facets) == (False, True)
    assert "documentation" not in {*inner["job"]["facets"], *inner["outputs"][0]["facets"]}
    assert facets["begat_recipe"]["result"] is None
    assert "U+0000" in facets["begat_recipe"]["reasons"][-1]
    assert "delays.stain is never reused (some of what it said cannot be recorded" in caplog.text


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (recipe, "prepare"),
        (attempt, "inputs_of"),
        (provenance, "environment"),
        (provenance, "commit"),
        (provenance, "sources_of"),
        (events, "run_event"),
        (events, "input_dataset"),
        (events, "output_dataset"),
        (results, "claimed"),
        (results, "encode"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.__name__.rpartition(".")[2],
)
def test_a_bug_in_lineage_breaks_no_task(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: Any,
    name: str,
) -> None:
    """Whatever goes wrong in begat, the task's value comes back, and a warning says so."""
    monkeypatch.setattr(module, name, broken)
    outcome = call(keep, version("x"))

    assert (lineage.read(outcome.value), "a bug" in caplog.text) == (
        f"{version('x').digest} 1".encode(),
        True,
    )


def test_a_bug_in_the_recipe_leaves_a_run_that_answers_nobody(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded with the reason, under a recipe that no other run has."""
    monkeypatch.setattr(recipe, "prepare", broken)
    found = [call(keep, version("x")).reused, call(keep, version("x")).reused]
    about = facet(recorder, "begat_recipe")

    assert (found, states(recorder), about["reasons"]) == (
        [False, False],
        ["START", "COMPLETE"] * 2,
        ["its recipe could not be made: RuntimeError('a bug')"],
    )


def test_a_store_that_cannot_say_costs_the_reuse_only(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When asking for earlier results goes wrong, the work is done."""
    call(keep, version("x"))
    monkeypatch.setattr(recorder, "answers", broken)

    assert not call(keep, version("x")).reused
