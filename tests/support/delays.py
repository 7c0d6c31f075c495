"""A small training pipeline over synthetic flights, in as many shapes as pipelines have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from begat.flows import Pipeline

MONTHS = ("2013-9", "2013-10", "2013-11")


def month(number: int, rows: int = 40) -> pd.DataFrame:
    """Flights of which those over 1500 miles are late."""
    random = np.random.default_rng(number)
    distance = random.integers(100, 3000, rows)
    return pd.DataFrame(
        {
            "distance": distance,
            "carrier": random.choice(["AA", "UA"], rows),
            "gate": random.integers(1, 9, rows),
            "delay": distance / 50,
            "late": distance > 1500,
            "how": pd.cut(distance, [0, 800, 2000, 4000], labels=["none", "some", "much"]).astype(
                str
            ),
        }
    )


def clean(flights: pd.DataFrame, least: int = 0) -> pd.DataFrame:
    """All but the gate, which no model needs."""
    return flights[flights["distance"] >= least].drop(columns="gate")


def joined(flights: pd.DataFrame, carriers: pd.DataFrame) -> pd.DataFrame:
    """With what a lookup knows of the carrier."""
    return clean(flights).merge(carriers, on="carrier", how="left")


def features(frame: pd.DataFrame, unit: float = 100.0) -> pd.DataFrame:
    """Distance in other units, and a single target."""
    return frame.assign(far=frame["distance"] / unit).drop(columns=["delay", "how"])


def regression(frame: pd.DataFrame) -> pd.DataFrame:
    """The delay as target."""
    return frame.drop(columns=["late", "how"])


def classes(frame: pd.DataFrame) -> pd.DataFrame:
    """Three classes as target."""
    return frame.drop(columns=["late", "delay"])


@dataclass(frozen=True)
class Lake:
    """A folder of raw partitions."""

    folder: Path

    def put(self, path: str, frame: pd.DataFrame) -> Path:
        """Write a table where a pattern finds it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".parquet":
            frame.to_parquet(file, index=False)
        else:
            frame.to_csv(file, index=False)
        return file

    def months(self, keys: Sequence[str] = MONTHS, pattern: str = "{}.csv") -> None:
        """One partition for each key."""
        for number, key in enumerate(keys):
            self.put(f"raw/{pattern.format(f'month={key}')}", month(number))

    def lookup(self) -> None:
        """A table of carriers."""
        self.put("carriers.csv", pd.DataFrame({"carrier": ["AA", "UA"], "size": [1, 2]}))

    def pipeline(self, **changes: Any) -> Pipeline:
        """A pipeline that reads from here."""
        file = self.folder / "delays.py"
        file.touch()
        given: dict[str, Any] = {
            "name": "delays",
            "source": "raw/month={month}.csv",
            "prepare": clean,
            "featurize": features,
            "estimator": DecisionTreeClassifier(max_depth=2, random_state=0),
            "target": "late",
            "file": file,
        }
        return Pipeline(**{**given, **changes})


def _plainly(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline()


def _with_lookup(lake: Lake) -> Pipeline:
    lake.months()
    lake.lookup()
    return lake.pipeline(
        prepare=joined, lookups={"carriers": "carriers.csv"}, slices=["carrier", "size"]
    )


def _with_parameters(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline().with_parameters(
        {"prepare.least": 200, "featurize.unit": 10.0, "train.max_depth": 3, "seed": 5}
    )


def _fraction(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline(holdout=0.3, metrics=["accuracy"])


def _held_by_key(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline(holdout={"month": "2013-10"}, features=["far", "carrier"])


def _several_keys(lake: Lake) -> Pipeline:
    for number, (year, part) in enumerate([("2012", "9"), ("2012", "10"), ("2013", "1")]):
        lake.put(f"raw/year={year}/month={part}/rows.csv", month(number))
    return lake.pipeline(source="raw/year={year}/month={month}/rows.csv")


def _many_files(lake: Lake) -> Pipeline:
    for number, key in enumerate(MONTHS):
        for part in range(2):
            lake.put(f"raw/month={key}/{part}.csv", month(10 * number + part))
    return lake.pipeline(source="raw/month={month}/*.csv")


def _parquet(lake: Lake) -> Pipeline:
    lake.months(pattern="{}.parquet")
    return lake.pipeline(source="raw/month={month}.parquet")


def _no_keys(lake: Lake) -> Pipeline:
    lake.put("raw/flights.csv", month(0, rows=200))
    return lake.pipeline(source="raw/flights.csv", holdout=0.25)


def _regression(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline(
        featurize=regression, estimator=DecisionTreeRegressor(max_depth=3), target="delay"
    )


def _multiclass(lake: Lake) -> Pipeline:
    lake.months()
    return lake.pipeline(featurize=classes, target="how")


#: Lays out a lake and gives a pipeline over it, by what is special about it.
SHAPES: Mapping[str, Callable[[Lake], Pipeline]] = {
    "plainly": _plainly,
    "lookup": _with_lookup,
    "parameters": _with_parameters,
    "fraction": _fraction,
    "held by key": _held_by_key,
    "several keys": _several_keys,
    "many files": _many_files,
    "parquet": _parquet,
    "no keys": _no_keys,
    "regression": _regression,
    "multiclass": _multiclass,
}
