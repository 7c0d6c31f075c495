"""Why tasks are stale: what differs from the nearest earlier run of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from begat.lineage.graph.earlier import Earlier, Explained, written_by
from begat.lineage.workspace import workspace

from . import inputs
from .report import Report
from .steps import Steps, pending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from begat.lineage.graph.connection import Connection
    from begat.lineage.recipe import Recipe
    from begat.lineage.workspace import Workspace

    from .pipeline import Pipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """Why one task is to run."""

    job: str
    partition: str
    explained: Explained
    #: What of this recipe forbids that an earlier run answers it.
    reasons: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """What people read."""
        return (*self.explained.lines, *(f"is never reused: {reason}" for reason in self.reasons))

    def to_json(self) -> dict[str, Any]:
        """The object that `begat plan --why --json` prints for each stale task."""
        return {
            "job": self.job,
            "partition": self.partition,
            "reasons": list(self.reasons),
            **self.explained.to_json(),
        }


def plan(pipeline: Pipeline, *, partitions: str = "") -> tuple[Report, list[Why]]:
    """A plan, and why each of its stale tasks is to run.

    Of tasks that depend on stale ones nothing can be said yet: their inputs are not there.

    Raises:
        BegatError: the pipeline, its data or the store are not fit to be planned.
    """
    space = workspace()
    steps = Steps(pipeline=pipeline, space=space, runner=pending)
    report = steps.walk(inputs.find(pipeline, space, chosen=partitions))
    stale = [(task.job, task.partition) for task in report.tasks if task.state == "STALE"]
    with space.store.read() as db:
        return report, [
            why
            for job, tasks in groupby(stale, key=lambda task: task[0])
            for why in _of_job(db, space, job, {key: steps.recipes[key] for key in tasks})
        ]


def _of_job(
    db: Connection, space: Workspace, job: str, recipes: dict[tuple[str, str], Recipe]
) -> Iterable[Why]:
    earlier = Earlier(
        db,
        namespace=space.settings.namespace,
        job=job,
        partitions=[partition for _, partition in recipes],
    )
    for (_, partition), recipe in recipes.items():
        explained = earlier.nearest(recipe.to_facet(), partition)
        if explained.because and (gone := _gone(db, space, explained.compared_with)):
            explained = replace(explained, because=gone)
        yield Why(job=job, partition=partition, explained=explained, reasons=recipe.reasons)


def _gone(db: Connection, space: Workspace, run_id: str) -> str:
    """What an earlier run wrote and the artifact store has no longer; empty if it has it all."""
    wrote = written_by(db, run_id)
    gone = sorted({*wrote} - space.artifacts.present(wrote))
    return f"what it wrote is no longer in the artifact store: {', '.join(gone)}" if gone else ""
