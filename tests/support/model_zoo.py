"""Small fitted models of each family, the same in every process."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from begat.lineage.content import models

if TYPE_CHECKING:
    from pandas import DataFrame


@cache
def table() -> DataFrame:
    """A hundred and twenty rows of numbers, strings and categories, some missing."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    carrier = rng.choice(["AA", "B6", "UA"], 120)
    frame = pd.DataFrame(
        {
            "distance": rng.normal(size=120),
            "delay": rng.normal(size=120),
            "carrier": carrier,
            "origin": pd.Categorical(rng.choice(["EWR", "JFK"], 120)),
        }
    )
    frame.loc[::17, "delay"] = np.nan
    frame["late"] = (frame["distance"] + frame["delay"].fillna(0) + (carrier == "AA") > 0.3).astype(
        int
    )
    return frame


def numbers() -> DataFrame:
    """The columns that any estimator takes."""
    return table()[["distance", "delay"]].fillna(0)


def features() -> DataFrame:
    """All columns but the target."""
    return table().drop(columns="late")


def _columns() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer(
        [
            ("ordinal", ordinal, ["carrier"]),
            ("one_hot", OneHotEncoder(handle_unknown="ignore"), ["origin"]),
            ("rest", "passthrough", ["distance"]),
        ]
    )


def _hist(**parameters: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=5, random_state=0, **parameters)


def _pipeline_hist() -> Any:
    from sklearn.pipeline import make_pipeline

    return make_pipeline(_columns(), _hist())


def _pipeline_logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(_columns(), LogisticRegression())


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=4, random_state=0)


def _boosting() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=4, random_state=0)


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _ridge() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


def _calibrated() -> Any:
    from sklearn.calibration import CalibratedClassifierCV

    return CalibratedClassifierCV(_boosting(), cv=2)


def _search() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    return GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=StratifiedKFold(2))


def _bagging() -> Any:
    from sklearn.ensemble import BaggingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    widened = make_pipeline(PolynomialFeatures(), _forest())
    return BaggingClassifier(widened, n_estimators=2, random_state=0)


#: Makes an estimator, and the rows it is fitted on.
ZOO: dict[str, tuple[Callable[[], Any], Callable[[], DataFrame]]] = {
    "hist": (_hist, numbers),
    "hist from_dtype": (
        lambda: _hist(categorical_features="from_dtype"),
        lambda: features().drop(columns="carrier"),
    ),
    "pipeline hist": (_pipeline_hist, features),
    "pipeline logistic": (_pipeline_logistic, features),
    "forest": (_forest, numbers),
    "boosting": (_boosting, numbers),
    "logistic": (_logistic, numbers),
    "ridge": (_ridge, numbers),
    "calibrated": (_calibrated, numbers),
    "search": (_search, numbers),
    "bagged pipelines": (_bagging, numbers),
}

#: A search keeps how long its fits took.
REPRODUCIBLE = [name for name in ZOO if name != "search"]


def fitted(name: str) -> Any:
    """The model of this name, fitted."""
    make, rows = ZOO[name]
    return make().fit(rows(), table()["late"])


if __name__ == "__main__":
    # Addresses differ between the processes that run this: each leaves its own gaps first.
    ballast = [bytes(int(os.environ["BALLAST"]) + size) for size in range(200)]
    for key in REPRODUCIBLE:
        sys.stdout.write(f"{hashlib.sha256(models.dump(fitted(key))).hexdigest()} {key}\n")
