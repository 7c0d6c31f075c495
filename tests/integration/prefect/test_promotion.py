"""A pipeline that is a Prefect flow, and the gates of its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from begat.flows import Pipeline
from begat.flows.report import Report
from begat.lineage.registry import audit, sign_off, stages
from support.recorder import Recorder
from support.registered import ADA


def same(frame: pd.DataFrame) -> pd.DataFrame:
    """All rows and columns."""
    return frame


def rows(folder: Path, month: int) -> None:
    """A month."""
    x = np.random.default_rng(month).normal(size=80)
    pd.DataFrame({"x": x, "late": (x > 0).astype(int)}).to_csv(folder / f"{month}.csv", index=False)


def run(pipeline: Pipeline) -> Report:
    """Run a pipeline as a Prefect flow."""
    training: Any = pipeline.flow()
    done: Report = training()
    return done


def test_promoted_in_a_flow_run(recorder: Recorder, tmp_path: Path) -> None:
    """A flow run promotes what its gates let pass, also where one of them has to run a model."""
    for month in (1, 2):
        rows(tmp_path, month)
    pipeline = Pipeline(
        name="Judged",
        source=str(tmp_path / "{month}.csv"),
        prepare=same,
        featurize=same,
        estimator=LogisticRegression(),
        target="late",
        gates=[{"gate": "relative", "metric": "roc_auc", "worse_by": 0.5}],
        policy={"promote": "staging", "required": []},
    )
    first = run(pipeline)
    sign_off.sign(recorder, "Judged@1", approve=True, identity=ADA)
    stages.promote(recorder, "Judged@1", to="Production", identity=ADA)
    rows(tmp_path, 3)
    second = run(pipeline)

    assert (first.promoted, second.promoted) == ("Staging", "Staging")
    rows_of = [(row.action, row.version, row.who) for row in audit.entries(recorder.store)]
    assert rows_of[1] == ("promote", 1, "begat")
    assert rows_of[-1] == ("promote", 2, "begat")
    assert [event["eventType"] for event in recorder.of("Judged.gates.evaluate")] == [
        "START",
        "COMPLETE",
    ]
    assert recorder.table()[-1] == ("Judged", "COMPLETE")
