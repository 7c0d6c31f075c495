from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from begat.lineage.active import ActiveRun, active
from begat.lineage.errors import ParameterError
from begat.lineage.records import ModelVersion
from begat.lineage.workspace import workspace
from begat.tasks.evaluate import evaluate
from begat.tasks.register import register
from begat.tasks.train import train

from .conftest import Lake, month


@pytest.fixture
def made(lake: Lake) -> dict[str, Any]:
    """What is registered: a model, its signature and its evaluation."""
    features = lake.snapshot({"": month(1)})
    trained = train(features, estimator=LogisticRegression(max_iter=5000), target="late")
    evaluated = evaluate(trained["model"], features, target="late")
    return {**trained, "evaluation": evaluated["evaluation"]}


def run_of(recipe: str, number: int = 7) -> ActiveRun:
    """A register run with this recipe."""
    return ActiveRun(run_id=f"01990000-0000-7000-8000-{number:012}", flow="delays", recipe=recipe)


def test_numbers_count_up(lake: Lake, made: dict[str, Any]) -> None:
    """Another recipe is the next number, the same one the same version for ever."""
    refs = []
    for number, recipe in enumerate(["a", "b", "a"]):
        with active(run_of(recipe, number)):
            refs.append(register(**made, name="numbers"))

    assert refs == [ModelVersion(model="numbers", version=v, digest="") for v in (1, 2, 1)]
    assert refs[2].producer == run_of("a", 0).run_id
    assert {ref.digest for ref in refs} == {made["model"].digest}


def test_version_carries_what_belongs_to_it(lake: Lake, made: dict[str, Any]) -> None:
    """A version has its metrics, slices and signature, and leads to its training run."""
    import json

    with active(run_of("a")):
        version = register(**made, name="carries")
    with workspace().store.read() as db:
        (row,) = db.execute("SELECT * FROM model_version WHERE model = 'carries'").fetchall()
    body = json.loads(row["body"])
    missing = body.pop("missing")

    assert (row["version"], row["run_id"]) == (version.version, version.producer)
    assert row["training_run_id"] == made["model"].producer == lake.run.run_id
    assert row["digest"] == made["model"].digest
    assert body == {
        "task": "binary",
        "metrics": lake.read(made["evaluation"])["metrics"],
        "slices": {},
        "signature": lake.read(made["signature"]),
        "signature_digest": made["signature"].digest,
        "evaluation_digest": made["evaluation"].digest,
    }
    assert {*missing} == {"data", "code", "run", "environment", "parameters"}


def test_what_a_version_lacks_is_warned_of(
    lake: Lake, made: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What keeps a version from promotion is told when it is registered, with the remedy."""
    with active(run_of("a")):
        register(**made, name="lacks")

    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("lacks@1 lacks what it needs to be promoted: ")
    assert "code version: the training run has no commit; commit all that `git status`" in said


def test_event_tells_the_version(lake: Lake, made: dict[str, Any]) -> None:
    """The run's event says which version the model file became."""
    run = run_of("a")
    with active(run):
        version = register(**made, name="told")
    told = run.outputs[version]["begat_modelVersion"]

    assert (told["model"], told["version"], told["training_run"]) == (
        "told",
        version.version,
        made["model"].producer,
    )


def test_outside_a_run_content_decides(lake: Lake, made: dict[str, Any]) -> None:
    """Without a recipe, other content is another version and the same never is."""
    february = lake.snapshot({"": month(2)})
    other = evaluate(made["model"], february, target="late")["evaluation"]
    with active(run_of("")):
        versions = [
            register(**given, name="bare").version
            for given in (made, made | {"evaluation": other}, made)
        ]

    assert versions == [1, 2, 1]


def test_unwritable_name_is_refused(lake: Lake, made: dict[str, Any]) -> None:
    """A name that no reference could name is told."""
    with active(run_of("a")), pytest.raises(ParameterError, match="a model's name"):
        register(**made, name="a@b")
