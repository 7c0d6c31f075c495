from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from begat.lineage.events import facets
from begat.tasks.metrics import Predictions
from begat.tasks.pictures import learning
from begat.tasks.pictures.values import UndefinedPictureError
from support.predictions import SVG, in_words, texts, tree

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(300, 3)), columns=["a", "b", "c"])
TRUTH = (ROWS["a"] + RANDOM.normal(size=300) > 0).to_numpy()
NUMBERS = 2 * ROWS["a"].to_numpy()


def said(model: Any) -> Predictions:
    """What a fitted model says of the rows."""
    classes = getattr(model, "classes_", np.array([]))
    return Predictions(
        task="binary" if len(classes) else "regression",
        classes=classes,
        truth=TRUTH if len(classes) else NUMBERS,
        predicted=model.predict(ROWS),
    )


def curves(estimator: Any) -> dict[str, dict[str, Any]]:
    """The curves of an estimator fitted on the rows, by what they are of."""
    classifier = hasattr(estimator, "predict_proba") or "Classifier" in repr(estimator)
    model = estimator.fit(ROWS, TRUTH if classifier else NUMBERS)
    data = learning.measure(said(model), model, ROWS, 0)
    return {f"{curve['of']} {curve['measure']}": curve for curve in data["curves"]}


def test_gradient_boosting() -> None:
    """Its own scores, and the log loss of held-out rows after each tree, as scikit-learn's."""
    model = GradientBoostingClassifier(n_estimators=12, random_state=0)
    found = curves(model)
    stages = [log_loss(TRUTH, stage) for stage in model.staged_predict_proba(ROWS)]

    assert set(found) == {"train loss", "holdout log_loss"}
    assert found["train loss"]["values"] == pytest.approx(model.train_score_, rel=1e-5)
    assert found["holdout log_loss"]["values"] == pytest.approx(stages, rel=1e-5)
    assert found["holdout log_loss"]["steps"] == list(range(1, 13))


def test_histogram_boosting_with_early_stopping() -> None:
    """Its losses have their sign turned back, and begin before the first step."""
    model = HistGradientBoostingClassifier(max_iter=8, early_stopping=True, random_state=0)
    found = curves(model)

    assert set(found) == {"train log_loss", "validation log_loss", "holdout log_loss"}
    assert found["train log_loss"]["values"] == pytest.approx(-model.train_score_, rel=1e-5)
    assert found["train log_loss"]["steps"][0] == 0
    assert found["holdout log_loss"]["steps"][0] == 1


def test_histogram_boosting_without_early_stopping() -> None:
    """Where it kept no scores, the held-out rows alone are measured."""
    assert set(curves(HistGradientBoostingClassifier(max_iter=8, early_stopping=False))) == {
        "holdout log_loss"
    }


def test_histogram_boosting_by_a_metric() -> None:
    """Scores that it was told to keep go by their name, as they are."""
    model = HistGradientBoostingClassifier(max_iter=5, early_stopping=True, scoring="accuracy")
    found = curves(model)

    assert found["validation accuracy"]["values"] == pytest.approx(
        model.validation_score_, rel=1e-5
    )


def test_ada_boost() -> None:
    """Any estimator that predicts by stages is measured."""
    assert set(curves(AdaBoostClassifier(n_estimators=5))) == {"holdout log_loss"}


def test_regression() -> None:
    """Numbers are measured by their RMSE."""
    found = curves(GradientBoostingRegressor(n_estimators=20))
    values = found["holdout rmse"]["values"]

    assert set(found) == {"train loss", "holdout rmse"}
    assert values[-1] < values[0]


def test_neural_networks() -> None:
    """Their losses, and the scores of the rows they set aside."""
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (4,), "max_iter": 200, "early_stopping": True, "tol": 1.0,
        "random_state": 0,
    }  # fmt: skip

    assert set(curves(MLPClassifier(**settings))) == {"train loss", "validation accuracy"}
    assert set(curves(MLPRegressor(**settings))) == {"train loss", "validation r2"}


def test_inside_pipelines_and_searches() -> None:
    """What stands before the estimator transforms the rows for it."""
    inner = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=6))
    search = GridSearchCV(inner, {"gradientboostingclassifier__max_depth": [2]}, cv=2)
    search.fit(ROWS, TRUTH)
    data = learning.measure(said(search), search, ROWS, 0)
    last = data["curves"][1]["values"][-1]

    assert [curve["of"] for curve in data["curves"]] == ["train", "holdout"]
    assert last == pytest.approx(log_loss(TRUTH, search.predict_proba(ROWS)), rel=1e-5)


def test_long_trainings_are_thinned() -> None:
    """Of 1,000 steps 200 are kept, the first and the last among them; the picture is small."""
    model = GradientBoostingRegressor(n_estimators=1000, max_depth=1).fit(ROWS, NUMBERS)
    data = learning.measure(said(model), model, ROWS, 0)

    for curve in data["curves"]:
        assert (curve["steps"][0], curve["steps"][-1]) == (1, 1000)
        assert len(curve["steps"]) == len(curve["values"]) == learning.MOST_STEPS
    assert len(learning.draw(data)) < 50_000


def test_estimators_without_steps_have_none() -> None:
    """A forest has no order of steps to tell of."""
    model = RandomForestClassifier(3).fit(ROWS, TRUTH)

    with pytest.raises(UndefinedPictureError, match="keeps no scores"):
        learning.measure(said(model), model, ROWS, 0)


def test_measures_have_fields_of_their_own() -> None:
    """Curves of one measure share a field; the best step of each is told."""
    data = {
        "curves": [
            {"of": "train", "measure": "loss", "steps": [1, 2, 3], "values": [3.0, 2.0, 2.5]},
            {"of": "validation", "measure": "accuracy", "steps": [1, 2], "values": [0.75, 0.75]},
        ]
    }
    content = learning.draw(data)

    assert {"loss", "accuracy", "best 2 at 2", "best 0.75 at 1", "last 2.5"} <= set(texts(content))
    assert "loss of train rows: last 2.5, best 2 at 2." in in_words(content)[1]
    lines = [node for node in tree(content).iter(f"{SVG}polyline") if node.get("class") == "s0"]
    assert len(lines) == 4  # each curve, and what it looks like


def test_a_diverged_training_can_be_drawn() -> None:
    """Losses that became infinite are left out where they are."""
    values = [1.0, 2.0, None, None]
    curve = {"of": "train", "measure": "loss", "steps": [1, 2, 3, 4], "values": values}

    assert "last 2" in texts(learning.draw({"curves": [curve]}))
    nothing = {**curve, "values": [None] * 4}
    assert "no finite value" in texts(learning.draw({"curves": [nothing]}))


def test_progress_is_told_in_the_facet() -> None:
    """The event has one mapping a step, with each curve's value there."""
    curves_ = [
        {"of": "train", "measure": "loss", "steps": [0, 1], "values": [3.0, 2.0]},
        {"of": "holdout", "measure": "loss", "steps": [1], "values": [2.5]},
    ]
    steps = learning.progress({"curves": curves_})

    assert steps == [
        {"step": 0, "train_loss": 3.0},
        {"step": 1, "train_loss": 2.0, "holdout_loss": 2.5},
    ]
    assert facets.metrics({"auc": 0.5}, steps=steps)["steps"] == steps
