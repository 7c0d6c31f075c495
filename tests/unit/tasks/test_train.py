from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from begat.lineage.errors import DataError, ParameterError
from begat.lineage.records import Snapshot
from begat.tasks import split
from begat.tasks.train import train

from .conftest import Lake, month


@pytest.fixture
def features(lake: Lake) -> Snapshot:
    """Two months of features."""
    return lake.snapshot({f"month={key}": month(key) for key in (1, 2)})


def fit(features: Snapshot, **given: Any) -> Any:
    """Train on late flights, unless something else is given."""
    return train(
        features, **{"estimator": LogisticRegression(max_iter=5000), "target": "late"} | given
    )


def test_model_and_signature(lake: Lake, features: Snapshot) -> None:
    """A model comes with a signature of its features, in order, and its target."""
    given = RandomForestClassifier(n_estimators=3)
    made = fit(features, estimator=given)
    signature = lake.read(made["signature"])

    assert [str(version) for version in made.values()] == ["delays/model", "delays/signature"]
    assert [item["name"] for item in signature["features"]] == ["distance", "hour", "carrier"]
    assert signature["target"] == {"name": "late", "dtype": "bool", "classes": [False, True]}
    assert signature["rows"] == 120
    assert not hasattr(given, "classes_")


def test_named_columns_alone_are_features(lake: Lake, features: Snapshot) -> None:
    """`columns` names the features, in their order."""
    signature = lake.read(fit(features, columns=["hour", "carrier"])["signature"])

    assert [item["name"] for item in signature["features"]] == ["hour", "carrier"]


def test_parameters_are_set(lake: Lake, features: Snapshot) -> None:
    """Parameters reach the estimator, given as an object or by name."""
    name = "sklearn.ensemble:RandomForestClassifier"
    model = lake.read(fit(features, estimator=name, parameters={"n_estimators": 4})["model"])

    assert model[-1].n_estimators == 4


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=3, early_stopping=True),
        LogisticRegression(max_iter=5000),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_same_inputs_give_the_same_bytes(features: Snapshot, estimator: Any) -> None:
    """Training twice gives one signature and one model, open random states included."""
    first, second = (fit(features, estimator=estimator) for _ in range(2))

    assert {k: v.digest for k, v in first.items()} == {k: v.digest for k, v in second.items()}


def test_another_seed_gives_another_forest(features: Snapshot) -> None:
    """The seed reaches a random state that was left open."""
    forest = RandomForestClassifier(n_estimators=5)
    digests = {fit(features, estimator=forest, seed=seed)["model"].digest for seed in (1, 2)}

    assert len(digests) == 2


def test_held_out_rows_are_not_trained_on(lake: Lake) -> None:
    """Of each partition exactly the rows that `split` does not hold out are used."""
    frames = {f"m={i}": pd.DataFrame({"a": range(i, i + 40), "y": range(40)}) for i in (100, 200)}
    made = train(lake.snapshot(frames), estimator=Ridge(), target="y", holdout_fraction=0.3, seed=5)
    signature = lake.read(made["signature"])
    kept = [
        value
        for key, frame in frames.items()
        for value, out in zip(
            frame["a"], split.held_out(key, 40, fraction=0.3, seed=5), strict=True
        )
        if not out
    ]

    assert signature["rows"] == len(kept)
    assert signature["features"][0]["max"] == max(kept)


def test_classes_may_be_strings_and_numbers(lake: Lake) -> None:
    """Targets of strings, whole numbers and categories are classes."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})
    for labels, classes in [
        (["no", "yes", "no", "yes"], ["no", "yes"]),
        ([3, 1, 3, 2], [1, 2, 3]),
        (pd.Categorical(["b", "a", "b", "a"]), ["a", "b"]),
    ]:
        features = lake.snapshot({"": rows.assign(late=labels)})
        signature = lake.read(fit(features)["signature"])

        assert signature["target"]["classes"] == classes


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        ({}, {"target": "delay"}, "has no target 'delay'; its columns are distance, hour"),
        ({}, {"columns": ["speed"]}, "has no feature column 'speed'"),
        ({}, {"columns": ["hour", "late"]}, "target 'late' is among the features"),
        ({}, {"columns": []}, "no feature column with values beside the target 'late'"),
        ({"late": None}, {}, "target 'late' is missing in 60 of 60 rows"),
        ({"late": True}, {}, "target 'late' holds a single class (True) in the 60 rows"),
        (
            {"late": "x"},
            {"estimator": LinearRegression()},
            "target 'late' holds string values in delays/features (1 partitions); a regressor",
        ),
        (
            {"late": [1.0] * 59 + [np.inf]},
            {"estimator": LinearRegression()},
            "target 'late' is infinite in 1 of 60 rows",
        ),
        (
            {"hour": [1.0] * 58 + [None, None]},
            {},
            "LogisticRegression refuses missing values: column 'hour' has 2; fill or drop",
        ),
        (
            {"hour": [1.0] * 59 + [np.inf]},
            {},
            "LogisticRegression refuses infinity: column 'hour' holds it",
        ),
        ({"late": np.linspace(0, 1, 60)}, {}, "LogisticRegression could not be fitted on 60 rows"),
        ({"when": pd.Timestamp("2013-01-01")}, {}, "feature column 'when' holds datetime values"),
        (
            {"distance": None, "hour": None, "carrier": None},
            {},
            "no feature column with values beside the target 'late'",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_named(
    lake: Lake, change: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    """Data that an estimator cannot learn from is told in one line, with what to do."""
    features = lake.snapshot({"": month(1).assign(**change)})

    with pytest.raises(DataError) as caught:
        fit(features, **given)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_holdout_that_leaves_nothing_is_named(lake: Lake) -> None:
    """A fraction that takes all rows there are is told."""
    features = lake.snapshot({"": month(1, rows=1)})

    with pytest.raises(DataError, match=r"nothing is left of delays/features"):
        fit(features, holdout_fraction=0.999999)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"holdout_fraction": 1.5}, "holdout fraction 1.5"),
        ({"parameters": {"maxiter": 5}}, "has no parameter 'maxiter'; did you mean max_iter?"),
        ({"estimator": "sklearn.dummy:Dummy"}, "has no 'Dummy'"),
    ],
)
def test_wrong_parameters_are_told(features: Snapshot, given: Any, message: str) -> None:
    """A parameter that cannot be used is told."""
    with pytest.raises(ParameterError) as caught:
        fit(features, **given)

    assert message in str(caught.value)


class Failing(DummyClassifier):
    def fit(self, rows: Any, labels: Any) -> Any:
        raise RuntimeError("out of\n  luck")


def test_estimator_that_fails_is_named(features: Snapshot) -> None:
    """An estimator that fails to fit is told with its own message in one line."""
    with pytest.raises(DataError, match=r"Failing could not be fitted .*: out of luck$"):
        fit(features, estimator=Failing(), columns=["hour"])
