from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from begat.tasks.metrics import Predictions
from begat.tasks.pictures import curves
from begat.tasks.pictures.album import Album, album
from support.predictions import binary, multiclass, regression, texts, tree

HOSTILE = ["</text><script>", '"&amp;\x00', "\u202eab", "Ж" * 300, "normal", "\ud800"]


class Said:
    """A model that says what it was told to, whatever the rows."""

    def __init__(self, said: Predictions) -> None:
        self.said = said
        if len(said.classes):
            self.classes_ = said.classes
        if said.probabilities is not None:
            self.predict_proba = lambda rows: self._of(said.probabilities, rows)

    def predict(self, rows: pd.DataFrame) -> Any:
        """Its predictions of the rows whose numbers these are."""
        return self._of(self.said.predicted, rows)

    @staticmethod
    def _of(values: Any, rows: pd.DataFrame) -> Any:
        return np.asarray(values)[rows["row"].to_numpy()]


def drawn(said: Predictions, *, target: str = "late", seed: int = 0) -> Album:
    """The pictures of some predictions."""
    rows = pd.DataFrame({"row": np.arange(len(said.truth))})
    return album(said, model=Said(said), rows=rows, target=target, seed=seed)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (binary(), ["confusion", "roc", "pr", "calibration", "importances"]),
        (multiclass(), ["confusion", "roc", "pr", "calibration", "importances"]),
        (regression(), ["residuals", "importances"]),
    ],
    ids=lambda value: getattr(value, "task", ""),
)
def test_each_task_has_its_pictures(said: Predictions, names: list[str]) -> None:
    """Classes and numbers have pictures of their own, each with the data it was drawn from."""
    made = drawn(said)

    assert list(made.pictures) == names
    assert set(made.curves) == {*names, "left_out"}
    assert set(made.curves["left_out"]) == {"learning"}
    json.dumps(made.curves, allow_nan=False)


def test_pictures_are_small() -> None:
    """However many rows and classes, no picture has more than 50 kB."""
    for said in (binary(20_000), multiclass(20_000, classes=[f"c{at}" for at in range(60)])):
        for name, svg in drawn(said).pictures.items():
            assert len(svg) < 50_000, name


@pytest.mark.parametrize(
    "said", [binary(1), multiclass(1), regression(1)], ids=lambda one: one.task
)
def test_one_row(said: Predictions, caplog: pytest.LogCaptureFixture) -> None:
    """One row has what one row can have, and what it cannot is told, not logged as a failure."""
    made = drawn(said)

    assert made.curves["left_out"]["importances"] == "it takes two rows to shuffle"
    assert made.pictures
    assert caplog.text == ""


def test_one_class(caplog: pytest.LogCaptureFixture) -> None:
    """A holdout of one class has no ROC, and all else."""
    said = binary()
    made = drawn(said.of(np.flatnonzero(~said.positive)))

    assert set(made.pictures) == {"confusion", "calibration", "importances"}
    assert made.curves["left_out"]["roc"] == "the rows hold a single class"
    assert caplog.text == ""


def test_constant_predictions(caplog: pytest.LogCaptureFixture) -> None:
    """A model that always says the same has all pictures."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan] * 10})
    truth = np.array([0, 0, 0, 1] * 10)
    prior = DummyClassifier().fit(rows, truth)
    mean = DummyRegressor().fit(rows, truth)
    said = Predictions(
        task="binary",
        classes=prior.classes_,
        truth=truth,
        predicted=prior.predict(rows),
        probabilities=(proba := prior.predict_proba(rows)),
        scores=proba[:, 1],
    )
    numbers = Predictions(
        task="regression",
        classes=np.array([]),
        truth=truth.astype(float),
        predicted=mean.predict(rows),
    )
    classes = album(said, model=prior, rows=rows, target="t", seed=0)

    assert {"roc", "pr", "calibration", "confusion", "importances"} == set(classes.pictures)
    assert classes.curves["roc"]["curves"][0]["auc"] == 0.5
    assert set(album(numbers, model=mean, rows=rows, target="t", seed=0).pictures) == {
        "residuals",
        "importances",
    }
    assert caplog.text == ""


def test_probabilities_that_are_none(caplog: pytest.LogCaptureFixture) -> None:
    """A model that says NaN loses the pictures that this spoils, and no other."""
    said = binary()
    assert said.probabilities is not None
    broken = np.where(np.arange(500)[:, None] == 3, np.nan, said.probabilities)
    with caplog.at_level(logging.WARNING, "begat"):
        made = drawn(replace(said, probabilities=broken, scores=broken[:, 1]))

    assert "confusion" in made.pictures
    assert {"roc", "pr", "calibration"} <= set(made.curves["left_out"])
    assert "\n" not in "".join(made.curves["left_out"].values())


def test_hostile_names_are_text() -> None:
    """Whatever classes, features and the target are called, pictures are XML and show it."""
    made = drawn(multiclass(classes=HOSTILE), target=HOSTILE[0])

    for name, svg in made.pictures.items():
        assert not [node for node in tree(svg).iter() if node.tag.endswith("script")], name
    assert any("</text><scrip" in text for text in texts(made.pictures["confusion"]))


def test_a_picture_that_fails_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The metrics are worth more than a picture: what failed is logged and left out."""

    def broken(data: dict[str, Any]) -> bytes:
        raise ZeroDivisionError("no ink")

    monkeypatch.setattr(curves, "draw_roc", broken)
    with caplog.at_level(logging.WARNING, "begat"):
        made = drawn(binary())

    assert made.curves["left_out"]["roc"] == "no ink"
    assert ("roc" in made.pictures, "roc" in made.curves, "pr" in made.pictures) == (
        False,
        False,
        True,
    )
    assert "picture roc was not drawn: no ink" in caplog.text


def digests() -> dict[str, str]:
    """What pictures of all kinds come to in this process."""
    said = [binary(), multiclass(), regression()]
    return {
        f"{one.task} {name}": hashlib.sha256(svg).hexdigest()
        for one in said
        for name, svg in drawn(one).pictures.items()
    }


def test_two_processes_draw_the_same_bytes() -> None:
    """Other processes, with other hashes of strings and another locale, make the same bytes."""
    script = (
        "import json, importlib.util as u; "
        f"spec = u.spec_from_file_location('again', {__file__!r}); "
        "again = u.module_from_spec(spec); spec.loader.exec_module(again); "
        "print(json.dumps(again.digests()))"
    )
    path = os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": path, "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True
    )

    assert json.loads(done.stdout) == digests()
