"""How something came to be, folded."""

from __future__ import annotations

import pytest

from begat.lineage.graph.derivation import Derivation, derivation
from begat.lineage.graph.store import Store
from begat.lineage.records import ModelVersion, RunRef
from begat.lineage.registry.versions import register
from support.history import History, Run, digest, raw, snapshot, train

MONTHS = ["01", "02", "03"]


@pytest.fixture
def done(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, of which the last is held out."""
    flow = history.flow_run(executed=9, reused=0, model_version="flights@1")
    runs = train(history, MONTHS, flow=flow)
    store.record(history.events, history.chunks)
    return runs | {"flow": flow}


def of_run(store: Store, run: Run) -> Derivation:
    """What a run stands on."""
    return derivation(store, RunRef(run_id=run.run_id, namespace="begat", job=""))


def counted(found: Derivation) -> dict[tuple[str, str], int]:
    """How many versions lead along each edge."""
    edges = {**found.reads, **found.writes}
    return {edge: len(versions) for edge, versions in edges.items()}


def test_a_model_version_is_folded_by_job_and_dataset(store: Store, done: dict[str, Run]) -> None:
    """One entry a job and a dataset; edges know which versions lead along them."""
    version = register(
        store,
        model="flights",
        recipe=digest("r"),
        run_id=done["register"].run_id,
        training_run_id=done["train"].run_id,
        digest=done["train"].outputs[0].digest,
        registered_by="ada",
        body={"metrics": {}, "slices": {}, "signature": {}},
    )
    found = derivation(store, version)
    edges = counted(found)

    assert {job: len(runs) for job, runs in found.jobs.items()} == {
        "flights.prepare": 3,
        "flights.featurize": 3,
        "flights.train": 1,
        "flights.evaluate": 1,
        "flights.register": 1,
    }
    assert edges["file:/lake/flights", "flights.prepare"] == 3
    assert edges["file:/lake/weather.csv", "flights.prepare"] == 1
    assert edges["flights.prepare", "flights/prepared"] == 3
    assert edges["flights/features", "flights.train"] == 2
    assert edges["flights/features", "flights.evaluate"] == 1
    assert {one.partition for one in found.reads["flights/features", "flights.evaluate"]} == {
        "month=03"
    }


def test_a_run_stands_on_what_came_before(store: Store, done: dict[str, Run]) -> None:
    """One month's featurize knows its own month alone, and nothing that came later."""
    found = of_run(store, done["featurize 02"])

    assert found.jobs == {
        "flights.prepare": (done["prepare 02"].run_id,),
        "flights.featurize": (done["featurize 02"].run_id,),
    }
    assert counted(found) == {
        ("file:/lake/flights", "flights.prepare"): 1,
        ("file:/lake/weather.csv", "flights.prepare"): 1,
        ("flights/prepared", "flights.featurize"): 1,
        ("flights.prepare", "flights/prepared"): 1,
    }


def test_a_flow_run_is_its_tasks(store: Store, done: dict[str, Run]) -> None:
    """All that ran in it, and not the flow itself."""
    found = of_run(store, done["flow"])

    assert sum(len(runs) for runs in found.jobs.values()) == 9
    assert "flights" not in found.jobs


def test_a_dataset_version_is_among_what_made_it(store: Store, done: dict[str, Run]) -> None:
    """It ends at the version; raw data stands on nothing."""
    made = derivation(store, done["prepare 01"].output)
    outside = derivation(store, raw("flights", "month=01"))

    assert {(name, len(all_of_it)) for name, all_of_it in made.datasets.items()} == {
        ("file:/lake/flights", 1),
        ("file:/lake/weather.csv", 1),
        ("flights/prepared", 1),
    }
    assert (outside.jobs, counted(outside)) == ({}, {})
    assert set(outside.datasets) == {"file:/lake/flights"}


def test_the_producer_that_was_asked_for_counts(store: Store, history: History) -> None:
    """Of two runs that made the same bytes, a version stands on the one it was resolved to."""
    runs = [
        history.task("prepare", {"part": raw("flights", content=str(at))}, ["x"], content="same")
        for at in range(2)
    ]
    store.record(history.events, history.chunks)
    found = [derivation(store, run.output).jobs["flights.prepare"] for run in runs]

    assert found == [(run.run_id,) for run in runs]


def test_the_same_bytes_of_two_runs_are_one_version(store: Store, history: History) -> None:
    """What a dataset holds is counted by its bytes."""
    parts = [
        history.task(
            "prepare", {"part": raw("flights", key)}, ["x"], partition=key, content=content
        ).output
        for key, content in (("month=1", "same"), ("month=2", "same"), ("month=1", "same"))
    ]
    last = history.task("train", {"features": snapshot(parts[:2]), "old": parts[2]}, ["m"])
    store.record(history.events, history.chunks)
    found = of_run(store, last)

    assert len(found.jobs["flights.prepare"]) == 3
    assert counted(found)["flights/x", "flights.train"] == 2


def test_what_is_not_registered_stands_on_nothing(store: Store, done: dict[str, Run]) -> None:
    """A model version that the store does not know has no derivation."""
    found = derivation(store, ModelVersion(model="other", version=1, digest=""))

    assert found == Derivation(jobs={}, datasets={}, reads={}, writes={})
