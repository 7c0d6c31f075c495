"""A model on its recorded input example."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from begat.lineage.content import models
from begat.lineage.registry import example
from begat.tasks.signature import signature


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "carrier": ["AA", None, "UA", "DL", "AA", "UA"],
            "distance": [1.5, 2.5, np.nan, 4.0, 5.0, 6.0],
            "hour": [1, 2, 3, 4, 5, 6],
            "late": [True, False, True, False, True, False],
        }
    )


def classifier(labels: list[Any]) -> tuple[bytes, dict[str, Any]]:
    """A fitted classifier's file and its signature."""
    frame = rows().astype({"carrier": object}).where(rows().notna(), np.nan)
    frame = frame.astype({"distance": float, "hour": int, "late": bool})
    model = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(random_state=0))
    model.fit(frame, np.array(labels))
    return models.dump(model), signature(model, frame, pd.Series(labels, name="y"))


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 1, 0], list("ababba"), [True, False] * 3])
def test_same(labels: list[Any]) -> None:
    """A model predicts what was recorded of it, whatever its columns and classes hold."""
    data, recorded = classifier(labels)

    assert example.check(data, recorded) == 5


def test_regressor() -> None:
    """A regressor's predictions are compared as numbers, up to the last digits."""
    frame = rows()[["hour"]]
    model = LinearRegression().fit(frame, [0.1, 0.7, 0.4, 0.2, 0.9, 0.3])
    recorded = signature(model, frame, pd.Series([0.1], name="y"))
    near = deepcopy(recorded)
    near["example"]["outputs"]["predict"][0] *= 1 + 1e-11
    far = deepcopy(recorded)
    far["example"]["outputs"]["predict"][0] *= 1 + 1e-6

    assert example.check(models.dump(model), near) == 5
    with pytest.raises(example.UnlikeError, match="predict of recorded row 0"):
        example.check(models.dump(model), far)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_other_prediction(method: str) -> None:
    """A prediction that differs is named with its row."""
    data, recorded = classifier([0, 1, 0, 1, 1, 0])
    recorded["example"]["outputs"][method][2] = [9, 9] if method == "predict_proba" else 9

    with pytest.raises(example.UnlikeError, match=f"{method} of recorded row 2"):
        example.check(data, recorded)


def test_fewer_predictions() -> None:
    """Recorded outputs of fewer rows are no match."""
    data, recorded = classifier([0, 1, 0, 1, 1, 0])
    recorded["example"]["outputs"]["predict"].pop()

    with pytest.raises(example.UnlikeError, match="5 predictions came for 4"):
        example.check(data, recorded)


@pytest.mark.parametrize(
    "spoilt", [{}, {"example": None}, {"example": {"columns": ["x"], "rows": [[1]]}}]
)
def test_unreadable_example(spoilt: dict[str, Any]) -> None:
    """A signature without a readable example is told, not raised through."""
    data, recorded = classifier([0, 1, 0, 1, 1, 0])
    if spoilt:
        recorded |= spoilt
    else:
        del recorded["example"]

    with pytest.raises(example.UnlikeError, match="its input example cannot be read"):
        example.check(data, recorded)


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_pickle(tmp_path: Path) -> None:
    """A pickle is refused and not run."""
    _, recorded = classifier([0, 1, 0, 1, 1, 0])
    canary, dead = tmp_path / "canary", tmp_path / "dead"
    pickle.loads(pickle.dumps(Canary(dead)))

    with pytest.raises(example.UnlikeError, match="not a skops model file"):
        example.check(pickle.dumps(Canary(canary)), recorded)
    assert (dead.exists(), canary.exists()) == (True, False)
