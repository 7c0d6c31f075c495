from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from begat.tasks.pictures import curves
from begat.tasks.pictures.svg import SERIES
from begat.tasks.pictures.values import UndefinedPictureError
from support.predictions import SVG, binary, in_words, multiclass, texts, tree


def test_roc_is_scikit_learns() -> None:
    """Every point of a short curve is scikit-learn's, and so is the area under it."""
    said = binary(200)
    [curve] = curves.roc(said, "late")["curves"]
    false, true, threshold = roc_curve(said.truth, said.scores, drop_intermediate=False)

    assert curve["false_positive_rate"] == pytest.approx(false, abs=1e-6)
    assert curve["true_positive_rate"] == pytest.approx(true, abs=1e-6)
    assert curve["threshold"][0] is None
    assert curve["threshold"][1:] == pytest.approx(threshold[1:], abs=1e-6)
    assert curve["auc"] == pytest.approx(roc_auc_score(said.truth, said.scores))
    assert (curve["class"], curve["rows"], curve["points"]) == (1, said.truth.sum(), len(false))


def test_pr_is_scikit_learns() -> None:
    """Every point of a short curve is scikit-learn's, and so is the average precision."""
    said = binary(200)
    [curve] = curves.pr(said, "late")["curves"]
    precision, recall, threshold = precision_recall_curve(said.truth, said.scores)

    assert curve["precision"] == pytest.approx(precision, abs=1e-6)
    assert curve["recall"] == pytest.approx(recall, abs=1e-6)
    assert curve["threshold"][:-1] == pytest.approx(threshold, abs=1e-6)
    assert curve["threshold"][-1] is None
    assert curve["average_precision"] == pytest.approx(
        average_precision_score(said.truth, said.scores)
    )


def test_long_curves_are_thinned_and_stay_true() -> None:
    """Of 50,000 rows few points are kept, the ends among them, none of them moved."""
    said = binary(50_000)
    random = np.random.default_rng(0)
    assert said.scores is not None
    said = replace(said, scores=said.scores + random.normal(0, 0.01, 50_000))
    [curve] = curves.roc(said, "late")["curves"]
    x, y = curve["false_positive_rate"], curve["true_positive_rate"]
    assert len(x) <= curves.MOST_POINTS < curve["points"]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(curve["auc"], abs=5e-4)


def test_each_of_several_classes_has_a_curve() -> None:
    """Of more classes, each is set against all others, in the model's order."""
    said = multiclass()
    data = curves.roc(said, "kind")
    assert said.probabilities is not None

    assert [curve["class"] for curve in data["curves"]] == ["a", "b", "c"]
    assert [curve["auc"] for curve in data["curves"]] == pytest.approx(
        [
            roc_auc_score(said.truth == name, said.probabilities[:, place])
            for place, name in enumerate("abc")
        ]
    )


def test_too_many_classes_are_counted() -> None:
    """The most frequent classes have curves; how many are left out is said."""
    said = multiclass(2000, classes=[f"c{number:02}" for number in range(20)])
    data = curves.pr(said, "kind")
    drawn = texts(curves.draw_pr(data))

    assert [curve["class"] for curve in data["curves"]] == [f"c{at:02}" for at in range(SERIES)]
    assert data["left_out"] == 20 - SERIES
    assert any("14 more classes are not shown" in text for text in drawn)


def test_series_differ_by_dashes() -> None:
    """Without colour the curves can still be told apart, and each has a name."""
    content = curves.draw_roc(curves.roc(multiclass(), "kind"))
    style = tree(content).findtext(f"{SVG}style") or ""
    dashes = [style.partition(f".s{at}{{stroke-dasharray:")[2].partition("}")[0] for at in range(6)]

    assert len(set(dashes)) == 6
    assert {"class a", "class b", "class c"} <= set(texts(content))


def test_description_says_the_numbers() -> None:
    """Who cannot see the curve is told what it says."""
    said = binary()
    title, words = in_words(curves.draw_roc(curves.roc(said, "late")))

    assert title == "ROC curve of late"
    assert f"{roc_auc_score(said.truth, said.scores):.4f}" in words


def test_few_points_of_precision_are_stairs() -> None:
    """Between two thresholds precision is not interpolated, which would flatter it."""
    said = binary(20)
    data = curves.pr(said, "late")
    line = next(tree(curves.draw_pr(data)).iter(f"{SVG}polyline")).get("points") or ""
    places = [tuple(map(float, pair.split(","))) for pair in line.split()]

    assert len(places) > len(data["curves"][0]["recall"])
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(places))


def test_what_has_no_curve_says_why() -> None:
    """One class, or a model without scores, has no curve."""
    said = binary()
    single = said.of(np.flatnonzero(said.positive))
    mute = replace(said, scores=None, probabilities=None)

    for measure in (curves.roc, curves.pr):
        with pytest.raises(UndefinedPictureError, match="a single class"):
            measure(single, "late")
        with pytest.raises(UndefinedPictureError, match="neither probabilities nor scores"):
            measure(mute, "late")
        with pytest.raises(UndefinedPictureError, match="no probabilities"):
            measure(replace(multiclass(), probabilities=None), "kind")
