"""Which runs have to be done again for a model version, from what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from .. import results
from ..diff.sides import Side, facets_of, side
from ..errors import RefError
from ..graph import closure, commits, nodes, queries
from ..graph.connection import Connection, Row
from ..graph.store import Store
from ..recipe import Reference
from ..records import DatasetVersion, ModelVersion, Snapshot
from ..verify.recorded import inputs_of_run

_OUTPUTS = """
SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, v.kind
FROM output o JOIN version v ON v.id = o.version JOIN dataset d ON d.id = v.dataset
WHERE o.run = :run ORDER BY d.name, v.partition
"""
_MODEL = "SELECT model, version, digest, run_id FROM model_version WHERE training_run_id = :run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One run that is done again."""

    run_id: str
    job: str
    #: Its facets `begat_recipe` and `begat_seeds`.
    recipe: Mapping[str, Any]
    seeds: Mapping[str, Any]
    #: What it read, by path among its arguments, and what it wrote.
    inputs: Mapping[str, Reference]
    outputs: tuple[DatasetVersion, ...]
    #: Whether it fitted the model, or evaluated it.
    fits: bool = False
    evaluates: bool = False

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return {
            "run_id": self.run_id,
            "job": self.job,
            "recipe": dict(self.recipe),
            "seeds": dict(self.seeds),
            "inputs": {path: results.encode(value) for path, value in self.inputs.items()},
            "outputs": results.encode([*self.outputs]),
            "fits": self.fits,
            "evaluates": self.evaluates,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Step:
        """What `to_json` gave."""
        inputs = {path: results.decode(value) for path, value in body["inputs"].items()}
        outputs = tuple(results.decode(body["outputs"]))
        return cls(**{**body, "inputs": inputs, "outputs": outputs})


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that has to be done again, and what it is compared with."""

    #: How what is made again is named, `flight-delays@3`, and its flow.
    ref: str
    flow: str
    #: Its model version; none for a run that was never registered.
    version: ModelVersion | None = None
    #: Each behind those whose outputs it reads.
    steps: tuple[Step, ...]
    #: A commit that holds the code of all steps, made when they had run already; see
    #: `graph.commits`. Empty if there is none, or their own commits hold it.
    commit: str = ""
    #: What the run that fitted the model said of itself.
    facets: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    slices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outside(self) -> tuple[DatasetVersion, ...]:
        """What the steps read that none of them makes, each once."""
        made = {step.run_id for step in self.steps}
        found = dict.fromkeys(
            version
            for step in self.steps
            for version in versions(step.inputs.values())
            if version.producer not in made
        )
        return tuple(found)

    @property
    def packages(self) -> Mapping[str, str]:
        """Distributions that the steps' recipes name: what their code imports."""
        return {
            name: version
            for step in self.steps
            for name, version in step.recipe.get("packages", {}).items()
        }


def plan(store: Store, ref: str) -> Plan:
    """What has to be done again for a model version, or for a run that trained.

    Args:
        store: where it is recorded.
        ref: `flight-delays@3`, `@Production`, or a run.

    Raises:
        RefError: it names nothing, too much, or nothing that was trained.
        StoreError: the store failed.
    """
    named = side(store, ref)
    if not named.training:
        raise RefError(
            f"{named.name} is a {named.kind}, and no training of it is recorded here; name a "
            "model version, or a run that trained"
        )
    wanted = {*named.training, *([named.evaluation] if named.evaluation is not None else [])}
    rows = closure.ancestors(store, *map(nodes.run, sorted(wanted))).runs
    with store.read() as db:
        runs = {row["id"]: row for row in queries.runs(db, rows)}
        trained = runs[min(named.training)]
        flow = trained["job"].rpartition(".")[0]
        steps = [
            _step(db, row, named)
            for row in runs.values()
            if row["kind"] != "FLOW"
            and row["job"].rpartition(".")[0] == flow
            and row["namespace"] == trained["namespace"]
            and queries.facets_of(row).get("begat_recipe", {}).get("function")
        ]
        version = _version(db, named)
        return Plan(
            ref=named.name,
            flow=flow,
            version=version,
            commit=commits.confirmed(db, version.ref) if version and _uncommitted(steps) else "",
            steps=_ordered(steps),
            facets=facets_of(db, trained["id"]),
            metrics=named.metrics,
            slices=named.slices,
        )


def versions(references: Iterable[Reference]) -> Iterable[DatasetVersion]:
    """The dataset versions among references, those of snapshots one by one."""
    for one in references:
        if isinstance(one, Snapshot):
            yield from one.versions
        elif isinstance(one, DatasetVersion):
            yield one


def _step(db: Connection, row: Row, named: Side) -> Step:
    facets = queries.facets_of(row)
    uuid = row["uuid"]
    return Step(
        run_id=uuid,
        job=row["job"],
        recipe=facets["begat_recipe"],
        seeds=facets.get("begat_seeds", {}),
        inputs=inputs_of_run(db, uuid),
        outputs=tuple(
            queries.version_of(out, uuid) for out in db.execute(_OUTPUTS, {"run": row["id"]})
        ),
        fits=row["id"] in named.training,
        evaluates=row["id"] == named.evaluation,
    )


def _uncommitted(steps: Iterable[Step]) -> bool:
    return any(not step.recipe.get("commit") or step.recipe.get("dirty") for step in steps)


def _ordered(steps: Sequence[Step]) -> tuple[Step, ...]:
    by_id = {step.run_id: step for step in sorted(steps, key=lambda one: (one.job, one.run_id))}
    order = TopologicalSorter(
        {
            uuid: {
                version.producer
                for version in versions(step.inputs.values())
                if version.producer in by_id
            }
            for uuid, step in by_id.items()
        }
    )
    return tuple(by_id[uuid] for uuid in order.static_order())


def _version(db: Connection, named: Side) -> ModelVersion | None:
    for row in db.execute(_MODEL, {"run": _training(db, named)}):
        if named.kind != "model" or f"{row['model']}@{row['version']}" == named.name:
            return queries.model_version_of(row)
    return None


def _training(db: Connection, named: Side) -> str:
    (row,) = queries.runs(db, [min(named.training)])
    return str(row["uuid"])
