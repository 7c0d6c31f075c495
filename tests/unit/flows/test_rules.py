"""A model's rules, as its pipeline says them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from begat.flows import Pipeline, Report, training
from begat.lineage.errors import PipelineError, SettingsError
from begat.lineage.registry import audit
from begat.lineage.registry.current import find
from begat.lineage.registry.identity import user
from begat.lineage.registry.policy import own
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace, using, workspace
from support.delays import Lake, month
from support.recorder import Recorder

FLOOR = {"gate": "metric", "metric": "accuracy", "at_least": 0.1}
HIGH = {"gate": "metric", "metric": "accuracy", "at_least": 1.1}
BY_ITSELF = {"promote": "staging", "required": []}


def run(pipeline: Pipeline) -> Report:
    """Run a pipeline without an orchestrator."""
    return pipeline.run(adapter="plain")


def stage(ref: str) -> str:
    return find(workspace(), ref).stage


@pytest.fixture
def small(lake: Lake) -> Lake:
    """Two months of it."""
    lake.months(["2013-10", "2013-11"])
    return lake


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"policy": ["gates"]}, "policy of delays is a mapping of rules by key"),
        ({"gates": "metric"}, "gates of delays is a list of mappings; got 'metric'"),
        ({"gates": FLOOR}, "gates of delays is a list of mappings"),
        ({"gates": ["metric"]}, "gates in the policy of delays is a list of tables"),
        ({"gates": [{"gate": "metrik"}]}, "there is no gate 'metrik'; .* the policy of delays"),
        ({"gates": [{**FLOOR, "at_last": 1}]}, "gate metric has no key 'at_last'"),
        ({"policy": {"sign": 1}}, "the policy of delays has no key 'sign'"),
        ({"policy": {"stable_hours": "2d"}}, "stable_hours in the policy of delays is a number"),
        ({"policy": {"serving": {"a": {1}}}}, "serving has no requirement 'a'"),
        ({"policy": {"gates": [FLOOR]}, "gates": [FLOOR]}, "delays has gates twice"),
    ],
    ids=range(10),
)
def test_nonsense(lake: Lake, given: dict[str, Any], told: str) -> None:
    """A pipeline whose rules make no sense is none."""
    with pytest.raises(PipelineError, match=told):
        lake.pipeline(**given)


def test_kept(small: Lake) -> None:
    """A run keeps and logs what its pipeline says of its model; nothing of it makes a task run."""
    store = workspace().store
    run(small.pipeline())
    assert own(store, "delays") == {}
    again = run(small.pipeline(gates=[FLOOR], policy={"keep_versions": 3}))
    assert own(store, "delays") == {"gates": [FLOOR], "keep_versions": 3}
    assert (again.model_version, again.count("COMPLETE")) == ("delays@1", 0)
    run(small.pipeline(policy={"gates": [HIGH]}))
    assert own(store, "delays") == {"gates": [HIGH]}
    run(small.pipeline())
    assert own(store, "delays") == {}
    rows = audit.entries(store)
    assert [(row.action, row.version, row.who) for row in rows] == [("policy", None, user())] * 3
    assert rows[1].body == {"was": rows[0].body["policy"], "policy": {"gates": [HIGH]}}
    assert rows[2].body == {"was": {"gates": [HIGH]}, "policy": {}}


def test_a_plan_keeps_nothing(small: Lake) -> None:
    """A plan only looks."""
    run(small.pipeline())
    training.plan(small.pipeline(gates=[FLOOR]))

    assert own(workspace().store, "delays") == {}


def test_with_parameters(small: Lake) -> None:
    """Other parameters leave the rules as they are."""
    changed = small.pipeline(gates=[FLOOR]).with_parameters({"train.max_depth": 1})

    assert changed.gates == [FLOOR]


def test_promoted_by_itself(small: Lake) -> None:
    """A new version that its gates let pass goes to Staging, as an act of the policy's."""
    report = run(small.pipeline(gates=[FLOOR], policy=BY_ITSELF))
    _, row = audit.entries(workspace().store)

    assert (report.promoted, report.to_json()["promoted"]) == ("Staging", "Staging")
    assert (row.action, row.after, row.who) == ("promote", "Staging", "begat")
    assert row.body["gates"][0]["passed"]
    assert stage("delays@1") == "Staging"


def test_once(small: Lake) -> None:
    """What people have moved since is not moved again."""
    from begat.lineage.registry import stages
    from support.registered import ADA

    pipeline = small.pipeline(policy=BY_ITSELF)
    run(pipeline)
    stages.archive(workspace(), "delays@1", identity=ADA)
    again = run(pipeline)

    assert (again.promoted, stage("delays@1")) == ("", "Archived")


def test_refused(small: Lake, caplog: pytest.LogCaptureFixture) -> None:
    """A version that is refused stays, in a run that is as good as any; the log has it once."""
    pipeline = small.pipeline(gates=[HIGH], policy=BY_ITSELF)
    with caplog.at_level(logging.WARNING, logger="begat"):
        first, again = run(pipeline), run(pipeline)

    assert [row.action for row in audit.entries(workspace().store)] == ["policy", "refuse"]
    assert (first.model_version, first.promoted, stage("delays@1")) == ("delays@1", "", "None")
    assert again.count("COMPLETE") == 0
    [told] = [record.getMessage() for record in caplog.records if "by itself" in record.message]
    assert told.startswith("delays@1 is not promoted by itself: delays@1 may not enter Staging: ")


def test_a_run_that_was_cut_off(small: Lake) -> None:
    """A version that was registered, and not judged yet, is judged by the next run."""
    run(small.pipeline())
    again = run(small.pipeline(policy=BY_ITSELF))

    assert (again.count("COMPLETE"), again.promoted) == (0, "Staging")


def test_for_every_model(small: Lake, tmp_path: Path) -> None:
    """What holds for every model holds for one whose pipeline says nothing."""
    home = tmp_path / "other"
    given = Settings(
        home=home,
        store=f"sqlite:///{home / 'begat.db'}",
        artifacts=str(home / "artifacts"),
        policy=BY_ITSELF,
    )
    with using(Workspace(given)) as space:
        assert run(small.pipeline()).promoted == "Staging"
        assert run(small.pipeline(name="manual", policy={"promote": "manual"})).promoted == ""
        space.close()


@pytest.mark.parametrize("policy", [{"gates": [{"gate": "metrik"}]}, {"promote": "Staging"}])
def test_refused_before_anything_runs(small: Lake, tmp_path: Path, policy: dict[str, Any]) -> None:
    """Rules for every model that make no sense stop a run before it begins."""
    home = tmp_path / "other"
    given = Settings(
        home=home,
        store=f"sqlite:///{home / 'begat.db'}",
        artifacts=str(home / "artifacts"),
        policy=policy,
    )
    with (
        using(Workspace(given)),
        pytest.raises(SettingsError, match=r"\[tool.begat.policy\] in pyproject.toml"),
    ):
        run(small.pipeline())
    assert not home.exists()


def test_beside_production(small: Lake, recorder: Recorder) -> None:
    """A gate that has to run a model does so in a flow run of its own, inside the pipeline's."""
    from begat.lineage.registry import sign_off, stages
    from support.registered import ADA

    beside = {"gate": "relative", "metric": "accuracy", "worse_by": 1.0}
    pipeline = small.pipeline(gates=[beside], policy=BY_ITSELF)
    run(pipeline)
    sign_off.sign(recorder, "delays@1", approve=True, identity=ADA)
    stages.promote(recorder, "delays@1", to="Production", identity=ADA)
    small.put("raw/month=2013-12.csv", month(9))
    report = run(pipeline)

    assert (report.model_version, report.promoted) == ("delays@2", "Staging")
    [judged] = recorder.of("delays.gates", "COMPLETE")
    assert judged["run"]["facets"]["parent"]["run"]["runId"] == report.flow_run_id
    # The pipeline counts its own tasks, not those of its gates.
    assert report.count("COMPLETE") == 5
    assert len(recorder.of("delays.gates.evaluate", "COMPLETE")) == 1
