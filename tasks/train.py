"""train: the features of all partitions become one model and its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from begat import lineage
from begat.lineage.errors import DataError
from begat.lineage.records import DatasetVersion, Snapshot

from . import estimators, frames, partwise, split
from .labels import as_array, labels_of, refused
from .signature import signature

if TYPE_CHECKING:
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
    incremental: bool = False,
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
        incremental: fit by `partial_fit`, with one partition in memory at a time.

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
    kept = split.chooser(holdout_fraction, seed=seed, held=False)
    if incremental:
        model, described = _in_parts(own, features, target, columns, kept)
    else:
        rows, labels = _rows(features, target, columns, kept)
        labels = labels_of(labels, estimators.task_of(own), features)
        _check_classes(labels, own, features, len(rows))
        model = _fitted(estimators.with_preprocessing(own, rows), rows, labels)
        described = signature(model, rows, labels)
    return {
        "model": lineage.write(model, "model", format="skops"),
        "signature": lineage.write(described, "signature", format="json"),
    }


def _in_parts(
    own: Any,
    features: Snapshot,
    target: str,
    columns: Sequence[str] | None,
    kept: frames.Rows | None,
) -> tuple[Any, dict[str, Any]]:
    """A model that was fitted partition by partition, and its signature.

    The partitions are read once to know what is in them, and once for each part of the
    estimator that learns.
    """
    steps = estimators.incremental_steps(own)
    task = estimators.task_of(own)
    values = partwise.Values(target=target, task=task)
    rows, labels = _rows(features, target, columns, kept, less=values.of)
    labels = labels_of(labels, task, features)
    _check_classes(labels, own, features, values.rows)
    model = estimators.with_preprocessing(own, rows)
    parts = partwise.Parts(features=features, kept=kept, rows=rows, labels=labels, task=task)
    parts.expect(values.rows)
    parts.fit(model, steps)
    return model, signature(model, rows, labels, rows=values.rows, example=parts.example)


def _rows(
    features: Snapshot,
    target: str,
    columns: Sequence[str] | None,
    kept: frames.Rows | None,
    less: frames.Less | None = None,
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    if columns is not None and target in columns:
        raise DataError(f"target {target!r} is among the features; leave it out of features=[…]")

    frame = frames.gather(features, columns, roles={target: "target"}, rows=kept, less=less)
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


def _check_classes(labels: pd.Series[Any], own: Any, features: Snapshot, rows: int) -> None:
    if estimators.task_of(own) == "classification" and labels.nunique() < 2:
        raise DataError(
            f"target {labels.name!r} holds a single class ({labels.iloc[0]}) in the {rows} rows "
            f"of {features}; a classifier needs two: train on more partitions, or mend the target"
        )


def _fitted(model: Any, rows: pd.DataFrame, labels: pd.Series[Any]) -> Any:
    try:
        return model.fit(rows, as_array(labels))
    except Exception as error:
        raise refused(model, rows, error) from error
