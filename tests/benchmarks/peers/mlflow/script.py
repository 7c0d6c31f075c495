"""The bare script with MLflow's tracking and model registry, in SQLite."""

from __future__ import annotations

import json
import sys

import joblib
import mlflow
import work

months = work.months()
max_iter = int(sys.argv[1]) if len(sys.argv) > 1 else work.MAX_ITER
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("flights")
with mlflow.start_run():
    mlflow.log_params({"max_iter": max_iter, "months": ",".join(months)})
    for month in months:
        work.prepare(work.raw(month), *work.LOOKUPS, work.prepared(month))
        work.featurize(work.prepared(month), work.featurized(month))
    *known, last = [work.featurized(month) for month in months]
    work.train(known, work.MODEL, max_iter)
    work.evaluate(work.MODEL, last, work.METRICS)
    mlflow.log_metrics(json.loads(work.METRICS.read_text()))
    # Named, so that MLflow need not find them out in a process that loads the model once more.
    mlflow.sklearn.log_model(
        joblib.load(work.MODEL),
        name="model",
        registered_model_name="flights",
        pip_requirements=["scikit-learn", "pandas"],
        serialization_format="cloudpickle",
    )
