from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from begat.tasks import estimators
from begat.tasks.signature import MOST_VALUES, exact, rounded, signature

ROWS = pd.DataFrame(
    {
        "distance": [1.5, np.nan, 3.0, 4.25],
        "hour": [5, 6, 7, 23],
        "carrier": pd.Series(["UA", "AA", np.nan, "UA"], dtype=object),
        "night": [True, True, False, True],
        "day": pd.Categorical(["mon", "tue", "mon", "mon"]),
    }
)
FULL = ROWS.fillna({"distance": 0.0})
LATE = pd.Series([True, False, True, False], name="late")


def fitted() -> object:
    """A classifier of the full rows."""
    return estimators.with_preprocessing(LogisticRegression(), FULL).fit(FULL, LATE)


def test_features_are_described_as_seen() -> None:
    """Numbers have ranges, strings and booleans their values, in the model's order."""
    model = estimators.with_preprocessing(LogisticRegression(), FULL).fit(FULL, LATE)
    described = signature(model, FULL, LATE)

    assert described["features"] == [
        {"name": "distance", "dtype": "float64", "missing": False, "min": 0.0, "max": 4.25},
        {"name": "hour", "dtype": "int64", "missing": False, "min": 5, "max": 23},
        {
            "name": "carrier",
            "dtype": "string",
            "missing": True,
            "distinct": 2,
            "values": ["AA", "UA"],
        },
        {
            "name": "night",
            "dtype": "bool",
            "missing": False,
            "distinct": 2,
            "values": [False, True],
        },
        {
            "name": "day",
            "dtype": "string",
            "missing": False,
            "distinct": 2,
            "values": ["mon", "tue"],
        },
    ]


def test_target_and_classes() -> None:
    """A classifier's signature names its classes in the order of its probabilities."""
    described = signature(fitted(), FULL, LATE)

    assert (described["task"], described["rows"]) == ("binary", 4)
    assert described["target"] == {"name": "late", "dtype": "bool", "classes": [False, True]}


def test_regressor_has_no_classes() -> None:
    """A regressor's target has a type and no classes."""
    rows, target = FULL[["hour"]], pd.Series([1.0, 2.0, 3.0, 4.0], name="delay")
    described = signature(Ridge().fit(rows, target), rows, target)

    assert described["task"] == "regression"
    assert described["target"] == {"name": "delay", "dtype": "float64"}
    assert sorted(described["example"]["outputs"]) == ["predict"]


def test_example_gives_the_recorded_outputs_after_a_round_trip() -> None:
    """The rows of the example, read back from JSON, predict what was recorded."""
    model = fitted()
    example = json.loads(json.dumps(signature(model, FULL, LATE), allow_nan=False))["example"]
    rows = pd.DataFrame(example["rows"], columns=example["columns"])
    rows["carrier"] = rows["carrier"].astype(object).where(rows["carrier"].notna(), np.nan)

    assert model.predict(rows).tolist() == example["outputs"]["predict"]
    assert model.predict_proba(rows) == pytest.approx(
        np.array(example["outputs"]["predict_proba"]), rel=1e-11
    )


@pytest.mark.parametrize("count", [1, 2, 5, 11])
def test_example_is_spread_over_the_rows(count: int) -> None:
    """The example has up to five rows, the first and the last among them."""
    rows = pd.DataFrame({"a": range(count)})
    target = pd.Series(np.arange(count) * 2.0, name="b")
    example = signature(Ridge().fit(rows, target), rows, target)["example"]

    taken = [row[0] for row in example["rows"]]
    assert taken == sorted(set(taken))
    assert len(taken) == min(count, 5)
    assert {taken[0], taken[-1]} == {0, count - 1}


def test_too_many_values_are_only_counted() -> None:
    """A column of identifiers has no list of allowed values."""
    rows = pd.DataFrame({"id": [f"{i:05}" for i in range(MOST_VALUES + 1)], "a": 1.0})
    target = pd.Series(np.arange(len(rows)) * 1.0, name="b")

    class Mean:
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            return np.zeros(len(rows))

    described = signature(Mean(), rows, target)["features"][0]

    assert (described["distinct"], described["values"]) == (MOST_VALUES + 1, None)


def test_rounding_drops_what_threads_change() -> None:
    """Twelve digits are kept, no more."""
    assert rounded(1 / 3) == 0.333333333333


@settings(deadline=None)
@given(st.floats())
def test_rounding_keeps_twelve_digits(value: float) -> None:
    """A rounded number is within 1e-11 of itself; what is no number is null."""
    kept = rounded(value)

    if np.isfinite(value):
        assert kept == pytest.approx(value, rel=1e-11)
    else:
        assert kept is None


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text() | st.booleans())
def test_example_cells_are_exact(value: object) -> None:
    """A cell of the example comes back from JSON as it was."""
    assert json.loads(json.dumps(exact(value))) == value
