from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from begat.tasks.metrics import Predictions
from begat.tasks.pictures import importances
from begat.tasks.pictures.values import UndefinedPictureError
from support.predictions import in_words, texts


def rows(count: int = 400) -> pd.DataFrame:
    """Two features that matter, one much, and one that does not."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "noise": random.normal(size=count),
            "much": random.normal(size=count),
            "kind": random.choice(["a", "b"], count),
        }
    )


def truth_of(table: pd.DataFrame) -> np.ndarray:
    """What is to be told."""
    return (2 * table["much"] + (table["kind"] == "a") > 0.5).to_numpy()


def fitted(estimator: Any, table: pd.DataFrame, truth: np.ndarray) -> Any:
    """An estimator behind an encoder, fitted."""
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    return make_pipeline(encoder, estimator).fit(table, truth)


def predictions(model: Any, table: pd.DataFrame, truth: np.ndarray) -> Predictions:
    """What a classifier of two classes says of the rows."""
    proba = model.predict_proba(table)
    return Predictions(
        task="binary",
        classes=model.classes_,
        truth=truth,
        predicted=model.predict(table),
        probabilities=proba,
        scores=proba[:, 1],
    )


@pytest.fixture(scope="module")
def given() -> tuple[Predictions, Any, pd.DataFrame]:
    """A model that tells them, and what it says."""
    table = rows()
    model = fitted(LogisticRegression(), table, truth_of(table))
    return predictions(model, table, truth_of(table)), model, table


def measured(given: tuple[Predictions, Any, pd.DataFrame], seed: int = 0) -> dict[str, Any]:
    """The importances with this seed."""
    said, model, table = given
    return importances.measure(said, model, table, seed)


def test_what_matters_comes_first(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """Features are the columns as they came, strings too, in order of what they are worth."""
    data = measured(given)
    names = [one["feature"] for one in data["features"]]

    assert (data["metric"], names) == ("roc_auc", ["much", "kind", "noise"])
    assert data["features"][0]["mean"] > 0.2
    assert abs(data["features"][2]["mean"]) < 0.02


def test_value_is_of_the_rows_as_they_are(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """Where all rows are taken, the metric is that of all rows."""
    said, _, _ = given
    data = measured(given)

    assert data["value"] == pytest.approx(roc_auc_score(said.truth, said.scores), abs=1e-3)


def test_seed_decides(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """The same seed is the same picture; another one shuffles otherwise."""
    same = {importances.draw(measured(given)) for _ in range(3)}

    assert len(same) == 1
    assert measured(given, seed=1)["features"] != measured(given)["features"]


def test_frames_of_any_size_say_the_same(
    given: tuple[Predictions, Any, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many rows are predicted at once changes nothing."""
    whole = measured(given)
    monkeypatch.setattr(importances, "CELLS", 1)

    assert measured(given) == whole


def test_a_shuffled_frame_is_the_frame_but_for_one_column() -> None:
    """Each block of rows has one column in another order, with its type."""
    table = rows(50).assign(kind=lambda frame: frame["kind"].astype("category"))
    orders = {
        name: [np.random.default_rng(at).permutation(50) for at in range(importances.REPEATS)]
        for name in ("much", "kind")
    }
    blocks = [
        block.reset_index(drop=True)
        for _, block in importances._shuffled(table, orders).groupby(np.arange(300) // 50)
    ]

    assert len(blocks) == 6
    for name, block, order in zip(
        ["much"] * 3 + ["kind"] * 3, blocks, orders["much"] + orders["kind"], strict=True
    ):
        expected = table.assign(**{name: table[name].take(order).array})
        pd.testing.assert_frame_equal(block, expected)


def test_rare_class_is_not_lost() -> None:
    """Of two classes as many rows are taken, as far as there are, and never more than asked."""
    said = replace(
        Predictions(
            task="binary",
            classes=np.array([0, 1]),
            truth=np.arange(100_000) % 1000 == 0,
            predicted=np.zeros(100_000),
        ),
        scores=np.zeros(100_000),
    )
    chosen = importances._sample(said, np.random.default_rng(0))

    assert len(chosen) == importances.ROWS == len(set(chosen.tolist()))
    assert said.truth[chosen].sum() == 100


def test_more_classes_lose_accuracy() -> None:
    """Of three classes it is the accuracy that is lost."""
    table = rows()
    truth = np.digitize(table["much"], [-0.5, 0.5])
    model = fitted(RandomForestClassifier(20, random_state=0), table, truth)
    said = Predictions(
        task="multiclass", classes=model.classes_, truth=truth, predicted=model.predict(table)
    )
    data = importances.measure(said, model, table, 0)

    assert (data["metric"], data["features"][0]["feature"]) == ("accuracy", "much")


def test_numbers_gain_error() -> None:
    """For numbers, importance is what the error grows by."""
    table = rows()
    truth = 3 * table["much"].to_numpy()
    model = fitted(HistGradientBoostingRegressor(max_iter=30), table, truth)
    said = Predictions(
        task="regression", classes=np.array([]), truth=truth, predicted=model.predict(table)
    )
    data = importances.measure(said, model, table, 0)

    assert (data["metric"], data["features"][0]["feature"]) == ("rmse", "much")
    assert data["features"][0]["mean"] > 2


def test_a_decision_function_is_a_score(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """A model without probabilities is asked for its decisions."""
    said, _, table = given
    model = fitted(LinearSVC(), table, truth_of(table))
    said = replace(said, probabilities=None, scores=model.decision_function(table))

    assert importances.measure(said, model, table, 0)["features"][0]["feature"] == "much"


def test_one_class_loses_accuracy(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """Where one class is held out there is no AUC to lose."""
    said, model, table = given
    places = np.flatnonzero(said.positive)
    data = importances.measure(said.of(places), model, table.iloc[places], 0)

    assert data["metric"] == "accuracy"


def test_gaps_are_shuffled_along(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """Missing values are values."""
    table = rows().assign(much=lambda frame: frame["much"].where(frame["much"] < 1))
    model = fitted(HistGradientBoostingRegressor(max_iter=5), table, truth_of(table))
    said = Predictions(
        task="regression",
        classes=np.array([]),
        truth=truth_of(table).astype(float),
        predicted=model.predict(table),
    )

    assert importances.measure(said, model, table, 0)["features"][0]["feature"] == "much"


def test_what_cannot_be_shuffled_says_why(given: tuple[Predictions, Any, pd.DataFrame]) -> None:
    """One row, a thousand features, a model that fails: told in a sentence."""
    said, model, table = given

    class Broken:
        """Predicts nothing."""

        def predict_proba(self, rows: pd.DataFrame) -> None:
            """Fail."""
            raise RuntimeError("out of order")

    wide = pd.DataFrame(np.zeros((400, 201)), columns=[f"c{at}" for at in range(201)])
    with pytest.raises(UndefinedPictureError, match="two rows"):
        importances.measure(said.of(np.array([0])), model, table.head(1), 0)
    with pytest.raises(UndefinedPictureError, match="there are 201 features, and at most 200"):
        importances.measure(said, model, wide, 0)
    with pytest.raises(UndefinedPictureError, match="out of order"):
        importances.measure(said, Broken(), table, 0)


def test_predictions_that_are_no_numbers_say_why(
    given: tuple[Predictions, Any, pd.DataFrame],
) -> None:
    """Of an error that is no number nothing can be lost."""
    _, _, table = given
    nothing = np.full(len(table), np.nan)
    said = Predictions(
        task="regression", classes=np.array([]), truth=np.zeros(len(table)), predicted=nothing
    )

    class Nothing:
        """Predicts no number."""

        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            """NaN."""
            return np.full(len(rows), np.nan)

    with pytest.raises(UndefinedPictureError, match="the rmse of these rows is nan"):
        importances.measure(said, Nothing(), table, 0)


def test_picture_of_many_features_has_the_first() -> None:
    """The most important ones are drawn, and how many are not is said."""
    features = [{"feature": f"column {at}", "mean": 1 / (at + 1), "std": 0.01} for at in range(200)]
    data = {"metric": "roc_auc", "value": 0.8, "rows": 1000, "repeats": 3, "features": features}
    content = importances.draw(data)

    assert "and 180 features below these" in texts(content)
    assert ("column 19" in texts(content), "column 20" in texts(content)) == (True, False)
    assert "column 0 1.0000" in in_words(content)[1]
    assert len(content) < 50_000


def test_nothing_matters_can_be_drawn() -> None:
    """A model that ignores its features has bars of no length."""
    features = [{"feature": "a", "mean": 0.0, "std": 0.0}]
    data = {"metric": "accuracy", "value": 1.0, "rows": 2, "repeats": 3, "features": features}

    assert "0.0000" in texts(importances.draw(data))
