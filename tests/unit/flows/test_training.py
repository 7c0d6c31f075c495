from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from begat import lineage
from begat.flows import Pipeline, Report, training
from begat.lineage import plain, settings
from begat.lineage.errors import BegatError, DataError, ParameterError, StoreError
from begat.lineage.workspace import Workspace, using, workspace
from support.delays import SHAPES, Lake, clean, features, month
from support.recorder import Recorder


def run(pipeline: Pipeline, **how: str) -> Report:
    """Run a pipeline without an orchestrator."""
    return pipeline.run(adapter="plain", **how)  # type: ignore[arg-type]  # only strings here


def ran(report: Report) -> dict[str, int]:
    """How many tasks of each step did work."""
    return dict(
        Counter(task.job.rpartition(".")[2] for task in report.tasks if task.state == "COMPLETE")
    )


AFTER = {"train": 1, "evaluate": 1, "register": 1}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plan_after_a_run_finds_everything_done(lake: Lake, shape: str) -> None:
    """The plan's recipes are the wrapper's: all is reused, and the version stands."""
    pipeline = SHAPES[shape](lake)
    done = run(pipeline)
    planned = training.plan(pipeline)
    again = run(pipeline)

    assert (done.model_version, done.count("COMPLETE")) == ("delays@1", len(done.tasks))
    assert (planned.count("REUSED"), planned.model_version, planned.metrics) == (
        len(done.tasks),
        "delays@1",
        done.metrics,
    )
    assert [(task.job, task.partition, task.run_id) for task in again.tasks] == [
        (task.job, task.partition, task.run_id) for task in done.tasks
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_registered_model_predicts_from_features(lake: Lake, shape: str) -> None:
    """What was trained is loaded by its name and takes featurized rows as they are."""
    pipeline = SHAPES[shape](lake)
    report = run(pipeline)
    rows = pipeline.featurize(
        clean(month(7)).assign(size=1) if shape == "lookup" else clean(month(7))
    )
    model = lineage.load(report.model_version)

    assert (len(model.predict(rows[model.feature_names_in_])), report.metrics != {}) == (40, True)


def test_a_plan_before_a_run_knows_what_it_can(lake: Lake) -> None:
    """What depends on a stale task is pending; nothing runs, and no flow run is recorded."""
    planned = training.plan(SHAPES["plainly"](lake))
    store = workspace().store

    assert [(task.job, task.partition, task.state) for task in planned.tasks] == [
        *(("delays.prepare", f"month={key}", "STALE") for key in ("2013-9", "2013-10", "2013-11")),
        *(
            ("delays.featurize", f"month={key}", "PENDING")
            for key in ("2013-9", "2013-10", "2013-11")
        ),
        *((f"delays.{step}", "", "PENDING") for step in ("train", "evaluate", "register")),
    ]
    with store.read() as db:
        assert db.execute("SELECT COUNT(*) FROM event").fetchone()[0] == 0


def test_the_last_partition_in_natural_order_is_held_out(lake: Lake) -> None:
    """October comes after September, though its text does not: November evaluates."""
    run(SHAPES["plainly"](lake))
    with workspace().store.read() as db:
        rows = db.execute(
            "SELECT g.argument, v.partition FROM reading g JOIN run r ON r.id = g.run "
            "JOIN edge e ON e.child = g.node JOIN edge f ON f.child = e.parent "
            "JOIN product p ON p.id * 4 + 1 = f.parent JOIN version v ON v.id = p.version "
            "WHERE g.argument IN ('features', 'holdout')"
        ).fetchall()

    assert sorted(tuple(row) for row in rows) == [
        ("features", "month=2013-10"),
        ("features", "month=2013-9"),
        ("holdout", "month=2013-11"),
    ]


# What runs again


def test_a_new_partition_costs_what_it_changes(lake: Lake) -> None:
    """One more month is prepared and featurized; what trained on the others is trained anew."""
    lake.months()
    run(lake.pipeline())
    lake.put("raw/month=2013-12.csv", month(12))
    report = run(lake.pipeline())

    assert (ran(report), report.model_version) == (
        {"prepare": 1, "featurize": 1, **AFTER},
        "delays@2",
    )


def test_a_row_that_prepare_drops_costs_that_prepare(lake: Lake) -> None:
    """Early cut-off: the prepared bytes are the same, so nothing after it runs."""
    lake.months()
    run(lake.pipeline())
    lake.put("raw/month=2013-10.csv", month(1).assign(gate=0))

    assert ran(run(lake.pipeline())) == {"prepare": 1}


def test_a_lookup_costs_every_prepare(lake: Lake) -> None:
    """A changed lookup is read by every partition."""
    pipeline = SHAPES["lookup"](lake)
    run(pipeline)
    lake.put("carriers.csv", pd.DataFrame({"carrier": ["AA", "UA"], "size": [1, 3]}))

    assert ran(run(pipeline)) == {"prepare": 3, "featurize": 3, **AFTER}


def test_a_parameter_there_and_back(lake: Lake) -> None:
    """Another parameter is another version; back at the old one, the old version stands."""
    lake.months()
    first = run(lake.pipeline())
    changed = run(lake.pipeline(), parameters={"train.max_depth": 1})  # type: ignore[arg-type]  # a mapping here
    back = run(lake.pipeline())

    assert (first.model_version, ran(changed), changed.model_version) == (
        "delays@1",
        AFTER,
        "delays@2",
    )
    assert (ran(back), back.model_version, back.metrics) == ({}, "delays@1", first.metrics)


def test_a_default_given_as_a_parameter_is_a_parameter(lake: Lake) -> None:
    """A default written down anew changes what it changes, and nothing before it."""
    lake.months()
    run(lake.pipeline())
    report = run(lake.pipeline(), parameters={"featurize.unit": 7.0})  # type: ignore[arg-type]  # a mapping here

    assert ran(report) == {"featurize": 3, **AFTER}


def test_partitions_are_the_users_to_choose(lake: Lake) -> None:
    """A subset trains another model; each month's own work is shared between the two."""
    lake.months()
    part = run(lake.pipeline(), partitions="month<=2013-10")
    whole = run(lake.pipeline())
    again = run(lake.pipeline(), partitions="month<=2013-10")

    assert ran(part) == {"prepare": 2, "featurize": 2, **AFTER}
    assert ran(whole) == {"prepare": 1, "featurize": 1, **AFTER}
    assert (ran(again), again.model_version) == ({}, "delays@1")


def test_a_lost_intermediate_is_made_again(lake: Lake, recorder: Recorder) -> None:
    """What is missing is recomputed with the same bytes; nothing after it runs."""
    lake.months()
    run(lake.pipeline())
    [made] = [
        entry["facets"]["version"]["datasetVersion"]
        for event in recorder.of("delays.prepare", "COMPLETE")
        for entry in event["outputs"]
        if entry["outputFacets"]["subset"]["outputCondition"]["partitions"][0]["identifier"]
        == "month=2013-10"
    ]
    name = made.removeprefix("blake3:")
    path = Path(recorder.settings.artifacts) / name[:2] / name[2:]
    content = path.read_bytes()
    path.unlink()

    assert (ran(run(lake.pipeline())), path.read_bytes() == content) == ({"prepare": 1}, True)


# What is told of it


def test_progress_is_told(lake: Lake) -> None:
    """How many calls of a step are answered, how many have to run, and how many of them did."""
    lake.months()
    run(lake.pipeline(), partitions="month<=2013-10")
    told: list[tuple[str, int, int, int]] = []

    def progress(task: str, *, reused: int, missing: int, done: int = 0) -> None:
        told.append((task, reused, missing, done))

    training.run(lake.pipeline(), adapter="plain", progress=progress)

    assert told == [
        *(("prepare", 2, 1, done) for done in (0, 1)),
        *(("featurize", 2, 1, done) for done in (0, 1)),
        *((step, 0, 1, done) for step in ("train", "evaluate", "register") for done in (0, 1)),
    ]


def test_a_flow_run_says_what_it_came_to(lake: Lake, recorder: Recorder) -> None:
    """Its COMPLETE counts and names the version; one that had nothing to do is that alone."""
    lake.months()
    first = run(lake.pipeline(), partitions="month<=2013-10")
    done = run(lake.pipeline())
    again = run(lake.pipeline())
    said = [
        (event["run"]["runId"], *(reuse.get(k) for k in ("executed", "reused", "model_version")))
        for event in recorder.of("delays", "COMPLETE")
        for reuse in [event["run"]["facets"]["begat_reuse"]]
    ]

    assert said == [
        (first.flow_run_id, 7, 0, "delays@1"),
        (done.flow_run_id, 5, 4, "delays@2"),
        (again.flow_run_id, 0, 9, "delays@2"),
    ]
    assert len(recorder.of("delays", "START")) == 2


def test_a_report_is_one_json_object(lake: Lake) -> None:
    """With the names that `begat run --json` promises."""
    lake.months()
    shown = run(lake.pipeline()).to_json()

    assert (list(shown), shown["tasks"][0].keys(), shown["prefect_flow_run_id"]) == (
        [
            *("model_version", "promoted", "flow_run_id", "prefect_flow_run_id"),
            *("executed", "reused", "metrics", "tasks"),
        ],
        {"job", "partition", "run_id", "state"},
        None,
    )


def test_work_that_somebody_else_did_meanwhile_is_not_counted(lake: Lake) -> None:
    """Between the plan and the call another run may have answered it."""
    lake.months()
    pipeline = lake.pipeline()
    rivals = []

    def progress(task: str, *, reused: int, missing: int, done: int = 0) -> None:
        if not rivals:  # the other run does everything while this one has only planned
            rivals.append(None)
            rivals.append(run(pipeline))

    report = training.run(pipeline, adapter="plain", progress=progress)

    assert (ran(report), report.model_version) == ({}, "delays@1")


# When it cannot be done


def broken(frame: pd.DataFrame) -> pd.DataFrame:
    """Fail for one month only."""
    if frame["distance"].iloc[0] == month(1)["distance"].iloc[0]:
        raise ValueError("no such month")
    return features(frame)


def test_a_failed_partition_fails_the_flow_and_keeps_the_others(
    lake: Lake, recorder: Recorder
) -> None:
    """What succeeded beside it is not done again once the function is mended."""
    lake.months()
    with pytest.raises(DataError, match=r"month=2013-10.*no such month"):
        run(lake.pipeline(featurize=broken))
    states = [state for job, state in recorder.table() if job == "delays.featurize"]

    assert (Counter(states), recorder.table()[-1]) == (
        {"START": 3, "COMPLETE": 2, "FAIL": 1},
        ("delays", "FAIL"),
    )


def test_several_failed_partitions_are_counted(lake: Lake) -> None:
    """The first is told, with how many more there are."""
    lake.months()

    with pytest.raises(DataError, match=r"and 2 more like it failed"):
        run(lake.pipeline(featurize=lambda frame: frame["nothing"]))


def test_without_the_store_a_plan_stops(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot know what is done, and says so before anything runs."""
    lake.months()
    monkeypatch.setenv("BEGAT_STORE", f"sqlite:///{tmp_path}/gone/begat.db")

    with using(Workspace()), pytest.raises(StoreError, match="BEGAT_STORE"):
        run(lake.pipeline())


def test_a_model_that_could_not_be_registered_is_registered_next_time(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the store everything is trained and kept; once it is back only register runs."""
    lake.months()
    folder = tmp_path / "gone"
    monkeypatch.setenv("BEGAT_STORE", f"sqlite:///{folder}/begat.db")
    with using(Recorder(settings.load())) as away:
        assert isinstance(away, Recorder)
        without = training.run(lake.pipeline(), adapter="plain", ask=False)
    folder.mkdir()
    with using(Workspace()):
        report = run(lake.pipeline())

    assert (without.model_version, without.tasks[-1].state) == ("", "STALE")
    assert away.table()[-2:] == [("delays.register", "FAIL"), ("delays", "COMPLETE")]
    assert (ran(report), report.model_version) == ({"register": 1}, "delays@1")


def test_a_pipeline_inside_another_flow_is_nested(lake: Lake, recorder: Recorder) -> None:
    """A pipeline that a script's flow runs names that as its parent."""
    lake.months()
    with plain.flow("nightly") as outer:
        run(lake.pipeline())
    parent = recorder.of("delays", "COMPLETE")[0]["run"]["facets"]["parent"]

    assert parent["run"]["runId"] == outer.run.run_id


@pytest.mark.parametrize(
    ("partitions", "error", "said"),
    [
        ("month<=2012-01", DataError, "no partition"),
        ("year=2013", ParameterError, "'year'"),
        ("month", ParameterError, "takes comparisons"),
        ("month=2013-9", DataError, "leaves nothing to train on"),
    ],
)
def test_partitions_that_cannot_be_trained_on_are_refused(
    lake: Lake, recorder: Recorder, partitions: str, error: type[BegatError], said: str
) -> None:
    """Before a flow run starts."""
    lake.months()
    with pytest.raises(error, match=said):
        run(lake.pipeline(), partitions=partitions)

    assert recorder.events == []
