from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import RefError
from begat.lineage.events import facets
from begat.lineage.graph.pedigree import pedigree
from begat.lineage.graph.store import Store
from begat.lineage.records import ModelVersion, RunRef
from begat.lineage.registry.versions import register
from support.history import History, Run, digest, raw, snapshot, train

MONTHS = ["01", "02", "03"]


def registered(store: Store, done: dict[str, Run]) -> ModelVersion:
    return register(
        store,
        model="flights",
        recipe=digest(done["register"].run_id),
        run_id=done["register"].run_id,
        training_run_id=done["train"].run_id,
        digest=done["train"].outputs[0].digest,
        registered_by="ada",
        body={"metrics": {"auc": 0.7}, "slices": {"carrier": {}}, "signature": {"task": "binary"}},
    )


@pytest.fixture
def done(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, of which the last is held out."""
    flow = history.flow_run(executed=9, reused=0, model_version="flights@1")
    runs = train(history, MONTHS, flow=flow)
    store.record(history.events, history.chunks)
    return runs | {"flow": flow}


def test_names_of_a_model_version(store: Store, done: dict[str, Run]) -> None:
    """The pedigree of a model version has every name that programs rely on."""
    shown = pedigree(store, registered(store, done))

    assert {
        "model", "version", "stage", "aliases", "run_id", "registered_by", "created_at", "artifact",
        "code", "image", "packages", "python", "hardware", "seeds", "parameters", "tasks", "inputs",
        "metrics", "slices", "signature", "data_quality",
    } <= set(shown)  # fmt: skip
    assert shown["run_id"] == done["train"].run_id
    assert shown["artifact"] == done["train"].outputs[0].digest
    assert (shown["metrics"], shown["stage"], shown["aliases"]) == ({"auc": 0.7}, "None", [])
    assert shown["truncated"] is False
    assert set(shown["tasks"][0]) >= {
        "job", "partitions", "run_id", "recipe", "commit", "dirty", "image", "packages", "python",
        "hardware", "seeds",
    }  # fmt: skip
    assert set(shown["inputs"][0]) >= {"dataset", "partition", "digest", "rows", "bytes", "role"}


def test_tasks(store: Store, done: dict[str, Run]) -> None:
    """The tasks are the runs behind the model, each with the partitions it was for."""
    shown = pedigree(store, registered(store, done))

    assert [(task["job"], task["partitions"]) for task in shown["tasks"]] == [
        *(
            (f"flights.{step}", [f"month={month}"])
            for month in MONTHS
            for step in ("prepare", "featurize")
        ),
        ("flights.train", []),
        ("flights.evaluate", []),
        ("flights.register", []),
    ]


def test_roles(store: Store, done: dict[str, Run]) -> None:
    """Raw data is what was trained on, what was held out, or a lookup."""
    shown = pedigree(store, registered(store, done))

    assert [(one["dataset"], one["partition"], one["role"]) for one in shown["inputs"]] == [
        ("file:/lake/flights", "month=01", "train"),
        ("file:/lake/flights", "month=02", "train"),
        ("file:/lake/flights", "month=03", "holdout"),
        ("file:/lake/weather.csv", "", "lookup"),
    ]
    assert shown["inputs"][0]["location"] == "/lake/flights/month=01"


def test_role_both(store: Store, history: History) -> None:
    """Data that rows were held out of was both trained and evaluated on."""
    part = snapshot([raw("flights", "month=01")])
    trained = history.task("train", {"features": part}, ["model"])
    evaluated = history.task("evaluate", {"model": trained.output, "holdout": part}, ["evaluation"])
    register_run = history.task(
        "register", {"model": trained.output, "evaluation": evaluated.output}
    )
    store.record(history.events)
    shown = pedigree(store, registered(store, {"train": trained, "register": register_run}))

    assert [one["role"] for one in shown["inputs"]] == ["both"]


def test_lookup_read_as_data_too(store: Store, history: History) -> None:
    """A table that one task looks things up in and another trains on has been trained on."""
    table = raw("planes.csv")
    prepared = history.task(
        "prepare", {"part": raw("flights", "m=1"), "lookups.planes": table}, ["prepared"]
    )
    trained = history.task("train", {"a": prepared.output, "b": table}, ["model"])
    last = history.task("register", {"model": trained.output})
    store.record(history.events)
    shown = pedigree(store, registered(store, {"train": trained, "register": last}))

    assert {one["dataset"]: one["role"] for one in shown["inputs"]} == {
        "file:/lake/flights": "train",
        "file:/lake/planes.csv": "train",
    }


def test_never_names_what_came_later(store: Store, history: History, done: dict[str, Run]) -> None:
    """Nothing that runs later shows in an older version, not even a second producer's run."""
    version = registered(store, done)
    before = pedigree(store, version)
    history.task(
        "prepare",
        {"part": raw("flights", "month=01", content="corrected")},
        ["prepared"],
        partition="month=01",
        content="prepared month=01 ['lookups.weather', 'part']",
    )
    later = train(history, [*MONTHS, "04"])
    store.record(history.events, history.chunks)
    registered(store, later)

    assert pedigree(store, version) == before


def test_circumstances(store: Store, history: History) -> None:
    """Code, image, packages, machine, seeds and parameters are the training run's."""
    about: dict[str, Any] = {
        "begat_image": facets.image(digest="sha256:1"),
        "begat_packages": facets.packages({"digest": "blake3:2", "python": "3.12.1"}),
        "begat_hardware": facets.hardware({"cores": 2}),
        "begat_seeds": facets.seeds({"seed": 7}),
    }
    trained = history.task("train", {"part": raw("flights")}, ["model"], facets=about)
    for event in trained.events:
        event["run"]["facets"]["begat_recipe"] |= {
            "commit": "abc",
            "dirty": True,
            "sources": "blake3:3",
            "parameters": {"max_iter": 5},
        }
        event["job"]["facets"]["sourceCodeLocation"] = {"repoUrl": "git@host:repo"}
    last = history.task("register", {"model": trained.output})
    store.record(history.events)
    shown = pedigree(store, registered(store, {"train": trained, "register": last}))

    expected = {
        "code": {
            "commit": "abc",
            "repository": "git@host:repo",
            "dirty": True,
            "sources": "blake3:3",
        },
        "image": {"digest": "sha256:1"},
        "packages": {"digest": "blake3:2"},
        "python": "3.12.1",
        "hardware": {"cores": 2},
        "seeds": {"seed": 7},
        "parameters": {"max_iter": 5},
    }
    assert {key: shown[key] for key in expected} == expected


def test_data_quality(store: Store, history: History) -> None:
    """What expectations found out about a partition is shown with it."""
    assertions = [{"assertion": "not null", "success": True}]
    trained = history.task(
        "train",
        {"part": raw("flights", "month=01")},
        ["model"],
        input_facets={"part": {"dataQualityAssertions": {"assertions": assertions}}},
    )
    last = history.task("register", {"model": trained.output})
    store.record(history.events)
    shown = pedigree(store, registered(store, {"train": trained, "register": last}))

    assert [(one["partition"], one["assertions"]) for one in shown["data_quality"]] == [
        ("month=01", assertions)
    ]


def test_incomplete(store: Store, history: History) -> None:
    """A pedigree whose events have not all arrived says it is truncated."""
    done = train(history, MONTHS)
    store.record(done["register"].events)

    assert pedigree(store, registered(store, done))["truncated"] is True


def test_without_any_event(store: Store, history: History) -> None:
    """A version whose runs' events have not arrived is shown as far as the registry knows it."""
    shown = pedigree(store, registered(store, train(history, MONTHS)))

    assert (shown["tasks"], shown["inputs"], shown["truncated"]) == ([], [], True)
    assert shown["metrics"] == {"auc": 0.7}


def test_unknown_model_version(store: Store) -> None:
    """A version that is not registered is named in the error."""
    with pytest.raises(RefError, match="flights@9"):
        pedigree(store, ModelVersion(model="flights", version=9, digest=""))


def test_task_run(store: Store, done: dict[str, Run]) -> None:
    """A task run is shown with what it read and wrote, and everything behind it."""
    run = done["train"]
    shown = pedigree(store, RunRef(run_id=run.run_id, namespace="", job=""))

    assert shown["job"] == "flights.train"
    assert shown["flow_run_id"] == done["flow"].run_id
    assert [(one["argument"], one["partitions"]) for one in shown["reads"]] == [("features", 2)]
    assert [one["dataset"] for one in shown["writes"]] == ["flights/model", "flights/signature"]
    assert [one["role"] for one in shown["inputs"]] == [None, None, "lookup"]
    assert [task["job"] for task in shown["tasks"]][-1] == "flights.train"


def test_flow_run(store: Store, done: dict[str, Run]) -> None:
    """A flow run is shown with all tasks that it ran and what they came to."""
    run = done["flow"]
    shown = pedigree(store, RunRef(run_id=run.run_id, namespace="", job=""))

    assert (shown["executed"], shown["model_version"]) == (9, "flights@1")
    assert len(shown["tasks"]) == 9
    assert run.run_id not in {task["run_id"] for task in shown["tasks"]}


def test_failed_run(store: Store, history: History) -> None:
    """A failed run is shown with why it failed."""
    error = facets.error_message("division by zero")
    run = history.task("step", end="FAIL", facets={"errorMessage": error})
    store.record(history.events)
    shown = pedigree(store, RunRef(run_id=run.run_id, namespace="", job=""))

    assert (shown["state"], shown["error"]) == ("FAIL", "division by zero")


def test_unknown_run(store: Store) -> None:
    """A run that the store does not know is named in the error."""
    with pytest.raises(RefError, match="no run abc"):
        pedigree(store, RunRef(run_id="abc", namespace="", job=""))


def test_dataset_version(store: Store, history: History) -> None:
    """A dataset version is shown with its producer, other producers, and who read it."""
    first = history.task("prepare", {"part": raw("flights", "m=1")}, ["prepared"], content="same")
    second = history.task("prepare", {"part": raw("flights", "m=2")}, ["prepared"], content="same")
    reader = history.task("train", {"features": first.output}, ["model"])
    store.record(history.events)
    shown = pedigree(store, first.output)

    assert shown["producer"] == first.run_id
    assert shown["also_produced_by"] == [second.run_id]
    assert [one["run_id"] for one in shown["read_by"]] == [reader.run_id]
    assert [one["partition"] for one in shown["inputs"]] == ["m=1"]


def test_dataset_version_read_as_part_of_snapshot(store: Store, done: dict[str, Run]) -> None:
    """Who read a version as one partition of a snapshot has read it, too."""
    shown = pedigree(store, done["featurize 01"].output)

    assert [one["job"] for one in shown["read_by"]] == ["flights.train"]


def test_raw_version(store: Store, done: dict[str, Run]) -> None:
    """A raw version has no producer, and the place where its bytes were found."""
    shown = pedigree(store, raw("flights", "month=01"))

    assert shown["producer"] is None
    assert shown["location"] == "/lake/flights/month=01"
    assert [one["run_id"] for one in shown["read_by"]] == [done["prepare 01"].run_id]
    assert shown["tasks"] == []
