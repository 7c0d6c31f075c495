"""The work that every peer does: will this flight arrive more than 15 minutes late?

Five functions over files, as somebody would write them with pandas and scikit-learn.
begat takes `clean` and `features` from here too, and `benchmarks.pipelines` checks that
all peers arrive at the same metrics. Each call leaves a line in `STAGES`, by which the
benchmark knows what ran again. scikit-learn is imported where it is used: a peer that starts
a process for each stage need not pay for it twenty-two times.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

LATE = 15  # minutes
WEATHER = ["temp", "wind_speed", "precip", "visib"]
CATEGORIES = ["carrier", "origin", "dest"]
MAX_ITER = 50


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


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """What the model learns from, and the target."""
    weekday = pd.to_datetime(frame[["year", "month", "day"]]).dt.day_of_week
    return frame.assign(
        weekday=weekday,
        departure=frame["hour"] + frame["minute"] / 60,
        age=frame["year"] - frame["built"],
    ).drop(columns=["year", "month", "day", "hour", "minute", "built"])


def months(lake: Path = Path("lake")) -> list[str]:
    """The months that have arrived, in order."""
    return sorted(path.name.partition("=")[2] for path in (lake / "flights").glob("month=*"))


def raw(month: str) -> Path:
    """Where the flights of a month arrive."""
    return Path("lake/flights") / f"month={month}" / "flights.csv"


def prepared(month: str) -> Path:
    """Where prepare puts a month."""
    return Path("prepared") / f"{month}.parquet"


def featurized(month: str) -> Path:
    """Where featurize puts a month."""
    return Path("features") / f"{month}.parquet"


LOOKUPS = (Path("lake/weather.csv"), Path("lake/planes.csv"))
STAGES = Path("stages.log")
MODEL, METRICS, REGISTRY = Path("out/model.joblib"), Path("out/metrics.json"), Path("registry")


def prepare(flights: Path, weather: Path, planes: Path, out: Path) -> Path:
    """One raw month becomes one clean one."""
    _ran("prepare")
    tables = (pd.read_csv(path, low_memory=False) for path in (flights, weather, planes))
    return _write(clean(*tables), out)


def featurize(part: Path, out: Path) -> Path:
    """The features of one clean month."""
    _ran("featurize")
    return _write(features(pd.read_parquet(part)), out)


def train(parts: list[Path], out: Path, max_iter: int = MAX_ITER) -> Path:
    """A model of these months."""
    import joblib

    _ran("train")
    rows = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    labels = rows.pop("late")
    out.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(fit(rows, labels, max_iter), out)
    return out


def fit(rows: pd.DataFrame, labels: pd.Series[Any], max_iter: int) -> Pipeline:
    """The estimator behind an encoder for the columns that are not numbers."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    numbers = [name for name in rows.columns if name not in CATEGORIES]
    columns = ColumnTransformer(
        [("categories", encoder, CATEGORIES), ("numbers", "passthrough", numbers)],
        verbose_feature_names_out=False,
    )
    estimator = HistGradientBoostingClassifier(random_state=42, max_iter=max_iter)
    return Pipeline([("columns", columns), ("estimator", estimator)]).fit(rows, labels)


def evaluate(model: Path, part: Path, out: Path) -> Path:
    """What the model is worth on the month that was held out."""
    import joblib

    _ran("evaluate")
    rows = pd.read_parquet(part)
    labels = rows.pop("late")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(scores(joblib.load(model), rows, labels), indent=1))
    return out


def scores(model: Pipeline, rows: pd.DataFrame, labels: pd.Series[Any]) -> dict[str, float]:
    """The metrics that begat computes of a binary classifier if it is not told others."""
    from sklearn import metrics

    late = model.predict_proba(rows)[:, 1]
    predicted = model.predict(rows)
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, late)),
        "average_precision": float(metrics.average_precision_score(labels, late)),
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "f1": float(metrics.f1_score(labels, predicted)),
        "log_loss": float(metrics.log_loss(labels, late)),
        "brier": float(metrics.brier_score_loss(labels, late)),
    }


def register(model: Path, metrics: Path, registry: Path) -> Path:
    """The model and its metrics as the next version in a folder."""
    _ran("register")
    registry.mkdir(parents=True, exist_ok=True)
    version = registry / f"{len(list(registry.iterdir())) + 1}"
    version.mkdir()
    (version / "model.joblib").write_bytes(model.read_bytes())
    (version / "metrics.json").write_text(metrics.read_text())
    return version


def _ran(stage: str) -> None:
    with STAGES.open("a") as file:
        file.write(f"{stage}\n")


def _write(frame: pd.DataFrame, out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out, index=False, compression="zstd")
    return out
