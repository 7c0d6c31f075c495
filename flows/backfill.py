"""Training as if partitions had come one by one: a version of the model for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from begat.lineage import partitions
from begat.lineage.errors import DataError, ParameterError
from begat.lineage.workspace import workspace

from . import inputs

if TYPE_CHECKING:
    from prefect import Flow

    from begat.lineage.records import Dataset

    from .pipeline import Pipeline
    from .report import Report


def cuts(pipeline: Pipeline, each: str) -> list[str]:
    """For each partition that fits, what chooses it and all before it, in natural order.

    Args:
        pipeline: its source has one partition key.
        each: which partitions: `month>=2013-06`.

    Raises:
        ParameterError: the expression is malformed, or partitions have several keys.
        DataError: no partition fits, or the first one has none before it to train on.
    """
    parts = inputs.find(pipeline, workspace()).parts
    dataset, keys = parts[0].dataset, sorted(part.partition for part in parts)
    chosen = sorted(partitions.choose(keys, each), key=partitions.natural)
    if not chosen:
        raise DataError(f"no partition of {dataset} fits {each!r}; choose among {keys}")
    if any("/" in key or "=" not in key for key in chosen):
        raise ParameterError(
            f"partitions of {dataset} such as {chosen[0]!r} have not one key, so what comes "
            "before one cannot be chosen; run --partitions for each of them"
        )
    _check_first(pipeline, dataset, chosen[0], sorted(keys, key=partitions.natural))
    return [key.replace("=", "<=", 1) for key in chosen]


def _check_first(pipeline: Pipeline, dataset: Dataset, first: str, keys: list[str]) -> None:
    """Refuse to begin where the last partition is the only one, and is held out."""
    if pipeline.holdout != "last" or first != keys[0]:
        return
    remedy = f"begin with the second, {keys[1]}" if len(keys) > 1 else "add a partition"
    raise DataError(
        f"the first partition of {dataset} is {first}, and the holdout 'last' of "
        f"{pipeline.name} leaves none before it to train on; {remedy}"
    )


def flow(pipeline: Pipeline) -> Flow[..., Any]:
    """A Prefect flow, `NAME-backfill`, that runs the pipeline's own flow for each partition."""
    import prefect

    from begat.tasks import tracked

    training: Any = pipeline.flow()

    def backfill(each: str, parameters: dict[str, Any] | None = None) -> list[Report]:
        """Train once for each partition that fits, on it and all before it.

        Args:
            each: which partitions, `month>=2013-06`.
            parameters: `{"train.max_iter": 60}`.
        """
        return [
            training(partitions=chosen, parameters=parameters) for chosen in cuts(pipeline, each)
        ]

    return tracked(prefect.flow(name=f"{pipeline.name}-backfill")(backfill))
