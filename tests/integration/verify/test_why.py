"""Why the tasks of a plan are to run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.flows import Pipeline, training, why
from begat.flows.load import load
from begat.lineage.workspace import workspace
from support import spoiling
from support.spoiling import Spoiler


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A pipeline that has been trained."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    loaded = load(spoiling.write(tmp_path))
    training.run(loaded, adapter="plain")
    yield loaded
    sys.modules.pop("rides", None)


def test_nothing_to_do(pipeline: Pipeline) -> None:
    """Of a pipeline that is up to date there is nothing to explain."""
    assert why.plan(pipeline)[1] == []


def test_parameter(pipeline: Pipeline) -> None:
    """A changed parameter is named with both values; what depends on the task is left out."""
    report, found = why.plan(pipeline.with_parameters({"train.max_depth": 5}))

    assert [(one.job, one.lines) for one in found] == [
        ("rides.train", ("parameter estimator.max_depth: 2 -> 5",))
    ]
    assert report.count("PENDING") == 2


def test_new_partition(pipeline: Pipeline, tmp_path: Path) -> None:
    """A partition that is new has no earlier run, one that changed names its input."""
    raw = tmp_path / "raw"
    (raw / "month=2013-04").mkdir()
    (raw / "month=2013-04" / "a.csv").write_bytes((raw / "month=2013-01" / "a.csv").read_bytes())
    with (raw / "month=2013-02" / "a.csv").open("a") as file:
        file.write("7,AA,N1,1\n")
    lines = {one.partition: one.lines[0] for one in why.plan(pipeline)[1]}

    assert lines["month=2013-04"] == "no earlier run of this task and partition"
    assert lines["month=2013-02"].startswith("input part: raw[month=2013-02] blake3:")


def test_gone(pipeline: Pipeline, home: Path) -> None:
    """A task whose recipe is the same names the artifact that is gone."""
    spoil = Spoiler(home)
    digest = spoil.digest("features", "month=2013-01")
    spoil.path(digest).unlink()
    [one] = why.plan(pipeline)[1]

    assert one.partition == "month=2013-01"
    assert one.lines == (
        f"the same recipe: what it wrote is no longer in the artifact store: {digest}",
    )
    assert workspace().settings.home == home
