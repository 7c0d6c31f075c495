"""Twenty thousand small files in a hundred partitions: little work, many files."""

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import LogisticRegression

from begat.flows import Pipeline


def first(rows: pd.DataFrame) -> pd.DataFrame:
    """A few rows of a partition."""
    return rows[["value", "odd"]].head(20)


def same(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as they are."""
    return rows


pipeline = Pipeline(
    name="bulk",
    source="lake/day={day}/*.csv",
    prepare=first,
    featurize=same,
    estimator=LogisticRegression(),
    target="odd",
)
