from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from begat.lineage.errors import DataError, ParameterError
from begat.lineage.events import canonical
from begat.lineage.records import DatasetVersion, Snapshot
from begat.tasks.evaluate import NO_VALUE, evaluate
from begat.tasks.train import train

from .conftest import Lake, month


@pytest.fixture
def features(lake: Lake) -> Snapshot:
    """Two months of features."""
    return lake.snapshot({f"month={key}": month(key) for key in (1, 2)})


@pytest.fixture
def model(features: Snapshot) -> DatasetVersion:
    """A small forest, fitted on both months."""
    forest = RandomForestClassifier(n_estimators=10, max_depth=3, n_jobs=1)
    return train(features, estimator=forest, target="late")["model"]


def evaluated(model: DatasetVersion, holdout: Snapshot, **given: Any) -> DatasetVersion:
    """The evaluation alone."""
    found: DatasetVersion = evaluate(model, holdout, **given)["evaluation"]
    return found


def held_out(lake: Lake, **change: Any) -> Snapshot:
    """A third month, some of its columns changed."""
    return lake.snapshot({"month=3": month(3).assign(**change)})


def test_metrics_of_the_holdout(lake: Lake, model: DatasetVersion) -> None:
    """The evaluation holds the metrics of the held-out rows, by name, and their number."""
    content = lake.read(evaluated(model, held_out(lake), target="late"))
    rows = month(3)
    scores = lake.read(model).predict_proba(rows[["distance", "hour", "carrier"]])[:, 1]

    assert (content["task"], content["rows"], content["classes"]) == ("binary", 60, [False, True])
    assert content["metrics"]["roc_auc"] == pytest.approx(roc_auc_score(rows["late"], scores))
    assert (content["undefined"], content["slices"]) == ({}, {})


def test_metrics_are_told(lake: Lake, model: DatasetVersion) -> None:
    """The run's event carries the metrics and slices that the evaluation holds."""
    content = lake.read(evaluated(model, held_out(lake), target="late", slices=["carrier"]))
    told = lake.run.run_facets["begat_metrics"]

    assert (told["metrics"], told["slices"]) == (content["metrics"], content["slices"])


def test_same_inputs_give_the_same_bytes(lake: Lake, features: Snapshot) -> None:
    """Threads that add in another order change no byte of the evaluation."""
    forest = RandomForestClassifier(n_estimators=40, n_jobs=2)
    model = train(features, estimator=forest, target="late")["model"]
    digests = {evaluated(model, held_out(lake), target="late").digest for _ in range(4)}

    assert len(digests) == 1


def test_slices_by_any_column(lake: Lake, model: DatasetVersion) -> None:
    """Slices are by features or by columns that the model never saw, gaps among them."""
    origin = ["JFK", "LGA", None] * 20
    content = lake.read(
        evaluated(model, held_out(lake, origin=origin), target="late", slices=["carrier", "origin"])
    )

    assert {name: part["rows"] for name, part in content["slices"]["origin"].items()} == {
        "JFK": 20,
        "LGA": 20,
        NO_VALUE: 20,
    }
    assert set(content["slices"]["carrier"]) == {"AA", "DL", "UA"}
    ours = content["slices"]["origin"]["LGA"]
    rows = month(3)[1::3]
    predicted = lake.read(model).predict(rows[["distance", "hour", "carrier"]])
    assert ours["accuracy"] == pytest.approx((rows["late"] == predicted).mean())


def test_slice_of_one_class_has_nulls(lake: Lake, model: DatasetVersion) -> None:
    """What one slice cannot have is null there, and only there."""
    holdout = held_out(lake, side=["left"] + ["right"] * 59)
    content = lake.read(evaluated(model, holdout, target="late", slices=["side"]))

    assert content["slices"]["side"]["left"]["roc_auc"] is None
    assert content["slices"]["side"]["right"]["roc_auc"] is not None


def test_holdout_of_one_class(
    lake: Lake, model: DatasetVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """Metrics that one class does not allow are null, and it is said why."""
    with caplog.at_level(logging.WARNING, "begat"):
        content = lake.read(evaluated(model, held_out(lake, late=False), target="late"))

    assert content["metrics"]["roc_auc"] is None
    assert content["metrics"]["accuracy"] is not None
    assert content["undefined"]["roc_auc"] == "the rows hold a single class"
    assert "roc_auc is null for delays/features (1 partitions)" in caplog.text


def test_multiclass(lake: Lake) -> None:
    """Three classes have the metrics of several classes."""
    features = lake.snapshot({"": month(1, 200)})
    model = train(features, estimator=LogisticRegression(max_iter=5000), target="carrier")["model"]
    content = lake.read(evaluated(model, held_out(lake), target="carrier"))

    assert (content["task"], content["classes"]) == ("multiclass", ["AA", "DL", "UA"])
    assert set(content["metrics"]) == {"accuracy", "f1_macro", "log_loss", "roc_auc_ovr"}


def test_regression(lake: Lake) -> None:
    """A regressor has errors instead of classes."""
    features = lake.snapshot({"": month(1, 200)})
    estimator = HistGradientBoostingRegressor(max_iter=5)
    model = train(features, estimator=estimator, target="distance")["model"]
    content = lake.read(evaluated(model, held_out(lake), target="distance", slices=["late"]))

    assert (content["task"], content["classes"]) == ("regression", None)
    assert set(content["metrics"]) == {"rmse", "mae", "r2"}
    assert set(content["slices"]["late"]) == {"True", "False"}


def test_model_without_probabilities(lake: Lake, features: Snapshot) -> None:
    """A model with a decision function is ranked; its log loss is null."""
    svc = LinearSVC(max_iter=100_000)
    model = train(features, estimator=svc, target="late", columns=["hour"])["model"]
    content = lake.read(evaluated(model, held_out(lake), target="late"))

    assert content["metrics"]["roc_auc"] is not None
    assert content["metrics"]["log_loss"] is None


def test_fraction_evaluates_what_train_left_out(lake: Lake, features: Snapshot) -> None:
    """Train and evaluate share out the rows of one snapshot between them."""
    split: dict[str, Any] = {"holdout_fraction": 0.25, "seed": 3}
    made = train(features, estimator=LogisticRegression(max_iter=5000), target="late", **split)
    content = lake.read(evaluated(made["model"], features, target="late", **split))

    assert content["rows"] + lake.read(made["signature"])["rows"] == 120
    assert content["rows"] > 10


def test_further_columns_do_no_harm(lake: Lake, model: DatasetVersion) -> None:
    """A column that the model was not fitted on is left alone."""
    plain = evaluated(model, held_out(lake), target="late")
    wide = evaluated(model, held_out(lake, extra="x"), target="late")

    assert plain.digest == wide.digest


def test_slice_columns_are_no_features(lake: Lake, features: Snapshot) -> None:
    """An estimator without preprocessing is given its own columns alone, slices or not."""
    tree = DecisionTreeClassifier(max_depth=2)
    model = train(features, estimator=tree, target="late", columns=["hour"])["model"]
    content = lake.read(evaluated(model, held_out(lake), target="late", slices=["carrier"]))

    assert set(content["slices"]["carrier"]) == {"AA", "DL", "UA"}


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=3),
        LogisticRegression(max_iter=5000),
        make_pipeline(
            ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["carrier"])]),
            LogisticRegression(),
        ),
    ],
    ids=["tree", "linear", "own"],
)
def test_strings_that_are_all_missing_are_missing_strings(
    lake: Lake, features: Snapshot, estimator: Any
) -> None:
    """A holdout in which a column of strings has no value is evaluated all the same."""
    model = train(features, estimator=estimator, target="late")["model"]
    content = lake.read(evaluated(model, held_out(lake, carrier=None), target="late"))
    rows = month(3).assign(carrier=np.array([np.nan] * 60, dtype=object))
    predicted = lake.read(model).predict(rows[["distance", "hour", "carrier"]])

    assert content["metrics"]["accuracy"] == pytest.approx((rows["late"] == predicted).mean())


def test_slices_have_names_that_json_can_say(lake: Lake, model: DatasetVersion) -> None:
    """What no reader of JSON takes is escaped in a slice's name; all else is as it is."""
    holdout = held_out(lake, gate=["a\0b", "a\tb", "é"] * 20)
    content = lake.read(evaluated(model, holdout, target="late", slices=["gate"]))
    told = canonical(lake.run.run_facets["begat_metrics"])

    assert set(content["slices"]["gate"]) == {"a\\x00b", "a\tb", "é"}
    assert r"a\\x00b" in told


def bad_metric(y_true: Any, y_pred: Any) -> float:
    """Fails."""
    raise ValueError("no")


@pytest.mark.parametrize(
    ("change", "given", "error", "message"),
    [
        ({}, {"target": "delay"}, DataError, "has no target 'delay'"),
        ({}, {"slices": ["origin"]}, DataError, "has no slice column 'origin'; its columns are"),
        ({"late": None}, {}, DataError, "target 'late' is missing in 60 of 60 rows"),
        (
            {"id": range(60)},
            {"slices": ["id"]},
            DataError,
            "slice column 'id' has 60 values in delays/features (1 partitions), and at most 50",
        ),
        ({}, {"columns": ["hour"]}, DataError, "cannot predict the rows of delays/features"),
        (
            {"late": ["x", "y"] * 30},
            {},
            DataError,
            "target 'late' holds 'x' in delays/features (1 partitions), and the model knows only "
            "False and True",
        ),
        ({}, {"metrics": ["rmse"]}, ParameterError, "metric 'rmse' is none of those"),
        ({}, {"metrics": [bad_metric]}, ParameterError, "metric bad_metric failed: no"),
    ],
)
def test_what_cannot_be_evaluated_is_named(
    lake: Lake,
    model: DatasetVersion,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    given: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    """What stands in the way of an evaluation is told in one line, with what to do."""
    monkeypatch.setattr("begat.tasks.evaluate.MOST_SLICES", 50)
    holdout = held_out(lake, **change)

    with pytest.raises(error) as caught:
        evaluate(model, holdout, **{"target": "late"} | given)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_holdout_without_rows_is_named(lake: Lake, model: DatasetVersion) -> None:
    """A fraction that holds out no row is told."""
    holdout = lake.snapshot({"month=3": month(3, rows=2)})

    with pytest.raises(DataError, match="leaves no rows to evaluate on"):
        evaluate(model, holdout, target="late", holdout_fraction=1e-9)


def test_numbers_for_booleans_are_the_same_classes(lake: Lake, model: DatasetVersion) -> None:
    """A holdout that spells True as 1 is evaluated all the same."""
    as_numbers = month(3)["late"].astype(int)
    contents = [
        lake.read(evaluated(model, held_out(lake, **change), target="late"))
        for change in ({}, {"late": np.asarray(as_numbers)})
    ]

    assert contents[0] == contents[1]


def test_pictures_are_outputs(lake: Lake, model: DatasetVersion) -> None:
    """Each picture is a dataset of its own in SVG, and what it was drawn from is kept."""
    found = evaluate(model, held_out(lake), target="late")
    names = [version.name for version in found["pictures"]]
    curves = lake.read(found["curves"])

    assert names == [
        f"delays/pictures/{name}"
        for name in ("calibration", "confusion", "importances", "pr", "roc")
    ]
    assert {version.format for version in found["pictures"]} == {"svg"}
    assert all(lake.read(version).startswith(b"<svg ") for version in found["pictures"])
    assert {f"delays/pictures/{name}" for name in curves} == {*names, "delays/pictures/left_out"}
    assert curves["left_out"] == {"learning": "this estimator keeps no scores of its steps"}


def test_pictures_and_metrics_agree(lake: Lake, model: DatasetVersion) -> None:
    """What a picture says is what the evaluation says."""
    found = evaluate(model, held_out(lake), target="late", metrics=["roc_auc", "ece"])
    values, curves = (lake.read(found[name]) for name in ("evaluation", "curves"))

    assert values["metrics"] == pytest.approx(
        {"roc_auc": curves["roc"]["curves"][0]["auc"], "ece": curves["calibration"]["ece"]}
    )


def test_same_inputs_give_the_same_pictures(lake: Lake, features: Snapshot) -> None:
    """Threads that add in another order change no byte of a picture."""
    forest = RandomForestClassifier(n_estimators=40, n_jobs=2)
    model = train(features, estimator=forest, target="late")["model"]
    found = [evaluate(model, held_out(lake), target="late") for _ in range(3)]
    digests = {
        tuple(version.digest for version in (*one["pictures"], one["curves"])) for one in found
    }

    assert len(digests) == 1


def test_gaps_in_features_are_drawn(
    lake: Lake, features: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    """A feature with missing values, or none at all, spoils no picture."""
    estimator = HistGradientBoostingClassifier(max_iter=5)
    model = train(features, estimator=estimator, target="late")["model"]
    gaps = month(3)["distance"].where(month(3)["hour"] > 12)
    carriers = month(3)["carrier"].where(gaps.notna())
    found = evaluate(
        model, held_out(lake, distance=gaps, hour=np.nan, carrier=carriers), target="late"
    )

    assert set(lake.read(found["curves"])["left_out"]) == set()
    assert len(found["pictures"]) == 6
    assert "not drawn" not in caplog.text


def test_progress_of_the_training_is_told(lake: Lake, features: Snapshot) -> None:
    """The run's event has the learning curve, step by step."""
    estimator = HistGradientBoostingClassifier(max_iter=5)
    model = train(features, estimator=estimator, target="late")["model"]
    evaluate(model, held_out(lake), target="late")
    steps = lake.run.run_facets["begat_metrics"]["steps"]

    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5]
    assert all(step["holdout_log_loss"] > 0 for step in steps)


def test_groups_need_be_no_features(lake: Lake, model: DatasetVersion) -> None:
    """A column that a metric groups by is read beside the features; one that lacks is named."""
    metric = {"metric": "ndcg_at_5", "parameters": {"group": "query"}}
    holdout = held_out(lake, query=["a", "b", "c", "d"] * 15)
    content = lake.read(evaluated(model, holdout, target="late", metrics=[metric]))

    assert 0 < content["metrics"]["ndcg_at_5"] <= 1
    with pytest.raises(DataError, match="has no group column 'query'"):
        evaluate(model, held_out(lake), target="late", metrics=[metric])
