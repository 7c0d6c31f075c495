"""A model's signature: what it takes, what it returns, and rows to try it with.

A signature is JSON:

    takes     `featurized rows`: what featurize returns, not raw data
    task      `binary`, `multiclass` or `regression`
    rows      how many rows the ranges and values below were seen in
    features  in the model's order, each with
        name
        dtype     int64, float64, bool or string
        missing   whether some values were missing
        min, max  of what was seen, for int64 and float64
        values    every value seen, sorted, for bool and string; null if there are more
                  than `MOST_VALUES`
        distinct  how many values were seen, for bool and string
    target    name, dtype and, for classifiers, classes in the model's order
    example   columns, rows, and what the model returned for them when it was trained:
              outputs.predict and, where the model has it, outputs.predict_proba

A missing value in the example is null.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import frames

if TYPE_CHECKING:
    import pandas as pd

#: What a model of a pipeline predicts from.
TAKES = "featurized rows"
#: Columns with more distinct values than this have no list of allowed ones.
MOST_VALUES = 1000
#: Rows of the input example.
EXAMPLE_ROWS = 5
#: Recorded outputs keep this many digits: sums in another order, as threads add them,
#: differ beyond the fifteenth.
DIGITS = 12


def signature(
    model: Any,
    features: pd.DataFrame,
    target: pd.Series[Any],
    *,
    rows: int | None = None,
    example: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """The signature of a fitted model.

    Args:
        model: fitted on these rows.
        features: as `frames.gather` returns them, target apart.
        target: as the model was given it.
        rows: how many the model was fitted on, where `features` only have their values.
        example: the rows to try it with; spread over `features` by default.

    Returns:
        JSON-safe data of the form described above.
    """
    classes = getattr(model, "classes_", None)
    described: dict[str, Any] = {"name": str(target.name), "dtype": _dtype(target)}
    if classes is not None:
        described["classes"] = [plain(value) for value in classes]
    return {
        "takes": TAKES,
        "task": task(classes),
        "rows": len(features) if rows is None else rows,
        "features": [_feature(features[name]) for name in features.columns],
        "target": described,
        "example": _example(
            model, features.iloc[spread(len(features))] if example is None else example
        ),
    }


def task(classes: Any) -> str:
    """The kind of prediction: `binary`, `multiclass` or `regression`.

    Args:
        classes: the model's; None for a regressor.
    """
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def plain(value: Any) -> Any:
    """A cell or a prediction as JSON has it: missing ones null, floats to `DIGITS` digits."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return rounded(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def rounded(value: float) -> float | None:
    """A number to `DIGITS` significant digits; null where it is none or infinite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _feature(column: pd.Series[Any]) -> dict[str, Any]:
    dtype = _dtype(column)
    described: dict[str, Any] = {
        "name": column.name,
        "dtype": dtype,
        "missing": bool(column.isna().any()),
    }
    seen = column.dropna()
    if dtype in ("int64", "float64"):
        finite = seen[abs(seen) != math.inf]
        described["min"] = None if finite.empty else finite.min().item()
        described["max"] = None if finite.empty else finite.max().item()
    else:
        values = seen.unique()
        described["distinct"] = len(values)
        described["values"] = (
            sorted((plain(value) for value in values), key=lambda value: (str(type(value)), value))
            if len(values) <= MOST_VALUES
            else None
        )
    return described


def _dtype(column: pd.Series[Any]) -> str:
    held = frames.kind(column)
    if held in ("number", "empty"):
        return "int64" if column.dtype.kind in "iu" else "float64"
    return "bool" if held == "bool" else "string"


def spread(count: int) -> list[int]:
    """Which of so many rows are the example: the first ones often belong to one day."""
    shown = min(EXAMPLE_ROWS, count)
    return [index * (count - 1) // max(shown - 1, 1) for index in range(shown)]


def _example(model: Any, rows: pd.DataFrame) -> dict[str, Any]:
    outputs = {"predict": [plain(value) for value in model.predict(rows)]}
    if hasattr(model, "predict_proba"):
        outputs["predict_proba"] = [
            [plain(value) for value in row] for row in model.predict_proba(rows)
        ]
    return {
        "columns": list(rows.columns),
        "rows": [
            [None if missing else exact(value) for value, missing in zip(row, gaps, strict=True)]
            for row, gaps in zip(
                rows.itertuples(index=False), rows.isna().itertuples(index=False), strict=True
            )
        ],
        "outputs": outputs,
    }


def exact(value: Any) -> Any:
    """A cell as it was: an input that is rounded need not give the recorded output."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str)) else str(value)
