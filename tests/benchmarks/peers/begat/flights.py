"""The flights as a begat pipeline, from the same two functions that the others call."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier
from work import MAX_ITER, clean, features

from begat.flows import Pipeline

pipeline = Pipeline(
    name="flights",
    source="lake/flights/month={month}/flights.csv",
    lookups={"weather": "lake/weather.csv", "planes": "lake/planes.csv"},
    prepare=clean,
    featurize=features,
    estimator=HistGradientBoostingClassifier(random_state=42, max_iter=MAX_ITER),
    target="late",
    holdout="last",
)
