"""What Prefect is told when a flow run has registered a model: events that automations match.

| event | when | payload |
|---|---|---|
| `begat.model.registered` | a run registered a new version | see below |
| `begat.model.worse` | its first metric is worse than that of the one before | also `metric` |

The payload is `model, version, metrics, before, same_rows`. `before` has the version before and
its metrics, or is null. Metrics are compared where both were evaluated on the same rows: of other
rows they do not tell which model is better. The first metric is the first that the pipeline names.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from begat.lineage.registry.better import less_is_better, worse_by
from begat.lineage.registry.current import find
from begat.lineage.registry.versions import metrics_of
from begat.lineage.workspace import workspace
from begat.tasks import metrics

from .report import Report

if TYPE_CHECKING:
    from begat.lineage.workspace import Workspace

log = logging.getLogger("begat")

REGISTERED, WORSE = "begat.model.registered", "begat.model.worse"


def publish(report: Report, given: Sequence[object]) -> None:
    """Emit what a flow run came to. A failure is a warning: the run has done its work by now.

    Args:
        report: what it came to.
        given: the metrics that the pipeline names.
    """
    if not any(
        task.state == "COMPLETE" and task.job.endswith(".register") for task in report.tasks
    ):
        return
    try:
        for name, payload in signals(report, given):
            _emit(name, payload)
    except Exception as error:
        log.warning("Prefect was not told of the model: %s: %s", type(error).__name__, error)


def signals(report: Report, given: Sequence[object]) -> list[tuple[str, dict[str, Any]]]:
    """Names and payloads of the events that a newly registered version calls for."""
    space = workspace()
    now = find(space, report.model_version)
    model, number = now.version.model, now.version.version
    before = metrics_of(space.store, model, number - 1)
    same = before is not None and _same_rows(space, now.version.ref, f"{model}@{number - 1}")
    payload: dict[str, Any] = {
        "model": model,
        "version": number,
        "metrics": dict(report.metrics),
        "before": None if before is None else {"version": number - 1, "metrics": dict(before)},
        "same_rows": same,
    }
    first = metrics.resolve(given, now.body["task"])[0].name
    found = [(REGISTERED, payload)]
    if same and worse(first, before or {}, report.metrics):
        found.append((WORSE, {**payload, "metric": first}))
    return found


def worse(metric: str, before: Mapping[str, float | None], now: Mapping[str, float | None]) -> bool:
    """Whether a metric is worse now; not if one of the two has none.

    >>> worse("roc_auc", {"roc_auc": 0.9}, {"roc_auc": 0.8})
    True
    >>> worse("rmse", {"rmse": 2.0}, {"rmse": 1.0})
    False
    """
    then, value = before.get(metric), now.get(metric)
    if then is None or value is None:
        return False
    return worse_by(then, value, less=less_is_better(metric)) > 0


def _same_rows(space: Workspace, *refs: str) -> bool:
    from begat.lineage.diff.compare import same_rows
    from begat.lineage.diff.sides import side

    one, other = (side(space.store, ref) for ref in refs)
    return same_rows(space.store, space.artifacts, other, one)


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
