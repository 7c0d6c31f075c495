"""The required items of a model version, and what is said of those that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.errors import RefError, SettingsError
from begat.lineage.records import ModelVersion
from begat.lineage.registry import recorded, required
from begat.lineage.registry.recorded import Data, Recorded
from support.trips import Trips

SERVING = {"latency_p99_ms": 10}
VERSION = ModelVersion(model="trips", version=1, digest="")


@pytest.fixture(scope="module")
def given(trips: Trips) -> Recorded:
    """All that is recorded of a version that lacks nothing, as at its registration."""
    return replace(recorded.of_version(trips.space.store, VERSION), commit="")


def without(given: Recorded, *path: str) -> Mapping[str, Any]:
    """What the training run said, without one thing."""
    said: dict[str, Any] = json.loads(json.dumps(given.training))
    inner = said
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return said


def test_a_pipeline_records_every_item_by_itself(trips: Trips) -> None:
    """A committed pipeline with a latency budget lacks nothing, and what is there is said."""
    found = {item.name: item for item in required.items(trips.space, VERSION, SERVING)}

    assert [*found] == [*required.NAMES]
    assert not any(item.missing for item in found.values())
    assert "lake/trips (3 partitions)" in found["data"].says
    assert "lake/weather.csv" in found["data"].says
    assert "roc_auc" in found["metrics"].says
    assert "by city" in found["metrics"].says
    assert found["code"].says.startswith("commit ")
    assert found["serving"].says == "p99 10 ms, CPU; rows of 5 features"


def test_what_is_registered_keeps_what_it_lacks(trips: Trips) -> None:
    """A version that lacks nothing says so from its registration on."""
    body = recorded.of_version(trips.space.store, VERSION).body

    assert body["missing"] == {}


def no_commit(given: Recorded) -> Recorded:
    """Its code is in no repository."""
    said = {**without(given, "job.sourceCodeLocation")}
    return replace(given, training={**said, "begat_recipe": {"parameters": {"seed": 0}}})


MISSING: dict[str, tuple[str, Callable[[Recorded], Recorded], str]] = {
    "data": ("data", lambda one: replace(one, data=Data()), "stands on no data whose bytes"),
    "schema": ("schema", lambda one: replace(one, body={}), "the signature has no features"),
    "metrics": (
        "metrics",
        lambda one: replace(one, body={**one.body, "metrics": {"roc_auc": None, "rows": 3}}),
        "none was measured on held-out data",
    ),
    "commit": (
        "code",
        no_commit,
        "has no commit; commit all that `git status` shows, and run again",
    ),
    "sources": (
        "code",
        lambda one: replace(
            one, training={"begat_recipe": {"commit": "c" * 40, "dirty": True, "sources": ""}}
        ),
        "changed since commit cccccccccc, and is not kept",
    ),
    "data's commit": (
        "code",
        lambda one: replace(one, data=replace(one.data, uncommitted=("trips.prepare",))),
        "trips.prepare prepared data from no commit",
    ),
    "unknown run": ("run", lambda one: replace(one, state=""), "is known to have trained it"),
    "failed run": ("run", lambda one: replace(one, state="FAIL"), "is FAIL; train again"),
    "signature": (
        "signature",
        lambda one: replace(one, body={**one.body, "signature": {"features": []}}),
        "no input example",
    ),
    "packages": (
        "environment",
        lambda one: replace(one, training=without(one, "begat_packages", "digest")),
        "did not say which Python and packages",
    ),
    "parameters": (
        "parameters",
        lambda one: replace(one, training=without(one, "begat_recipe", "parameters")),
        "the training run recorded none",
    ),
    "author": ("author", lambda one: replace(one, registered_by=""), "nobody is recorded"),
}


@pytest.mark.parametrize("case", MISSING)
def test_each_missing_item_is_named_with_its_remedy(given: Recorded, case: str) -> None:
    """What is not recorded is missing, by its name, with what to do."""
    name, spoil, said = MISSING[case]
    [found] = required.look(spoil(given), serving=SERVING, names=[name])

    assert found.missing
    assert said in str(found)
    assert str(found).endswith(f"; {found.remedy}")


@pytest.mark.parametrize("case", ["commit", "sources"])
def test_what_is_committed_later_counts(given: Recorded, case: str) -> None:
    """A run that found nothing to do in a clean tree says which commit holds the code."""
    _, spoil, _ = MISSING[case]
    [found] = required.look(replace(spoil(given), commit="d" * 40), names=["code"])

    assert not found.missing
    assert found.says == "commit dddddddddd, made when it was trained already"


def test_no_later_commit_holds_the_code_of_another_flow(given: Recorded) -> None:
    """What another flow prepared from no commit is told, whatever this flow's runs say."""
    _, spoil, said = MISSING["data's commit"]
    [found] = required.look(replace(spoil(given), commit="d" * 40), names=["code"])

    assert found.missing
    assert said in str(found)


def test_uncommitted_changes_count_as_long_as_they_are_kept(given: Recorded) -> None:
    """A dirty tree is no missing commit: its sources are in the artifact store."""
    recipe = given.training["begat_recipe"]
    dirty = {**given.training, "begat_recipe": {**recipe, "dirty": True, "sources": "blake3:5"}}
    [found] = required.look(replace(given, training=dirty), names=["code"])

    assert not found.missing
    assert found.says.endswith("with changes that are kept as blake3:5")


def test_a_latency_budget_has_to_be_stated(given: Recorded) -> None:
    """Other requirements do not stand for it; those that make no sense are refused."""
    said = [
        required.look(given, serving=serving, names=["serving"])[0].says
        for serving in ({}, {"memory_mb": 512})
    ]

    assert said == [
        "no latency budget is stated",
        "no latency budget is stated, only memory 512 MiB, CPU",
    ]
    with pytest.raises(SettingsError, match="no requirement 'latency'"):
        required.look(given, serving={"latency": 1}, names=["serving"])


def test_a_model_file_that_is_gone_is_missing(given: Recorded) -> None:
    """The digest is named; `verify` is where to look for it."""
    [found] = required.look(given, names=["model"], model_is_there=False)

    assert given.digest in found.says
    assert "begat verify" in found.remedy


def test_what_would_be_missing_is_known_before_it_is_registered(trips: Trips) -> None:
    """A run that nobody knows leaves everything open but what comes with the model itself."""
    given = recorded.of_version(trips.space.store, VERSION)
    unknown = required.at_registration(
        trips.space, "01990000-0000-7000-8000-000000000000", digest=given.digest, body=given.body
    )

    assert [item.name for item in unknown] == [
        "data",
        "code",
        "run",
        "environment",
        "parameters",
    ]


def test_a_version_that_is_not_registered_has_no_items(trips: Trips) -> None:
    """A number that was never given is told."""
    with pytest.raises(RefError, match="trips@9 is registered"):
        required.items(trips.space, replace(VERSION, version=9), SERVING)


def test_a_version_of_a_dirty_tree_that_reuses_what_was_prepared_before_the_first_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kept sources of its flow run are the code of the steps that it reused, too."""
    made = Trips.write(tmp_path / "trips")
    monkeypatch.chdir(made.folder)
    assert made.run() == "trips@1"
    made.commit()
    (made.folder / "notes.txt").write_text("not committed\n")
    assert made.run(train__max_depth=2) == "trips@2"

    found = {
        version: required.items(made.space, replace(VERSION, version=version), SERVING, ["code"])
        for version in (1, 2)
    }
    made.space.close()
    assert found[1][0].says == "the training run has no commit"
    assert not found[2][0].missing
    assert "with changes that are kept as blake3:" in found[2][0].says
