from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from begat.lineage.errors import DataError, ParameterError
from begat.tasks import estimators

ROWS = pd.DataFrame(
    {
        "distance": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "carrier": pd.Series(["UA", "AA", "UA", np.nan, "AA", "UA", "DL", "DL"], dtype=object),
        "night": [True, False] * 4,
    }
)
LATE = np.array([True, False, True, False, False, True, False, True])


def test_build_leaves_the_given_one_alone() -> None:
    """The estimator of the pipeline's definition is neither changed nor fitted."""
    given = Ridge()

    own = estimators.build(given, {"alpha": 2.5})

    assert (own.alpha, given.alpha) == (2.5, 1.0)
    assert own is not given


def test_build_from_a_name() -> None:
    """An estimator is given by the name of its class as well."""
    own = estimators.build("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 3})

    assert isinstance(own, RandomForestClassifier)
    assert own.n_estimators == 3


class NoParameters:
    def fit(self, rows: Any, labels: Any) -> Any: ...

    def predict(self, rows: Any) -> Any: ...


class NoTags(NoParameters):
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}


class Careless(Ridge):
    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = [alpha]


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (Ridge, {}, "estimator Ridge is a class; give an instance, Ridge(…)"),
        (object(), {}, "estimator object has no fit()"),
        (StandardScaler(), {}, "estimator StandardScaler has no predict()"),
        (NoParameters(), {}, "estimator NoParameters has no get_params()"),
        (NoTags(), {}, "estimator NoTags is neither a classifier nor a regressor"),
        (KMeans(), {}, "estimator KMeans is neither a classifier nor a regressor"),
        (Careless(), {}, "estimator Careless cannot be cloned"),
        (Ridge(), {"alfa": 1}, "Ridge has no parameter 'alfa'; did you mean alpha?"),
        (Ridge(), {"zzz": 1}, "Ridge has no parameter 'zzz'; it has alpha, copy_X,"),
        (Ridge(), {"alpha": "much"}, "The 'alpha' parameter of Ridge must be"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": "abc"},
            "The 'C' parameter of LogisticRegression must be",
        ),
        (
            GridSearchCV(make_pipeline(Ridge()), {}),
            {"estimator__ridge__alpha": "much"},
            "The 'alpha' parameter of Ridge must be",
        ),
        (
            "sklearn.model_selection:GridSearchCV",
            {},
            "estimator GridSearchCV cannot be made without arguments",
        ),
        ("sklearn.linear_model:Rigde", {}, "'sklearn.linear_model' has no 'Rigde'"),
    ],
)
def test_build_names_what_is_wrong(estimator: Any, parameters: Any, message: str) -> None:
    """What cannot be an estimator, or its parameter, is told before any data is read."""
    with pytest.raises(ParameterError) as caught:
        estimators.build(estimator, parameters)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Majority(ClassifierMixin, BaseEstimator):
    """Somebody's own, with no constraints of its parameters."""

    def __init__(self, bias: float = 0.0) -> None:
        self.bias = bias

    def fit(self, rows: Any, labels: Any) -> Majority:
        return self

    def predict(self, rows: Any) -> Any: ...


@pytest.mark.parametrize(
    ("estimator", "name"),
    [(Majority(), "bias"), (make_pipeline(StandardScaler(), Majority()), "majority__bias")],
)
def test_estimators_without_constraints_are_taken(estimator: Any, name: str) -> None:
    """Whoever derives an estimator need not say what its parameters may be."""
    own = estimators.build(estimator, {name: 1.5})

    assert own.get_params()[name] == 1.5


def test_seed_fills_only_open_random_states() -> None:
    """A seed that the user chose is kept; those left open are closed, at any depth."""
    given = GridSearchCV(
        make_pipeline(StandardScaler(), RandomForestClassifier()), {"verbose": [0]}
    )
    chosen = RandomForestClassifier(random_state=7)

    estimators.seed_all(given, 42)
    estimators.seed_all(chosen, 42)

    assert given.estimator.steps[-1][1].random_state == 42
    assert chosen.random_state == 7


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1),
        GradientBoostingClassifier(n_estimators=2),
        RandomForestClassifier(n_estimators=2),
        DecisionTreeClassifier(),
        LogisticRegression(),
        GaussianNB(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        GridSearchCV(LogisticRegression(), {"C": [0.5, 1.0]}, cv=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_strings_are_encoded_inside_the_model(estimator: Any) -> None:
    """Any family learns from, and predicts, rows with strings, gaps and unseen strings."""
    model = estimators.with_preprocessing(estimator, ROWS).fit(ROWS, LATE)
    unseen = ROWS.assign(carrier=pd.Series(["??", None] * 4, dtype=object))

    assert len(model.predict(ROWS)) == len(model.predict(unseen)) == len(ROWS)


def test_trees_get_one_column_and_others_one_a_category() -> None:
    """Tree ensembles get numbers for categories, other estimators an indicator for each."""
    tree = estimators.with_preprocessing(ExtraTreesRegressor(n_estimators=2), ROWS)
    linear = estimators.with_preprocessing(Ridge(), ROWS)

    widths = [model.fit(ROWS, LATE)[0].transform(ROWS).shape[1] for model in (tree, linear)]

    assert widths == [3, 6]


def test_unknown_and_missing_categories_are_numbers_of_their_own() -> None:
    """A category never seen is not taken for a missing one, nor for any that was."""
    model = estimators.with_preprocessing(DecisionTreeClassifier(), ROWS).fit(ROWS, LATE)
    asked = ROWS[:3].assign(carrier=pd.Series(["??", np.nan, "AA"], dtype=object))

    encoded = model[0].transform(asked)[:, 0].tolist()

    assert encoded == [estimators.UNKNOWN, estimators.MISSING, 0.0]


def test_numbers_alone_need_no_preprocessing() -> None:
    """An estimator whose columns are all numbers or booleans is saved as it is."""
    estimator = Ridge()

    assert estimators.with_preprocessing(estimator, ROWS[["distance", "night"]]) is estimator


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(ColumnTransformer([("c", OneHotEncoder(), ["carrier"])]), Ridge()),
        GridSearchCV(make_pipeline(OneHotEncoder(), Ridge()), {"ridge__alpha": [1.0]}),
    ],
)
def test_own_preprocessing_is_left_alone(estimator: Any) -> None:
    """A pipeline that encodes its columns itself gets them as they are."""
    assert estimators.with_preprocessing(estimator, ROWS) is estimator


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([pd.Timestamp("2013-01-01")] * 8, "datetime"),
        ([[1]] * 8, "mixed"),
    ],
)
def test_columns_that_are_no_features_are_named(values: list[Any], held: str) -> None:
    """A column that is neither numbers nor categories is refused, with what to do."""
    with pytest.raises(DataError) as caught:
        estimators.with_preprocessing(Ridge(), ROWS.assign(when=values))

    assert f"feature column 'when' holds {held} values" in str(caught.value)
