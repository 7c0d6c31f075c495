from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from sklearn.linear_model import LogisticRegression

from begat import lineage
from begat.flows import Pipeline
from begat.flows.report import Report
from support.recorder import Recorder


def prepare(frame: pd.DataFrame) -> pd.DataFrame:
    """All rows."""
    return frame


def featurize(frame: pd.DataFrame) -> pd.DataFrame:
    """All columns."""
    return frame


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A pipeline of two months."""
    random = np.random.default_rng(0)
    for month in (1, 2):
        x = random.normal(size=80)
        kind = random.choice(["a", "b"], 80)
        table = pd.DataFrame({"x": x, "kind": kind, "late": (x > 0).astype(int)})
        table.to_csv(tmp_path / f"{month}.csv", index=False)
    return Pipeline(
        name="Summed_Up",
        source=str(tmp_path / "{month}.csv"),
        prepare=prepare,
        featurize=featurize,
        estimator=LogisticRegression(),
        target="late",
        slices=["kind"],
    )


def run(pipeline: Pipeline) -> Report:
    """Run a pipeline as a Prefect flow."""
    training: Any = pipeline.flow()
    done: Report = training()
    return done


def artifacts() -> list[Artifact]:
    """The summaries that Prefect has, the oldest first."""
    only = ArtifactFilter(key=ArtifactFilterKey(any_=["begat-summed-up"]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=only)
    return sorted(found, key=lambda one: one.created or one.id)  # type: ignore[return-value,arg-type]  # all have a time


def test_each_run_has_a_page_in_prefect(recorder: Recorder, pipeline: Pipeline) -> None:
    """A flow run leaves a Markdown artifact of its own: what ran, what came out, the pictures."""
    first, second = run(pipeline), run(pipeline)
    one, two = artifacts()

    assert (one.type, str(one.flow_run_id)) == ("markdown", first.prefect_flow_run_id)
    assert str(two.flow_run_id) == second.prefect_flow_run_id
    assert str(one.data).startswith("# Summed\\_Up@1\n\n7 tasks ran, 0 were reused.")
    assert str(two.data).startswith("# Summed\\_Up@1\n\n0 tasks ran, 7 were reused.")
    for picture in first.evaluated["pictures"]:
        assert f"`{picture.digest}`" in str(one.data)
        assert lineage.read(picture).startswith(b"<svg")


def test_a_page_that_cannot_be_made_breaks_no_run(
    recorder: Recorder,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server that refuses artifacts costs a warning, and the run completes."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no artifacts today")

    monkeypatch.setattr("prefect.artifacts.create_markdown_artifact", refuse)
    with caplog.at_level(logging.WARNING, "begat"):
        report = run(pipeline)

    assert report.model_version == "Summed_Up@1"
    assert recorder.table()[-1] == ("Summed_Up", "COMPLETE")
    assert "the run's summary is not in Prefect: RuntimeError: no artifacts today" in caplog.text
