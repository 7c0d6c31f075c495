from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    StandardScaler,
)

from begat.flows import Pipeline
from begat.lineage.errors import DataError, ParameterError
from begat.lineage.records import Snapshot
from begat.tasks import frames
from begat.tasks.train import train

from .conftest import Lake, month


def parts(lake: Lake, count: int = 3) -> Snapshot:
    """Months of which one has no UA, one gaps, and one whole numbers only."""
    months = {f"month={key}": month(key) for key in range(count)}
    months["month=0"] = months["month=0"].query("carrier != 'UA'").reset_index(drop=True)
    months["month=1"].loc[:4, "carrier"] = None
    months["month=2"]["distance"] = months["month=2"]["distance"].astype("int64")
    return lake.snapshot(months)


def fit(features: Snapshot, **given: Any) -> dict[str, Any]:
    """Train partition by partition, unless something else is given."""
    return train(
        features,
        **{"estimator": BernoulliNB(binarize=1000), "target": "late", "incremental": True} | given,
    )


@pytest.mark.parametrize("fraction", [None, 0.3])
@pytest.mark.parametrize(
    "estimator",
    [
        BernoulliNB(binarize=1000),
        MultinomialNB(),
        make_pipeline(MinMaxScaler(), MultinomialNB()),
        make_pipeline(FunctionTransformer(np.abs), "passthrough", MultinomialNB()),
    ],
    ids=["bernoulli", "multinomial", "scaled", "stateless"],
)
def test_what_only_counts_learns_the_same_as_from_all_rows(
    lake: Lake, estimator: Any, fraction: float | None
) -> None:
    """Model, encoders, signature and example are those of a fit on all rows at once."""
    features = parts(lake)
    given: Any = {"estimator": estimator, "holdout_fraction": fraction}
    mine, whole = (
        {name: lake.read(made) for name, made in fit(features, **given, **how).items()}
        for how in ({}, {"incremental": False})
    )
    rows = frames.gather(features, ["distance", "hour", "carrier"])

    assert mine["signature"] == whole["signature"]
    assert list(mine["model"].feature_names_in_) == list(whole["model"].feature_names_in_)
    np.testing.assert_allclose(
        mine["model"].predict_proba(rows), whole["model"].predict_proba(rows)
    )


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (SGDClassifier(loss="log_loss"), "late"),
        (make_pipeline(StandardScaler(), Normalizer(), SGDRegressor()), "hour"),
    ],
    ids=["classifier", "regressor"],
)
def test_same_inputs_give_the_same_bytes(lake: Lake, estimator: Any, target: str) -> None:
    """Training twice gives one model, though its order is drawn; another seed gives another."""
    first, second, other = (
        fit(parts(lake), estimator=estimator, target=target, seed=seed)["model"].digest
        for seed in (1, 1, 2)
    )

    assert first == second != other


def test_one_partition_is_in_memory_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a partition is read, no other is alive, in any of the passes."""
    alive: list[weakref.ref[pd.DataFrame]] = []
    seen: list[int] = []
    from_store, typed = frames.lineage.read, frames.alike

    def told(frame: pd.DataFrame) -> pd.DataFrame:
        alive.append(weakref.ref(frame))
        return frame

    def read(version: Any) -> Any:
        seen.append(sum(ref() is not None for ref in alive))
        return told(from_store(version))

    features = parts(lake, count=5)
    monkeypatch.setattr(frames.lineage, "read", read)
    monkeypatch.setattr(frames, "alike", lambda *given: told(typed(*given)))
    fit(features, estimator=make_pipeline(MinMaxScaler(), MultinomialNB()))

    assert seen == [0] * 15  # values, scaler, classifier


def test_classes_that_come_late_are_known_from_the_beginning(lake: Lake) -> None:
    """A first partition of one class is no obstacle."""
    rows = {
        "m=1": pd.DataFrame({"a": [1, 2], "y": ["no", "no"]}),
        "m=2": pd.DataFrame({"a": [3, 4], "y": ["yes", "maybe"]}),
    }
    model = lake.read(fit(lake.snapshot(rows), target="y")["model"])

    assert list(model.classes_) == ["maybe", "no", "yes"]


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (RandomForestClassifier(), "RandomForestClassifier"),
        (make_pipeline(PowerTransformer(), SGDClassifier()), "PowerTransformer"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "LogisticRegression"),
        (
            make_pipeline(make_column_transformer(("drop", ["a"])), SGDClassifier()),
            "ColumnTransformer",
        ),
    ],
    ids=["estimator", "step", "last", "columns"],
)
def test_what_learns_from_all_rows_at_once_is_refused(
    lake: Lake, estimator: Any, named: str
) -> None:
    """By the definition of a pipeline already, with the name of the part."""
    with pytest.raises(ParameterError, match=f"^{named} has no partial_fit, which incremental"):
        fit(parts(lake), estimator=estimator)
    with pytest.raises(ParameterError, match=f"^{named} has no partial_fit, which incremental"):
        Pipeline(
            name="delays",
            source="raw/month={month}.csv",
            prepare=lambda frame: frame,
            featurize=lambda frame: frame,
            estimator=estimator,
            target="late",
            incremental=True,
        )


def test_rows_that_cannot_be_learned_from_are_named(lake: Lake) -> None:
    """A gap in the target names its partition; one in a feature its column."""
    bad = month(3)
    target, feature = bad.copy(), bad.copy()
    target["late"] = target["late"].astype(object)
    target.loc[3, "late"] = None
    feature.loc[3, "distance"] = np.nan

    with pytest.raises(DataError, match=r"'late' is missing in 1 of 60 rows of .*month=3"):
        fit(lake.snapshot({"month=1": month(1), "month=3": target}))
    with pytest.raises(DataError, match="refuses missing values: column 'distance' has 1"):
        fit(lake.snapshot({"month=1": month(1), "month=3": feature}), estimator=SGDClassifier())
    with pytest.raises(DataError, match="holds a single class"):
        fit(lake.snapshot({"month=1": month(1).assign(late=True)}))


def test_partitions_are_learned_from_in_natural_order(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """September comes before October, though its text does not."""
    read: list[str] = []
    typed = frames.alike

    def told(version: Any, *given: Any) -> Any:
        read.append(version.partition)
        return typed(version, *given)

    monkeypatch.setattr(frames, "alike", told)
    fit(lake.snapshot({f"month=2013-{key}": month(key) for key in (9, 10, 11)}))

    assert read == ["month=2013-9", "month=2013-10", "month=2013-11"]
