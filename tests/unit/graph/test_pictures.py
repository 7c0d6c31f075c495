from __future__ import annotations

from dataclasses import replace

import pytest

from begat.lineage.errors import RefError
from begat.lineage.graph.pedigree import pedigree
from begat.lineage.graph.pictures import pictures
from begat.lineage.graph.store import Store
from begat.lineage.records import DatasetVersion, ModelVersion, RunRef
from begat.lineage.registry.versions import register
from support.history import History, Run, digest, raw

DRAWN = ["evaluation", "curves", "pictures/roc", "pictures/pr"]


def formatted(run: Run) -> Run:
    """A run that says of its outputs which are pictures and which are JSON."""
    for output in run.events[-1]["outputs"]:
        format_ = "svg" if "/pictures/" in output["name"] else "json"
        output["facets"]["storage"]["fileFormat"] = format_
    return run


@pytest.fixture
def evaluated(store: Store, history: History) -> tuple[ModelVersion, Run, Run]:
    """A model version, the run that evaluated it, and a later evaluation of the same model."""
    trained = history.task("train", {"features": raw("flights")}, ["model"])
    runs = [
        formatted(
            history.task("evaluate", {"model": trained.output}, DRAWN, content=f"content {number}")
        )
        for number in range(2)
    ]
    reads = {"model": trained.output, "evaluation": runs[0].outputs[0]}
    registered = history.task("register", reads)
    store.record(history.events, history.chunks)
    version = register(
        store,
        model="flights",
        recipe=digest("r"),
        run_id=registered.run_id,
        training_run_id=trained.run_id,
        digest=trained.output.digest,
        registered_by="ada",
        body={},
    )
    return version, *runs


def named(found: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Pictures, and the runs that drew them."""
    return [(one["picture"], one["run_id"]) for one in found]


def test_pictures_of_a_model_version(
    store: Store, evaluated: tuple[ModelVersion, Run, Run]
) -> None:
    """They are those that were drawn with the evaluation that it was registered with."""
    version, first, _ = evaluated
    found = pictures(store, version)

    assert named(found) == [(name, first.run_id) for name in ("pr", "roc", "curves")]
    assert found[1] == {
        "picture": "roc",
        "format": "svg",
        "dataset": "flights/pictures/roc",
        "digest": first.outputs[2].digest,
        "bytes": 10,
        "run_id": first.run_id,
    }
    assert pedigree(store, version)["pictures"] == found


def test_pictures_of_a_run(store: Store, evaluated: tuple[ModelVersion, Run, Run]) -> None:
    """A run has those that it drew."""
    _, _, second = evaluated
    found = pictures(store, RunRef(run_id=second.run_id, namespace="begat", job=""))

    assert named(found) == [(name, second.run_id) for name in ("pr", "roc", "curves")]


def test_pictures_of_a_flow_run(store: Store, history: History) -> None:
    """A flow run has those of its tasks, and of the runs that these reuse."""
    flow, again = history.flow_run(), history.flow_run()
    drawn = formatted(history.task("evaluate", {}, DRAWN, parent=flow))
    history.task("evaluate", {}, parent=again, reuse=drawn.run_id)
    store.record(history.events)

    for one in (flow, again):
        found = pictures(store, RunRef(run_id=one.run_id, namespace="begat", job="flights"))
        assert named(found) == [(name, drawn.run_id) for name in ("pr", "roc", "curves")]


def test_names_that_lead_elsewhere_are_no_pictures(store: Store, history: History) -> None:
    """Names come with events, from anybody, and become names of files."""
    names = ["pictures/../../etc/x", "pictures/a/b", "pictures/ROC.svg", "pictures/", "pictures/ok"]
    run = formatted(history.task("evaluate", {}, names))
    store.record(history.events)
    found = pictures(store, RunRef(run_id=run.run_id, namespace="begat", job=""))

    assert named(found) == [("ok", run.run_id)]


def test_data_has_no_pictures(store: Store, evaluated: tuple[ModelVersion, Run, Run]) -> None:
    """A dataset version is told to be none that has pictures."""
    version: DatasetVersion = replace(evaluated[1].outputs[0], partition="month=01")

    with pytest.raises(RefError, match="is data; pictures belong to a model version or a run"):
        pictures(store, version)
