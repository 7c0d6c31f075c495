"""Will this flight arrive more than 15 minutes late? New York's departures of 2013."""

from __future__ import annotations

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from begat.flows import Pipeline

LATE = 15  # minutes
WEATHER = ["temp", "wind_speed", "precip", "visib"]


def clean(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Flights that arrived, with the weather at departure and the plane that flew."""
    flights = flights.dropna(subset=["arr_delay"])
    weather = weather.drop_duplicates(["origin", "time_hour"])
    planes = planes.rename(columns={"year": "built"})
    frame = flights.merge(
        weather[["origin", "time_hour", *WEATHER]], on=["origin", "time_hour"], how="left"
    ).merge(planes[["tailnum", "built", "seats"]], on="tailnum", how="left")
    frame["late"] = (frame["arr_delay"] > LATE).astype("int8")
    known = ["year", "month", "day", "hour", "minute", "carrier", "origin", "dest", "distance"]
    return frame[[*known, *WEATHER, "built", "seats", "late"]]


def weekday(frame: pd.DataFrame) -> pd.Series:
    """Day of the week, 0 for Monday."""
    return pd.to_datetime(frame[["year", "month", "day"]]).dt.day_of_week


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """What the model learns from, and the target."""
    return frame.assign(
        weekday=weekday(frame),
        departure=frame["hour"] + frame["minute"] / 60,
        age=frame["year"] - frame["built"],
    ).drop(columns=["year", "month", "day", "hour", "minute", "built"])


pipeline = Pipeline(
    name="flight-delays",
    source="lake/flights/month={month}/flights.csv",
    lookups={"weather": "lake/weather.csv", "planes": "lake/planes.csv"},
    expectations=[
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "late", "value_set": [0, 1]},
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "distance", "min_value": 1},
        },
    ],
    prepare=clean,
    featurize=features,
    estimator=HistGradientBoostingClassifier(random_state=42, max_iter=50),
    target="late",
    holdout="last",
    slices=["carrier", "origin"],
)
