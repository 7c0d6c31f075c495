"""What Prefect is told when a flow run has registered a model: events that automations match.

| event | when | payload |
|---|---|---|
| `begat.model.registered` | a run registered a new version | `model, version, metrics, before` |
| `begat.model.worse` | its first metric is worse than that of the one before | also `metric` |

`before` has the version before and its metrics, or is null. The two may have been evaluated
on other rows: `begat diff` tells.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from begat.lineage.registry.better import less_is_better, worse_by
from begat.lineage.registry.versions import metrics_of
from begat.lineage.workspace import workspace

from .report import Report

log = logging.getLogger("begat")

REGISTERED, WORSE = "begat.model.registered", "begat.model.worse"


def publish(report: Report) -> None:
    """Emit what a flow run came to. A failure is a warning: the run has done its work by now."""
    if not any(
        task.state == "COMPLETE" and task.job.endswith(".register") for task in report.tasks
    ):
        return
    try:
        for name, payload in signals(report):
            _emit(name, payload)
    except Exception as error:
        log.warning("Prefect was not told of the model: %s: %s", type(error).__name__, error)


def signals(report: Report) -> list[tuple[str, dict[str, Any]]]:
    """Names and payloads of the events that a newly registered version calls for."""
    model, _, number = report.model_version.rpartition("@")
    version = int(number)
    before = metrics_of(workspace().store, model, version - 1) if version > 1 else None
    payload: dict[str, Any] = {
        "model": model,
        "version": version,
        "metrics": dict(report.metrics),
        "before": None if before is None else {"version": version - 1, "metrics": dict(before)},
    }
    metric = worse(before or {}, report.metrics)
    found = [(REGISTERED, payload)]
    return [*found, (WORSE, {**payload, "metric": metric})] if metric else found


def worse(before: Mapping[str, float | None], now: Mapping[str, float | None]) -> str:
    """The first metric that both have, if it is worse now; else empty.

    >>> worse({"roc_auc": 0.9}, {"roc_auc": 0.8}), worse({"rmse": 2.0}, {"rmse": 1.0})
    ('roc_auc', '')
    """
    for name, value in now.items():
        then = before.get(name)
        if value is not None and then is not None:
            return name if worse_by(then, value, less=less_is_better(name)) > 0 else ""
    return ""


def _emit(name: str, payload: Mapping[str, Any]) -> None:
    from prefect.events import emit_event

    emit_event(
        name,
        resource={
            "prefect.resource.id": f"begat.model.{payload['model']}",
            "prefect.resource.name": f"{payload['model']}@{payload['version']}",
        },
        payload=dict(payload),
    )
