"""A pipeline as a drawing: its data and its five tasks, and which of them are stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from begat.lineage.cli.drawing import Drawing, Edge, Mark, Node
from begat.tasks.functions import name_of

from . import inputs

if TYPE_CHECKING:
    from begat.lineage.records import DatasetVersion

    from .inputs import Inputs
    from .pipeline import Pipeline
    from .report import Report, TaskState

_MARKS: Mapping[TaskState, Mark] = {"STALE": "stale", "PENDING": "pending", "REUSED": "reused"}


def draw(pipeline: Pipeline, report: Report, found: Inputs) -> Drawing:
    """The pipeline as it is planned.

    Args:
        pipeline: what is planned.
        report: its plan, or its run.
        found: what it reads from outside.

    Raises:
        DataError: the holdout matches nothing, or leaves nothing to train on.
    """
    states: dict[str, Counter[Mark]] = {}
    for task in report.tasks:
        step = states.setdefault(task.job.rpartition(".")[2], Counter())
        if task.state in _MARKS:
            step[_MARKS[task.state]] += 1
    return Drawing(
        title=pipeline.name,
        subtitle=_said(report),
        nodes=(
            _source(pipeline, found.parts),
            *(_lookup(pipeline, name, version) for name, version in found.lookups.items()),
            *(
                Node(
                    key=step,
                    kind="task",
                    name=step,
                    many=len(found.parts) if step in ("prepare", "featurize") else 1,
                    marks=marks,
                    lines=_about(pipeline, step),
                )
                for step, marks in states.items()
            ),
            _model(pipeline, report),
        ),
        edges=_edges(pipeline, found),
    )


def _said(report: Report) -> str:
    if not report.stale:
        return f"nothing to do: {report.model_version} stands"
    stale, depend = report.count("STALE"), report.count("PENDING")
    return f"{stale} stale, {depend} pending, {report.count('REUSED')} reused"


def _source(pipeline: Pipeline, parts: Sequence[DatasetVersion]) -> Node:
    size = f"{sum(part.size for part in parts):,} bytes"
    return Node(
        key="source", kind="source", name=str(pipeline.source), many=len(parts), lines=(size,)
    )


def _lookup(pipeline: Pipeline, name: str, version: DatasetVersion) -> Node:
    return Node(
        key=f"lookup {name}",
        kind="source",
        name=str(pipeline.lookups[name]),
        lines=(f"lookup {name}", f"{version.size:,} bytes"),
    )


def _about(pipeline: Pipeline, step: str) -> tuple[str, ...]:
    """What of the user's own a task calls."""
    if step in ("prepare", "featurize"):
        return (name_of(getattr(pipeline, step)),)
    return (type(pipeline.estimator).__name__,) if step == "train" else ()


def _model(pipeline: Pipeline, report: Report) -> Node:
    marks: dict[Mark, int] = {} if report.model_version else {"pending": 1}
    return Node(key="model", kind="model", name=report.model_version or pipeline.name, marks=marks)


def _edges(pipeline: Pipeline, found: Inputs) -> tuple[Edge, ...]:
    trained, held = _split(pipeline, found.parts)
    return (
        Edge(source="source", target="prepare"),
        *(Edge(source=f"lookup {name}", target="prepare") for name in found.lookups),
        Edge(source="prepare", target="featurize"),
        Edge(source="featurize", target="train", label=trained),
        Edge(source="featurize", target="evaluate", label=held),
        Edge(source="train", target="evaluate"),
        Edge(source="train", target="register"),
        Edge(source="evaluate", target="register"),
        Edge(source="register", target="model"),
    )


def _split(pipeline: Pipeline, parts: Sequence[DatasetVersion]) -> tuple[str, str]:
    """What trains and what is held out, in words."""
    train, held, fraction = inputs.split(tuple(parts), pipeline)
    if fraction is not None:
        return f"{1 - fraction:.0%} of the rows", f"{fraction:.0%} of the rows, held out"
    chosen = held.versions[0].partition if len(held.versions) == 1 else _many(len(held.versions))
    return _many(len(train.versions)), f"{chosen}, held out"


def _many(partitions: int) -> str:
    return f"{partitions:,} partition{'s' if partitions > 1 else ''}"
