"""A fitted model with a column of every kind, and rows that it takes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from begat.lineage.records import ModelVersion
from begat.lineage.registry.prediction import Model
from begat.tasks import estimators
from begat.tasks.signature import MOST_VALUES, signature

VERSION = ModelVersion(model="delays", version=3, digest="")


def training(rows: int = 1200) -> pd.DataFrame:
    """A column of each kind; `distance` and `carrier` have gaps, `tail` has no list of values."""
    draw = random.Random(7)
    return pd.DataFrame(
        {
            "distance": [
                np.nan if draw.random() < 0.05 else draw.uniform(100, 3000) for _ in range(rows)
            ],
            "wind": [draw.uniform(-5, 50) for _ in range(rows)],
            "hour": [draw.randint(0, 23) for _ in range(rows)],
            "night": [draw.random() < 0.5 for _ in range(rows)],
            "carrier": pd.Series(
                [draw.choice(["AA", "UA", np.nan]) for _ in range(rows)], dtype=object
            ),
            "day": pd.Categorical([draw.choice(["mon", "tue"]) for _ in range(rows)]),
            "tail": pd.Series([f"N{number}" for number in range(rows)], dtype=object),
        }
    )


ROWS = training()
assert len(ROWS) > MOST_VALUES
# Whether a carrier is known decides too, so that no spelling of "missing" is like another value.
LATE = pd.Series(
    (ROWS["hour"] + ROWS["wind"] > 50) | (ROWS["night"] & ROWS["carrier"].isna()), name="late"
).map({True: "late", False: "on time"})
BARE = estimators.with_preprocessing(DecisionTreeClassifier(max_depth=6, random_state=0), ROWS).fit(
    ROWS, LATE
)
SIGNATURE = signature(BARE, ROWS, LATE)
COLUMNS = [*ROWS.columns]


def model(**given: Any) -> Model:
    """The model, checked."""
    return Model(BARE, SIGNATURE, version=VERSION, **given)


def values(name: str) -> st.SearchStrategy[Any]:
    """Values of a column that are as the signature says."""
    [feature] = [one for one in SIGNATURE["features"] if one["name"] == name]
    strategy: st.SearchStrategy[Any]
    if feature["dtype"] == "float64":
        strategy = st.floats(feature["min"], feature["max"])
    elif feature["dtype"] == "int64":
        strategy = st.integers(feature["min"], feature["max"])
    elif feature["values"] is not None:
        strategy = st.sampled_from(feature["values"])
    else:
        strategy = st.text(max_size=5)
    return st.one_of(st.just(np.nan), strategy) if feature["missing"] else strategy


def frames(*, least: int = 1) -> st.SearchStrategy[pd.DataFrame]:
    """Tables of rows that the model takes, in the types that it was trained on."""
    row = st.tuples(*map(values, COLUMNS))
    return st.lists(row, min_size=least, max_size=8).map(typed)


def typed(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows as a table in the types of training."""
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    return frame.astype(
        {
            "distance": "float64",
            "wind": "float64",
            "hour": "int64",
            "night": "bool",
            "carrier": object,
            "tail": object,
        }
    )


#: What a value can be replaced by, and what is then said of it.
WRONG: dict[str, list[tuple[Any, str]]] = {
    "distance": [("12", "type"), (True, "type"), (np.inf, "type"), (99.0, "range")],
    "wind": [(np.nan, "missing"), (None, "missing"), ("", "type"), (50.5, "range")],
    "hour": [(7.5, "type"), ("7", "type"), (np.nan, "missing"), (24, "range"), (-np.inf, "type")],
    "night": [(2, "type"), ("True", "type"), (None, "missing"), (0.5, "type")],
    "carrier": [(3, "type"), ([1], "type"), ("ZZ", "category"), (False, "type")],
    "day": [("sun", "category"), (np.nan, "missing"), (1, "type")],
    "tail": [(5, "type"), (None, "missing")],
}
