from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from begat.tasks.pictures import calibration
from begat.tasks.pictures.values import UndefinedPictureError
from begat.tasks.ranking import BINS
from support.predictions import SVG, binary, in_words, multiclass, tree


def test_curve_is_scikit_learns() -> None:
    """Said and observed frequencies are scikit-learn's, bin for bin."""
    random = np.random.default_rng(0)
    said = binary(3000)
    scores = np.clip(np.asarray(said.scores) + random.normal(0, 0.001, 3000), 0, 1)
    said = replace(said, probabilities=np.column_stack([1 - scores, scores]))
    bins = calibration.measure(said, "late")["bins"]
    observed, probable = calibration_curve(said.truth, scores, n_bins=BINS)

    assert [place["observed"] for place in bins] == pytest.approx(observed, abs=1e-6)
    assert [place["said"] for place in bins] == pytest.approx(probable, abs=1e-6)


def test_error_is_the_mean_distance_of_the_bins() -> None:
    """The number beside the picture is that of its points, by their rows."""
    data = calibration.measure(binary(), "late")
    off = [place["rows"] * abs(place["said"] - place["observed"]) for place in data["bins"]]

    assert data["ece"] == pytest.approx(sum(off) / data["rows"], abs=1e-5)
    assert sum(place["rows"] for place in data["bins"]) == data["rows"]


def test_of_more_classes_the_confidence_is_meant() -> None:
    """The probability of the predicted class is compared with how often it was right."""
    said = multiclass()
    data = calibration.measure(said, "kind")
    right = sum(place["observed"] * place["rows"] for place in data["bins"])

    assert data["class"] is None
    assert right == pytest.approx((said.truth == said.predicted).sum(), abs=0.01)
    assert "probabilities of the predicted class" in in_words(calibration.draw(data))[1].lower()


def test_a_constant_prediction_is_one_point() -> None:
    """A model that always says the same is drawn as one point."""
    probabilities = np.tile([0.75, 0.25], (500, 1))
    data = calibration.measure(replace(binary(), probabilities=probabilities), "late")

    assert len(data["bins"]) == 1
    assert len(list(tree(calibration.draw(data)).iter(f"{SVG}circle"))) == 1


def test_without_probabilities_there_is_none() -> None:
    """Scores alone are no probabilities."""
    with pytest.raises(UndefinedPictureError, match="no probabilities"):
        calibration.measure(replace(binary(), probabilities=None), "late")
