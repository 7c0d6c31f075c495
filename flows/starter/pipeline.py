"""Will this parcel be late? A small pipeline to run, and then to change into your own.

    begat run pipeline.py:pipeline

begat calls the functions below, keeps what they make, and records what each model version was
made from. What did not change since the last run is not run again.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from begat.flows import Pipeline

# Your tasks are their code and all that this code uses: change this number, and what uses it
# runs again. Comments do not count.
GRACE = 5  # minutes


# 1. prepare: called once for each partition (here a month) with its raw rows, and with each
#    lookup as an argument of its name. It returns the rows to learn from, and the target.
def clean(deliveries: pd.DataFrame, depots: pd.DataFrame) -> pd.DataFrame:
    """Parcels that arrived, and what is known of the depots that they came from."""
    arrived = deliveries.dropna(subset=["took_min"])
    frame = arrived.merge(depots, on="depot", how="left")
    frame["late"] = frame["took_min"] > frame["promised_min"] + GRACE
    # How long it took is known when it is too late: the model must not see it.
    return frame.drop(columns="took_min")


# 2. featurize: called once for each prepared partition. An argument with a default is a
#    parameter, which has another value for one run by
#        begat run pipeline.py:pipeline --set featurize.rush_hour=16
def features(frame: pd.DataFrame, rush_hour: int = 17) -> pd.DataFrame:
    """What the model learns from: every column but the target."""
    return frame.assign(
        weekday=pd.to_datetime(frame["day"]).dt.day_of_week,
        from_rush_hour=(frame["hour"] - rush_hour).abs(),
        minutes_per_km=frame["promised_min"] / frame["distance_km"],
    ).drop(columns="day")


# A metric of your own is a function of the true values and the predictions. (Call its second
# argument y_score, and it gets probabilities.)
def cost(y_true: Any, y_pred: Any) -> float:
    """What a parcel costs on average: 5 for a delay nobody was told of, 1 for a false alarm."""
    return float((5 * (y_true > y_pred) + (y_pred > y_true)).mean())


pipeline = Pipeline(
    name="parcels",
    # Each file that fits is a partition; {month} tells them apart. Paths begin at this file.
    # CSV, JSON lines and Parquet can be read.
    source="data/deliveries/month={month}.csv",
    lookups={"depots": "data/depots.csv"},
    prepare=clean,
    featurize=features,
    # 3. train: anything with scikit-learn's interface. Its arguments are parameters, too:
    #        begat run pipeline.py:pipeline --set train.max_iter=80
    estimator=HistGradientBoostingClassifier(max_iter=40, random_state=1),
    target="late",
    # 4. evaluate: what is held out never trains. "last" is the newest partition; 0.2 would be
    #    a fifth of the rows, and {"month": "2024-03"} that month.
    holdout="last",
    metrics=["roc_auc", "average_precision", "accuracy", cost],
    # Each value of these columns is measured by itself as well.
    slices=["depot"],
    # What prepare returns can be checked by Great Expectations: a partition that fails is
    # refused, and nothing learns from it. Uncomment to try.
    # expectations=[
    #     {
    #         "type": "expect_column_values_to_be_between",
    #         "kwargs": {"column": "distance_km", "min_value": 0.1, "max_value": 100},
    #     },
    #     {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "vans"}},
    # ],
)
# 5. register: the model becomes parcels@1, parcels@2, … and begat.lineage.load("parcels@1")
#    is the model again.

# What to try next:
#
#     begat run pipeline.py:pipeline                      nothing changed, so nothing runs
#     mv arriving/month=2024-06.csv data/deliveries/      a month arrives …
#     begat dag pipeline.py:pipeline                      … and this is what it makes stale
#     begat run pipeline.py:pipeline                      five of its fifteen tasks
#     begat diff parcels@1 parcels@2                      what differs, and what moved the metrics
#     begat show parcels@2                                everything that it stands on
