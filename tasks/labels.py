"""What estimators are given as target, and what to say when one refuses its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from begat.lineage.errors import DataError
from begat.lineage.records import DatasetVersion, Snapshot

from . import estimators, frames
from .functions import name_of, one_line

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


def labels_of(
    column: pd.Series[Any], task: estimators.Task, snapshot: Snapshot | DatasetVersion
) -> pd.Series[Any]:
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


def refused(model: Any, rows: pd.DataFrame, error: Exception) -> DataError:
    """What to say of an estimator that refused rows."""
    innermost = model.steps[-1][1] if hasattr(model, "steps") else model
    message = one_line(error)
    if odd := _odd(rows, message):
        return DataError(
            f"{name_of(innermost)} refuses {odd}; fill or drop such rows in featurize, or "
            "give an estimator that takes them, HistGradientBoosting or a pipeline with an "
            "imputer"
        )
    return DataError(
        f"{name_of(innermost)} could not be fitted on {len(rows)} rows of "
        f"{len(rows.columns)} features: {message}"
    )


def _odd(rows: pd.DataFrame, message: str) -> str:
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
