"""Begat's own facets, one builder each: what OpenLineage has no facet for.

| builder | key | position |
|---|---|---|
| `recipe` | `begat_recipe` | run |
| `reuse` | `begat_reuse` | run |
| `image` | `begat_image` | run |
| `packages` | `begat_packages` | run |
| `hardware` | `begat_hardware` | run |
| `seeds` | `begat_seeds` | run |
| `metrics` | `begat_metrics` | run |
| `attempt` | `begat_attempt` | run |
| `reproduction` | `begat_reproduction` | run |
| `snapshot`, `single` | `begat_snapshot` | input |
| `model_version` | `begat_modelVersion` | dataset |
| `transition` | `begat_transition` | dataset |
| `arrivals` | `begat_arrivals` | dataset |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .facet import Facet, built, facet


def recipe(body: Mapping[str, Any]) -> Facet:
    """`begat_recipe`: what determined the output.

    Args:
        body: the recipe's components, as `Recipe.to_facet` gives them; beside them `result`
            (JSON of what the run returned), `sources` (digest of their archive), `commit`
            and `dirty`.
    """
    return built("run", "begat_recipe", dict(body))


def reuse(
    *,
    run: str = "",
    executed: int | None = None,
    reused: int | None = None,
    model_version: str = "",
) -> Facet:
    """`begat_reuse`: what was not done again.

    Args:
        run: on a task run's COMPLETE, the run that it reuses.
        executed: on a flow run's COMPLETE, the task runs that did work.
        reused: on a flow run's COMPLETE, those that earlier runs answered.
        model_version: the model version that the flow run resulted in, `flight-delays@3`.
    """
    body = {
        "run": run or None,
        "executed": executed,
        "reused": reused,
        "model_version": model_version or None,
    }
    return built("run", "begat_reuse", {k: v for k, v in body.items() if v is not None})


def snapshot(
    *,
    content_root: str,
    lineage_root: str,
    count: int,
    argument: str,
    rows: Iterable[Any] = (),
    chunks: Iterable[str] = (),
) -> Facet:
    """`begat_snapshot` of many partitions.

    Args:
        content_root: Merkle root over partitions and versions.
        lineage_root: Merkle root over partitions, versions and producing runs.
        count: how many partitions there are.
        argument: which argument of the task this is, `part` or `lookups.weather`.
        rows: (partition, digest, producing run) of each, where they are told inline.
        chunks: lineage digests of the chunks that hold the rows, where they are not.
    """
    body: Facet = {
        "argument": argument,
        "content_root": content_root,
        "lineage_root": lineage_root,
        "count": count,
    }
    if inline := [list(row) for row in rows]:
        body["rows"] = inline
    if elsewhere := list(chunks):
        body["chunks"] = elsewhere
    return built("input", "begat_snapshot", body)


def single(*, argument: str, partition: str, producer: str, location: str = "") -> Facet:
    """`begat_snapshot` of one version: which partition it is and which run made it.

    Args:
        argument: which argument of the task this is.
        partition: its key, empty without partitions.
        producer: id of the run that this reference was resolved to, empty for raw data.
        location: where its bytes were found.
    """
    body = {"argument": argument, "partition": partition, "producer": producer}
    if location:
        body["location"] = location
    return built("input", "begat_snapshot", body)


def image(*, digest: str, reference: str = "") -> Facet:
    """`begat_image`: the container image the process runs in."""
    body = {"digest": digest, "reference": reference}
    return built("run", "begat_image", {key: value for key, value in body.items() if value})


def packages(body: Mapping[str, Any]) -> Facet:
    """`begat_packages`: the installed distributions, Python and the lock file."""
    return built("run", "begat_packages", dict(body))


def hardware(body: Mapping[str, Any]) -> Facet:
    """`begat_hardware`: the machine the process runs on."""
    return built("run", "begat_hardware", dict(body))


def seeds(body: Mapping[str, Any]) -> Facet:
    """`begat_seeds`: where the run's random numbers came from."""
    return built("run", "begat_seeds", dict(body))


def attempt(number: int, *, engine: str = "", engine_run_id: str = "") -> Facet:
    """`begat_attempt`: which try this run is, and what the orchestrator calls it."""
    body = {"attempt": number, "engine": engine, "engine_run_id": engine_run_id}
    return built("run", "begat_attempt", {key: value for key, value in body.items() if value})


def reproduction(body: Mapping[str, Any]) -> Facet:
    """`begat_reproduction`: what making a model version again came to.

    Args:
        body: `of` (the version), `verdict`, `tolerance`, `metrics`, `outputs`, `different`,
            `missing` and `reasons`.
    """
    return facet("run", "begat_reproduction", body)


def metrics(
    values: Mapping[str, Any],
    *,
    slices: Mapping[str, Any] | Sequence[Any] = (),
    steps: Sequence[Mapping[str, Any]] = (),
) -> Facet:
    """`begat_metrics`: how good a model is; a metric that has no value is null.

    Args:
        values: metric → value, over all held-out rows.
        slices: the same of parts of them.
        steps: training progress, one mapping of metric → value a step.
    """
    body = {"metrics": values, "slices": slices, "steps": steps}
    found = {key: value for key, value in body.items() if value or key == "metrics"}
    return facet("run", "begat_metrics", found)


def model_version(
    model: str,
    version: int,
    *,
    digest: str = "",
    stage: str | None = None,
    registered_by: str = "",
    signature: str = "",
    training_run: str = "",
) -> Facet:
    """`begat_modelVersion`: what a model file was registered as.

    Args:
        model: the model's name.
        version: its number.
        digest: of the model file.
        stage: Staging, Production, Archived or none.
        registered_by: who or what registered it.
        signature: digest of what it takes and gives.
        training_run: id of the run that fitted it.
    """
    body = {
        "model": model,
        "version": version,
        "stage": stage,
        "digest": digest,
        "registered_by": registered_by,
        "signature": signature,
        "training_run": training_run,
    }
    found = {key: value for key, value in body.items() if value or key == "stage"}
    return built("dataset", "begat_modelVersion", found)


def arrivals(
    *,
    batch: str,
    source: str,
    partitions: Iterable[str],
    count: int,
    objects: Iterable[Sequence[str]],
) -> Facet:
    """`begat_arrivals`: new content of a watched dataset, as it came together.

    Args:
        batch: a UUID that says what is in it.
        source: the pattern that is watched.
        partitions: keys of the partitions in which content is new.
        count: how many objects there are.
        objects: partition, key, version or digest, and time of each, as far as they are named.
    """
    body = {
        "batch": batch,
        "source": source,
        "partitions": [*partitions],
        "count": count,
        "objects": [list(row) for row in objects],
    }
    return built("dataset", "begat_arrivals", body)


def transition(entry: Mapping[str, Any]) -> Facet:
    """`begat_transition`: an act on the registry, as its log has it.

    Args:
        entry: `seq`, `action`, `model`, `who`, `hash`; and what there is of `version`, `before`,
            `after`, `reason`, `replaced` (the version that left Production by that) and `alias`.
    """
    return built("dataset", "begat_transition", entry)
