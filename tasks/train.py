"""train: the features of all partitions become one model and its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from begat import lineage
from begat.lineage.errors import DataError
from begat.lineage.records import DatasetVersion, Snapshot

from . import estimators, frames, split
from .functions import name_of, one_line
from .signature import signature

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

VERSION = 1


def train(
    features: Snapshot,
    *,
    estimator: object,
    target: str,
    columns: Sequence[str] | None = None,
    parameters: Mapping[str, object] | None = None,
    holdout_fraction: float | None = None,
    seed: int = 0,
) -> dict[str, DatasetVersion]:
    """Fit an estimator on all rows that are not held out.

    Strings and categories are encoded inside the saved model, so that it predicts from
    featurized rows as they are. The estimator that was given stays unfitted.

    Args:
        features: featurized partitions.
        estimator: a scikit-learn classifier or regressor, or `"module:Class"` of one.
        target: the column to predict.
        columns: the feature columns; every column but the target by default.
        parameters: values for the estimator's parameters.
        holdout_fraction: share of rows, chosen by `split.held_out`, to leave for evaluate.
        seed: for that choice, and for every `random_state` the estimator leaves open.

    Returns:
        `model`, written to `{flow}/model`, and `signature`, to `{flow}/signature`.

    Raises:
        ParameterError: the estimator or one of its parameters cannot be used.
        DataError: the rows cannot be learned from: no rows, a missing column, a target
            with gaps or a single class, a column that is neither numbers nor categories,
            values that this estimator refuses.
    """
    own = estimators.build(estimator, parameters)
    estimators.seed_all(own, seed)
    rows, labels = _rows(features, target, columns, holdout_fraction, seed)
    labels = labels_of(labels, estimators.task_of(own), features)
    if estimators.task_of(own) == "classification" and labels.nunique() < 2:
        raise DataError(
            f"target {target!r} holds a single class ({labels.iloc[0]}) in the {len(rows)} rows "
            f"of {features}; a classifier needs two: train on more partitions, or mend the target"
        )
    model = _fitted(estimators.with_preprocessing(own, rows), rows, labels)
    return {
        "model": lineage.write(model, "model", format="skops"),
        "signature": lineage.write(signature(model, rows, labels), "signature", format="json"),
    }


def labels_of(column: pd.Series[Any], task: estimators.Task, snapshot: Snapshot) -> pd.Series[Any]:
    """A target column as estimators take it: strings, booleans, integers or floats.

    Raises:
        DataError: some values are missing or infinite, or no number where one is predicted.
    """
    import numpy as np
    import pandas as pd

    if gaps := int(column.isna().sum()):
        raise DataError(
            f"target {column.name!r} is missing in {gaps} of {len(column)} rows of {snapshot}; "
            "drop them in prepare or featurize"
        )
    held = frames.kind(column)
    if held == "number" and not np.isfinite(column).all():
        raise DataError(
            f"target {column.name!r} is infinite in {int(np.isinf(column).sum())} of "
            f"{len(column)} rows of {snapshot}; drop them in prepare or featurize"
        )
    if task == "regression" and held not in ("number", "bool"):
        raise DataError(
            f"target {column.name!r} holds {held} values in {snapshot}; a regressor predicts "
            "numbers: give a classifier, or make the target a number"
        )
    if held in ("string", "category"):
        return pd.Series(column.astype(object), name=column.name)
    return column.astype("float64") if task == "regression" else column


def as_array(labels: pd.Series[Any]) -> npt.NDArray[Any]:
    """Labels as estimators are given them: strings as such, not as objects."""
    import numpy as np

    return np.array(labels.tolist()) if labels.dtype == object else labels.to_numpy()


def _rows(
    features: Snapshot,
    target: str,
    columns: Sequence[str] | None,
    fraction: float | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    if columns is not None and target in columns:
        raise DataError(f"target {target!r} is among the features; leave it out of features=[…]")

    kept = split.chooser(fraction, seed=seed, held=False)
    frame = frames.gather(features, columns, roles={target: "target"}, rows=kept)
    if frame.empty:
        raise DataError(
            f"nothing is left of {features} to train on; hold out less, or train on more partitions"
        )
    labels = frame.pop(target)
    useless = [name for name in frame.columns if frame[name].isna().all()]
    if len(useless) == len(frame.columns):
        raise DataError(
            f"{features} has no feature column with values beside the target {target!r}; "
            "add one in featurize"
        )
    return frame, labels


def _fitted(model: Any, rows: pd.DataFrame, labels: pd.Series[Any]) -> Any:
    try:
        return model.fit(rows, as_array(labels))
    except Exception as error:
        innermost = model.steps[-1][1] if hasattr(model, "steps") else model
        message = one_line(error)
        if odd := _refused(rows, message):
            raise DataError(
                f"{name_of(innermost)} refuses {odd}; fill or drop such rows in featurize, or "
                "give an estimator that takes them, HistGradientBoosting or a pipeline with an "
                "imputer"
            ) from error
        raise DataError(
            f"{name_of(innermost)} could not be fitted on {len(rows)} rows of "
            f"{len(rows.columns)} features: {message}"
        ) from error


def _refused(rows: pd.DataFrame, message: str) -> str:
    """Which column holds what scikit-learn's message is about; empty if it is not about that."""
    numbers = rows.select_dtypes("number")
    if "NaN" in message:
        gaps = numbers.isna().sum()
        gaps = gaps[gaps > 0]
        return f"missing values: column {gaps.index[0]!r} has {gaps.iloc[0]}" if len(gaps) else ""
    if "infinity" in message:
        infinite = (abs(numbers) == float("inf")).sum()
        infinite = infinite[infinite > 0]
        return f"infinity: column {infinite.index[0]!r} holds it" if len(infinite) else ""
    return ""
