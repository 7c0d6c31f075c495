from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, precision_recall_curve

from begat.lineage.errors import ParameterError
from begat.tasks import metrics, ranking
from begat.tasks.metrics import Predictions, UndefinedMetricError
from support.predictions import binary, multiclass, regression

cells = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5).map(lambda tenths: tenths / 5)),
    min_size=2,
    max_size=40,
)


def value(given_: object, said: Predictions) -> float:
    """One metric of some predictions."""
    (metric,) = metrics.resolve([given_], said.task)
    return metric(said)


@given(cells)
def test_recall_at_precision_is_the_best_point_of_the_curve(rows: list[tuple[bool, float]]) -> None:
    """It is the largest recall of scikit-learn's curve with that precision."""
    truth, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    truth[:2] = [True, False]
    precision, recall, _ = precision_recall_curve(truth, scores)
    expected = max(r for p, r in zip(precision, recall, strict=True) if p >= 0.8)

    assert ranking.recall_at_precision(truth, scores, 0.8) == expected


@given(cells, st.integers(1, 50))
def test_ndcg_is_scikit_learns(rows: list[tuple[bool, float]], k: int) -> None:
    """With ties, and with more places than rows, it is what scikit-learn says."""
    gains = np.array([3.0 * row[0] + row[1] for row in rows])
    gains[0] += 1
    scores = np.array([row[1] for row in rows])
    found = ranking.ndcg_at(gains, scores, k, np.zeros(len(rows), dtype=np.int64))

    assert found == pytest.approx(ndcg_score([gains], [scores], k=k))


def test_ndcg_of_groups_is_their_mean() -> None:
    """Groups are ordered each by itself; those without any gain are left out."""
    random = np.random.default_rng(0)
    groups = random.integers(0, 30, 500)
    gains, scores = random.integers(0, 3, 500).astype(float), random.random(500).round(1)
    gains[groups == 7] = 0
    expected = [
        ndcg_score([gains[groups == at]], [scores[groups == at]], k=5)
        for at in range(30)
        if at != 7
    ]

    assert ranking.ndcg_at(gains, scores, 5, groups) == pytest.approx(np.mean(expected))


@given(cells, st.randoms())
def test_order_of_rows_is_nothing(rows: list[tuple[bool, float]], random: Any) -> None:
    """Rows with equal scores may come in any order."""
    again = list(rows)
    random.shuffle(again)
    found = [
        ranking.precision_at(np.array([r[0] for r in some]), np.array([r[1] for r in some]), 2)
        for some in (rows, again)
    ]

    assert found[0] == pytest.approx(found[1])


@given(cells.filter(lambda rows: len(rows) < 7), st.integers(1, 6))
def test_precision_at_is_the_mean_over_all_orders(rows: list[tuple[bool, float]], k: int) -> None:
    """Of all orders that the scores allow, it is the mean share in the first places."""
    k = min(k, len(rows))
    tops = [
        sum(positive for positive, _ in order[:k]) / k
        for order in itertools.permutations(rows)
        if [score for _, score in order] == sorted((row[1] for row in rows), reverse=True)
    ]
    truth, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])

    assert ranking.precision_at(truth, scores, k) == pytest.approx(sum(tops) / len(tops))


def test_precision_at_counts_the_top() -> None:
    """Of the two highest scores one is positive; of ties, their share."""
    truth = np.array([True, False, True, False])

    assert ranking.precision_at(truth, np.array([0.9, 0.8, 0.1, 0.2]), 2) == 0.5
    assert ranking.precision_at(truth, np.array([0.9, 0.5, 0.5, 0.5]), 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize("k", [3, 7, 49, 1000])
def test_precision_of_a_perfect_top_is_one(k: int) -> None:
    """No digit is lost: a gate of 1.0 holds."""
    assert ranking.precision_at(np.ones(1000, dtype=bool), np.arange(1000.0), k) == 1.0


def test_infinite_scores_are_ties() -> None:
    """Decision functions may be infinite; such rows are in no order either."""
    scores = np.array([np.inf, 1, np.inf])
    positive = np.array([True, True, False])

    assert ranking.precision_at(positive, scores, 1) == 0.5


def test_more_places_than_rows_cost_nothing() -> None:
    """A place that no row has needs no weight."""
    gains, groups = np.array([1.0, 2.0]), np.zeros(2, dtype=np.int64)

    assert ranking.ndcg_at(gains, gains, 999_999_999, groups) == 1


def test_a_parameter_of_ones_own_is_no_group() -> None:
    """What a function of the user's takes as `group` names no column."""
    own = {"metric": "sklearn.metrics:fbeta_score", "parameters": {"group": "query"}}

    assert metrics.group_columns([own, {**own, "metric": max}, {"parameters": 1}]) == []


def test_bins_are_closed_above() -> None:
    """A probability on an edge is in the bin below it; 0 is in the first and 1 in the last."""
    bins = ranking.reliability(np.ones(4, dtype=bool), np.array([0.0, 1 / 15, 0.2, 1.0]))

    assert [(place.low * 15, place.rows) for place in bins] == [(0, 2), (2, 1), (14, 1)]


@given(
    st.lists(
        st.tuples(st.booleans(), st.floats(0, 1) | st.integers(0, 15).map(lambda n: n / 15)),
        min_size=1,
        max_size=30,
    )
)
def test_calibration_error_by_definition(rows: list[tuple[bool, float]]) -> None:
    """It is the sum over bins of their share of rows times their distance."""
    bins: dict[int, list[tuple[bool, float]]] = {}
    for row in rows:
        place = next(at for at in range(15) if row[1] <= (at + 1) / 15)
        bins.setdefault(place, []).append(row)
    expected = sum(abs(sum(row[0] - row[1] for row in found)) for found in bins.values())
    happened, probability = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])

    assert ranking.expected_calibration_error(happened, probability) == pytest.approx(
        expected / len(rows), abs=1e-12
    )


def test_calibration_error_by_hand() -> None:
    """It is the mean distance over the rows of the bins."""
    happened = np.array([True, False, True, True])
    probability = np.array([0.51, 0.53, 0.9, 0.92])

    assert ranking.expected_calibration_error(happened, probability) == pytest.approx(
        (2 * abs(0.52 - 0.5) + 2 * abs(0.91 - 1)) / 4
    )


def test_perfect_and_worst_calibration() -> None:
    """Certain and right is 0, certain and wrong is 1."""
    certain = np.ones(10)

    assert ranking.expected_calibration_error(np.ones(10, dtype=bool), certain) == 0
    assert ranking.expected_calibration_error(np.zeros(10, dtype=bool), certain) == 1


def test_numbered_names() -> None:
    """The number in a name is the precision, or how many rows."""
    said = binary()
    assert said.scores is not None

    for percent in range(1, 101):
        assert value(f"recall_at_precision_{percent}", said) == ranking.recall_at_precision(
            said.positive, said.scores, percent / 100
        )
    assert value("precision_at_25", said) == ranking.precision_at(said.positive, said.scores, 25)
    assert value("ndcg_at_10", said) == pytest.approx(
        ndcg_score([said.positive], [said.scores], k=10)
    )
    assert value("ece", said) == ranking.expected_calibration_error(said.positive, said.scores)


def test_ece_of_more_classes_is_of_the_predicted_one() -> None:
    """Of three classes, confidence is compared with accuracy."""
    said = multiclass()
    assert said.probabilities is not None

    assert value("ece", said) == ranking.expected_calibration_error(
        said.truth == said.predicted, said.probabilities.max(axis=1)
    )


def test_regression_ranks_by_prediction() -> None:
    """The target is the gain, the prediction the score."""
    said = replace(regression(50), truth=np.arange(50.0))

    assert value("ndcg_at_5", said) == pytest.approx(
        ndcg_score([said.truth], [said.predicted], k=5)
    )


def test_groups_come_from_a_column() -> None:
    """With a group the metric is the mean over it, also in a slice that lacks some groups."""
    groups = np.arange(500) % 7
    said = replace(binary(), groups={"query": groups})
    metric = {"metric": "ndcg_at_3", "parameters": {"group": "query"}}
    slice_ = said.of(np.flatnonzero(groups > 2))

    assert metrics.group_columns([metric, "roc_auc", {"metric": "f1"}]) == ["query"]
    assert value(metric, said) == ranking.ndcg_at(
        said.positive.astype(float), np.asarray(said.scores), 3, groups
    )
    assert value(metric, slice_) == ranking.ndcg_at(
        slice_.positive.astype(float), np.asarray(slice_.scores), 3, slice_.groups["query"] - 3
    )


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("recall_at_precision_80", binary().of(np.flatnonzero(binary().positive)), "single class"),
        ("precision_at_501", binary(), "there are 500 rows, fewer than 501"),
        ("ndcg_at_10", regression(), "a gain is negative"),
        ("ndcg_at_10", binary().of(np.flatnonzero(~binary().positive)), "no row has a gain"),
        ("ece", replace(binary(), probabilities=None), "gives no probabilities"),
        ("precision_at_5", replace(binary(), scores=None), "neither probabilities nor scores"),
        ("ece", replace(binary(), probabilities=np.full((500, 2), math.nan)), "not between 0 and"),
        ("precision_at_5", replace(binary(), scores=np.full(500, math.nan)), "score is not a numb"),
        ("ndcg_at_5", replace(binary(), scores=np.full(500, math.nan)), "score is not a number"),
        ("ndcg_at_5", replace(regression(), truth=np.full(500, math.nan)), "gain is not a finite"),
        ("ndcg_at_5", replace(regression(), truth=np.full(500, math.inf)), "gain is not a finite"),
    ],
)
def test_undefined_says_why(name: str, said: Predictions, reason: str) -> None:
    """What these rows cannot have is null, with the reason."""
    with pytest.raises(UndefinedMetricError, match=reason):
        value(name, said)


@pytest.mark.parametrize(
    ("given_", "task", "message"),
    [
        ("recall_at_precision_101", "binary", "a precision of 101 %"),
        ("recall_at_precision_80", "regression", "none of those for a regression task"),
        ("precision_at_0", "binary", "none of those"),
        ("ndcg_at", "binary", "none of those"),
        (
            {"metric": "precision_at_5", "parameters": {"group": "query"}},
            "binary",
            "others no parameters",
        ),
        ({"metric": "ndcg_at_5", "parameters": {"groups": "q"}}, "binary", "takes a column"),
        ({"metric": "ndcg_at_5", "parameters": {"group": 1}}, "binary", "takes a column"),
    ],
)
def test_what_is_asked_wrongly_is_refused(given_: object, task: str, message: str) -> None:
    """A number or parameter that a metric cannot have is told."""
    with pytest.raises(ParameterError, match=message):
        metrics.resolve([given_], task)


def test_any_callable_by_reference() -> None:
    """A function is named by where it is, with its parameters."""
    said = binary()
    given_ = {"metric": "sklearn.metrics:fbeta_score", "parameters": {"beta": 2}, "name": "f2"}
    (metric,) = metrics.resolve([given_], "binary")
    from sklearn.metrics import fbeta_score

    assert (metric.name, metric(said)) == ("f2", fbeta_score(said.truth, said.predicted, beta=2))
