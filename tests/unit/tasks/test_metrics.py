from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from begat.lineage.errors import ParameterError
from begat.tasks import metrics
from begat.tasks.metrics import Predictions, UndefinedMetricError, check, resolve

BINARY = Predictions(
    task="binary",
    classes=np.array(["late", "on_time"]),
    truth=np.array(["late", "on_time", "on_time", "late"]),
    predicted=np.array(["late", "on_time", "late", "late"]),
    probabilities=np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]),
    scores=np.array([0.1, 0.8, 0.4, 0.3]),
)
MULTI = Predictions(
    task="multiclass",
    classes=np.array([0, 1, 2]),
    truth=np.array([0, 1, 2, 2]),
    predicted=np.array([0, 1, 1, 2]),
    probabilities=np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0, 0.1, 0.9]]),
)
NUMBERS = Predictions(
    task="regression",
    classes=np.array([]),
    truth=np.array([1.0, 2.0, 4.0]),
    predicted=np.array([1.0, 3.0, 2.0]),
)


def values(given: list[Any], said: Predictions) -> dict[str, float]:
    """What `resolve` makes of `given`, computed."""
    return {metric.name: metric(said) for metric in resolve(given, said.task)}


def test_binary_defaults() -> None:
    """Two classes: six metrics of the second class in sorted order."""
    assert values([], BINARY) == pytest.approx(
        {
            "roc_auc": 1.0,
            "average_precision": 1.0,
            "accuracy": 0.75,
            "f1": 2 / 3,
            "log_loss": -(math.log(0.9) + math.log(0.8) + math.log(0.4) + math.log(0.7)) / 4,
            "brier": (0.1**2 + 0.2**2 + 0.6**2 + 0.3**2) / 4,
        }
    )


def test_multiclass_defaults() -> None:
    """More classes: averages over the classes."""
    found = values([], MULTI)

    assert found == pytest.approx(
        {
            "accuracy": 0.75,
            "f1_macro": (1 + 2 / 3 + 2 / 3) / 3,
            "log_loss": -(math.log(0.8) * 2 + math.log(0.3) + math.log(0.9)) / 4,
            "roc_auc_ovr": 1.0,
        }
    )


def test_regression_defaults() -> None:
    """Numbers: root mean squared and mean absolute error, and explained variance."""
    assert values([], NUMBERS) == pytest.approx(
        {"rmse": math.sqrt(5 / 3), "mae": 1.0, "r2": 1 - 5 / (14 / 3)}
    )


@pytest.mark.parametrize("said", [BINARY, MULTI, NUMBERS], ids=lambda said: said.task)
def test_every_named_metric_is_finite(said: Predictions) -> None:
    """Each metric that has a name has a value where nothing is missing."""
    found = values(list(metrics.NAMED[said.task]), said)

    assert set(found) == set(metrics.NAMED[said.task])
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("roc_auc", BINARY.of(np.array([0, 3])), "the rows hold a single class"),
        ("average_precision", BINARY.of(np.array([1])), "the rows hold a single class"),
        ("f1", BINARY.of(np.array([0, 3])), "it is nan for these rows"),
        ("roc_auc_ovr", MULTI.of(np.array([0, 1])), "the rows hold none of class 2"),
        ("r2", NUMBERS.of(np.array([0])), "it takes two rows"),
        ("accuracy", MULTI.of(np.array([], dtype=int)), "there are no rows"),
    ],
)
def test_undefined_metric_says_why(name: str, said: Predictions, reason: str) -> None:
    """A metric that these rows cannot have says so, and warns of nothing."""
    (metric,) = resolve([name], said.task)

    with pytest.raises(UndefinedMetricError, match=reason):
        metric(said)


def test_metrics_without_probabilities() -> None:
    """A model with scores alone is ranked; what needs probabilities is undefined."""
    said = Predictions(
        task="binary",
        classes=BINARY.classes,
        truth=BINARY.truth,
        predicted=BINARY.predicted,
        scores=BINARY.scores * 10 - 5,
    )

    assert values(["roc_auc"], said) == {"roc_auc": 1.0}
    for name in ("log_loss", "brier"):
        with pytest.raises(UndefinedMetricError, match="gives no probabilities"):
            resolve([name], "binary")[0](said)


def test_predictions_that_are_no_numbers() -> None:
    """What scikit-learn refuses to measure is undefined, with its reason."""
    said = Predictions(
        task="regression",
        classes=NUMBERS.classes,
        truth=NUMBERS.truth,
        predicted=np.array([1.0, np.nan, 2.0]),
    )

    with pytest.raises(UndefinedMetricError, match="contains NaN"):
        resolve(["rmse"], "regression")[0](said)


def test_unseen_class_is_named() -> None:
    """A class that the model never saw has no probability, and so no log loss."""
    said = Predictions(
        task="multiclass",
        classes=MULTI.classes,
        truth=np.array([0, 1, 2, 3]),
        predicted=MULTI.predicted,
        probabilities=MULTI.probabilities,
    )

    assert values(["accuracy"], said) == {"accuracy": 0.5}
    with pytest.raises(UndefinedMetricError, match="a class 3 that the model never saw"):
        resolve(["log_loss"], "multiclass")[0](said)


def late_share(y_true: Any, y_pred: Any) -> float:
    """Share of predictions that say `late`."""
    return float((y_pred == "late").mean())


def mean_score(y_true: Any, y_score: Any) -> float:
    """Mean of the scores."""
    return float(np.mean(y_score))


def test_own_functions_get_what_their_parameter_names() -> None:
    """A function is given predictions, or probabilities if its second parameter asks."""
    found = values([late_share, mean_score], BINARY)

    assert found == pytest.approx({"late_share": 0.75, "mean_score": 0.4})


def test_own_functions_by_name_and_with_parameters() -> None:
    """`module:name` and parameters name any function, several times under other names."""
    given = [
        {
            "metric": "sklearn.metrics:fbeta_score",
            "parameters": {"beta": beta, "pos_label": "late"},
            "name": f"f{beta}",
        }
        for beta in (1, 2)
    ]

    assert values(given, BINARY) == pytest.approx(
        {
            f"f{beta}": sklearn_metrics.fbeta_score(
                BINARY.truth, BINARY.predicted, beta=beta, pos_label="late"
            )
            for beta in (1, 2)
        }
    )


def test_located_metrics_are_reported_as_before() -> None:
    """A name of a module's function and the function itself are one metric."""
    given = ["f1", "math:dist", {"metric": "math:dist", "name": "far"}]
    found = metrics.located(given)

    assert found == ("f1", math.dist, {"metric": math.dist, "name": "far"})
    assert [metric.name for metric in resolve(found, "binary")] == ["f1", "dist", "far"]


def broken(y_true: Any, y_pred: Any) -> float:
    """Fails, in two lines."""
    raise RuntimeError("no\nidea")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["auc"], "metric 'auc' is none of those for a binary task (roc_auc,"),
        (["rmse"], "metric 'rmse' is none of those for a binary task"),
        (["f1", "f1"], "metric name 'f1' is taken"),
        ([{"metric": "f1", "name": "rows"}], "metric name 'rows' is taken"),
        ([{"name": "f1"}], "is not of the form"),
        ([{"metric": "f1", "parameters": {"beta": 2}}], "metric 'f1' takes no parameters"),
        ([3], "metric 3 is not a function"),
        ([lambda y_true: 0], "does not take (y_true, y_pred)"),
        (["math:no_such"], "'math' has no 'no_such'"),
    ],
)
def test_wrong_metrics_are_named(given: list[Any], message: str) -> None:
    """What is no metric of this task is told before anything is predicted."""
    with pytest.raises(ParameterError) as caught:
        resolve(given, "binary")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ([], "classification"),
        (["f1", "brier"], "classification"),
        (["f1_macro", "accuracy"], "classification"),
        (["rmse", broken, {"metric": "math:dist", "name": "far"}], "regression"),
    ],
)
def test_metrics_that_some_model_of_the_kind_has_pass(given: list[Any], kind: str) -> None:
    """Before training a classifier may have two classes or more: what suits either is right."""
    check(given, kind)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (["auc"], "classification", "metric 'auc' is none of those for classification (roc_auc,"),
        (["accuracy"], "regression", "metric 'accuracy' is none of those for regression (rmse,"),
        ([{"metric": "rmse"}], "classification", "metric 'rmse' is none of those"),
        (["f1", "f1_macro"], "classification", "'f1_macro' is none of those for a binary task"),
        (["rmse", "rmse"], "regression", "metric name 'rmse' is taken"),
        ([3], "regression", "metric 3 is not a function"),
        (["math:no_such"], "classification", "'math' has no 'no_such'"),
    ],
)
def test_metrics_that_no_model_of_the_kind_has_are_refused(
    given: list[Any], kind: str, message: str
) -> None:
    """An unknown metric is told before anything is trained, and so is a mixture that none has."""
    with pytest.raises(ParameterError) as caught:
        check(given, kind)

    assert message in str(caught.value)


def test_failing_metric_is_named() -> None:
    """A function that fails is told with its own message in one line."""
    with pytest.raises(ParameterError, match=r"^metric broken failed: no idea; mend it"):
        resolve([broken], "binary")[0](BINARY)
