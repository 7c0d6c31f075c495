"""What is found in a version, by what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.errors import RefError
from begat.lineage.lint import CODES, Finding, of_version
from begat.lineage.records import ModelVersion
from begat.lineage.registry import register
from begat.lineage.settings import load
from begat.lineage.workspace import Workspace
from support.history import History, Run, digest, raw
from support.trips import Trips

Facets = Mapping[str, Any]

RECIPE = {"commit": "0" * 40, "dirty": False, "reasons": [], "seed": 1, "parameters": {}}
PACKAGES = {"digest": digest("packages"), "python": "3.13.1"}
FEATURES = [
    {"name": "distance", "dtype": "int64", "min": 1, "max": 9},
    {"name": "carrier", "dtype": "string", "values": ["AA"]},
]
BOUNDED = {
    "dataQualityAssertions": {
        "assertions": [
            {
                "assertion": "expect_column_values_to_be_between",
                "column": "distance",
                "success": True,
            }
        ]
    }
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """How a version came about; as it stands, without a finding."""

    #: Facets of runs by job, instead of the usual ones.
    facets: Mapping[str, Facets] = field(default_factory=dict)
    #: Name of the raw data, and where it was found.
    name: str = "flights"
    expectations: Facets = field(default_factory=lambda: BOUNDED)
    features: list[dict[str, Any]] = field(default_factory=lambda: FEATURES)
    metrics: Facets = field(default_factory=lambda: {"auc": 0.8})
    held: str = "month=2"
    fraction: float | None = None
    known: bool = True
    evaluated: bool = True

    def version(self, space: Workspace) -> ModelVersion:
        """Recorded and registered."""
        history = History()
        months = [self._prepared(history, f"month={number}") for number in (1, 2)]
        held = next(run for run in months if run.output.partition == self.held)
        train = self._task(history, "train", {"features": months[0].output}, ["model"])
        read = {"holdout": held.output, "model": train.output}
        last = self._task(history, "evaluate", read, ["evaluation"]) if self.evaluated else train
        end = self._task(history, "register", {"evaluation": last.output})
        if self.known:
            space.store.record(history.events)
        return register(
            space.store,
            model="delays",
            recipe=digest("recipe"),
            run_id=end.run_id,
            training_run_id=train.run_id,
            digest=train.output.digest,
            body={"metrics": self.metrics, "signature": {"features": self.features}},
        )

    def _prepared(self, history: History, month: str) -> Run:
        part = raw(self.name, month)
        return self._task(history, "prepare", {"part": part}, ["features"], partition=month)

    def _task(
        self,
        history: History,
        job: str,
        reads: Mapping[str, Any],
        writes: list[str] = [],  # noqa: B006 - read only
        partition: str = "",
    ) -> Run:
        own: dict[str, Any] = {"begat_packages": PACKAGES}
        if job == "evaluate":
            own["begat_metrics"] = {"metrics": self.metrics, "slices": {}}
        own |= {key: body for key, body in self.facets.get(job, {}).items() if key != "recipe"}
        recipe = {**RECIPE, "digest": digest(f"{job} {partition}")}
        if job == "evaluate":
            recipe["parameters"] = {"holdout_fraction": self.fraction}
        own["begat_recipe"] = recipe | self.facets.get(job, {}).get("recipe", {})
        assertions = {"part": self.expectations} if job == "prepare" else None
        return history.task(
            job, reads, writes, partition=partition, facets=own, input_facets=assertions
        )


def of(job: str, **facets: Facets) -> Made:
    """A version of which a run said something else."""
    return Made(facets={job: facets})


def recipe(job: str, **parts: Any) -> Made:
    """A version of which a run had another recipe."""
    return of(job, recipe=parts)


FOUND = {
    "commit of data code": ("no-commit", recipe("prepare", commit=""), "delays@1: flights.prepare"),
    "changes": ("dirty-tree", recipe("train", dirty=True), "delays@1: flights.train"),
    "packages": ("no-packages", of("train", begat_packages={}), "delays@1: flights.train"),
    "tag": (
        "unpinned-image",
        of("train", begat_image={"reference": "python:3"}),
        "delays@1: flights.train",
    ),
    "seed": ("no-seed", recipe("train", seed=None), "delays@1: flights.train"),
    "metrics": ("no-holdout", Made(metrics={}, evaluated=False), "delays@1"),
    "holdout": ("trained-on-holdout", Made(held="month=1"), "delays@1: flights.evaluate"),
    "latest": ("latest", Made(name="latest"), "delays@1: file:/lake/latest"),
    "range": ("missing-range", Made(expectations={}), "delays@1: signature"),
    "no value": (
        "missing-range",
        Made(features=[{"name": "distance", "dtype": "float64", "min": None, "max": None}]),
        "delays@1: signature",
    ),
    "variable": (
        "computed-environment",
        recipe("train", reasons=["f() (x.py, line 3) reads any environment variable"]),
        "x.py:3",
    ),
    "file": (
        "undeclared-input",
        recipe("train", reasons=["read /x.csv, which is none of its inputs"]),
        "delays@1: flights.train",
    ),
    "global": (
        "not-reusable",
        recipe("train", reasons=["changed the global A, which it reads"]),
        "delays@1: flights.train",
    ),
    "run": ("unrecorded-run", Made(known=False), "delays@1"),
}
CLEAN = {
    "as it is": Made(),
    "digest": of("train", begat_image={"reference": "python:3", "digest": f"sha256:{'0' * 64}"}),
    "seeded otherwise": of("train", recipe={"seed": None}, begat_seeds={"seed": 3, "derived": {}}),
    "fraction": Made(held="month=1", fraction=0.2),
    "text only": Made(features=FEATURES[1:], expectations={}),
}


@pytest.fixture
def space() -> Workspace:
    """A workspace with a store in memory: its events are shorter than begat's own."""
    return Workspace(replace(load(), store="sqlite://"))


def found(space: Workspace, made: Made) -> list[Finding]:
    """What is found in a version."""
    return list(of_version(space, made.version(space)))


@pytest.mark.parametrize(("code", "made", "where"), FOUND.values(), ids=FOUND)
def test_what_is_wrong_is_found(code: str, made: Made, where: str, space: Workspace) -> None:
    """It is found once, with where it is, and nothing beside."""
    told = found(space, made)

    assert [(one.code, one.where) for one in told] == [(code, where)]
    assert told[0].level == CODES[code].level


@pytest.mark.parametrize("made", CLEAN.values(), ids=CLEAN)
def test_what_is_right_is_not(made: Made, space: Workspace) -> None:
    """A version of which all is recorded, and that is bounded and judged, has no findings."""
    assert found(space, made) == []


def test_trained_on_nothing(space: Workspace) -> None:
    """A training run that read nothing is told; of its data nobody knows anything."""
    history = History()
    facets = {"begat_packages": PACKAGES, "begat_recipe": {**RECIPE, "digest": digest("r")}}
    run = history.task("train", writes=["model"], facets=facets)
    space.store.record(history.events)
    version = register(
        space.store,
        model="delays",
        recipe=digest("recipe"),
        run_id=run.run_id,
        training_run_id=run.run_id,
        digest=run.output.digest,
        body={"metrics": {"auc": 0.8}},
    )

    assert [one.code for one in of_version(space, version)] == ["no-data"]


@pytest.mark.parametrize("commit", ["", "0" * 40], ids=["none", "one"])
def test_code_of_another_producer(commit: str, space: Workspace) -> None:
    """A run that begat did not do has the commit that its producer says, if it says one."""
    history = History(flow="theirs")
    run = history.task("train", {"rows": raw("flights")}, ["model"])
    for event in history.events:
        del event["run"]["facets"]["begat_recipe"]
        event["run"]["facets"] |= {"begat_packages": PACKAGES, "begat_seeds": {"seed": 1}}
        event["job"]["facets"]["sourceCodeLocation"] = {"type": "git", "version": commit}
    space.store.record(history.events)
    theirs = register(
        space.store,
        model="theirs",
        recipe=digest("theirs"),
        run_id=run.run_id,
        training_run_id=run.run_id,
        digest=run.output.digest,
        body={"metrics": {"auc": 0.8}},
    )

    assert [one.code for one in of_version(space, theirs)] == ([] if commit else ["no-commit"])


def test_code_that_was_committed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a run in a clean tree finds that the version stands, no commit is missing."""
    made = Trips.write(tmp_path / "trips")
    monkeypatch.chdir(made.folder)

    def codes() -> set[str]:
        return {
            one.code
            for one in of_version(made.space, ModelVersion(model="trips", version=1, digest=""))
        }

    assert made.run() == "trips@1"
    assert "no-commit" in codes()
    made.commit()
    (made.folder / "notes.txt").write_text("not committed\n")
    assert made.run() == "trips@1"
    assert "no-commit" in codes()
    (made.folder / "notes.txt").unlink()
    assert made.run() == "trips@1"
    assert not {"no-commit", "dirty-tree"} & codes()
    made.space.close()


def test_errors_come_first(space: Workspace) -> None:
    """Of several findings the errors are first."""
    made = Made(facets={"train": {"recipe": {"dirty": True, "seed": None}}}, expectations={})

    assert [one.code for one in found(space, made)] == ["no-seed", "dirty-tree", "missing-range"]


def test_a_version_that_is_not_there(space: Workspace) -> None:
    """A version that is not registered is refused."""
    with pytest.raises(RefError, match="delays@7 is not registered"):
        of_version(space, ModelVersion(model="delays", version=7, digest=""))
