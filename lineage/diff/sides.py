"""The two sides of a diff: what a reference names, and where its ancestry begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import RefError
from ..graph import nodes, queries
from ..graph.connection import Connection
from ..graph.resolve import resolve
from ..graph.store import Store
from ..records import DatasetVersion, ModelVersion, RunRef
from .walk import Start

_MODEL_VERSION = "SELECT * FROM model_version WHERE model = :model AND version = :version"
_RUN = "SELECT id, kind, reuse_of FROM run WHERE uuid = :uuid"
_CHILDREN = """
SELECT COALESCE(reuse_of, id) FROM run WHERE parent = :run AND kind != 'FLOW' ORDER BY id
"""
_PRODUCT = """
SELECT p.id, p.run, COALESCE(r.uuid, '') AS uuid FROM product p
JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
ORDER BY r.ended_at IS NULL, r.ended_at, p.id
"""
_FITTED = """
SELECT DISTINCT o.run FROM output o JOIN version v ON v.id = o.version
WHERE v.kind = 'MODEL' AND o.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""
_FITTED_BEFORE = f"""
SELECT DISTINCT p.run FROM reading g JOIN product p ON p.id = g.node / 4
JOIN version v ON v.id = p.version
WHERE v.kind = 'MODEL' AND p.run != 0 AND g.node % 4 = {nodes.PRODUCT}
    AND g.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""
# What a register run read was made by the run that evaluated.
_MADE_WHAT_IT_READ = f"""
SELECT DISTINCT p.run FROM reading g JOIN product p ON p.id = g.node / 4
WHERE p.run != 0 AND g.node % 4 = {nodes.PRODUCT}
    AND g.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two things that are compared."""

    #: How it is shown: `flight-delays@3`, a run's id, `flights[month=2013-07]`.
    name: str
    #: model, flow run, task run or dataset.
    kind: str
    run_id: str
    #: The job of a run, behind its namespace; empty for what is no run.
    job: str = ""
    #: Where its ancestry begins.
    start: Start
    #: Rows of the runs that fitted a model, and of the one that evaluated it.
    training: frozenset[int] = frozenset()
    evaluation: int | None = None
    #: The run whose machine, packages and commit count for the whole; none for raw data.
    primary: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    slices: Mapping[str, Any] = field(default_factory=dict)
    #: Digest of the model file; of the bytes, for a dataset version.
    digest: str = ""
    #: For a dataset version, its product's node.
    product: int | None = None

    @property
    def trained(self) -> Start:
        """Where the ancestry of what was trained on begins."""
        return Start(nodes=frozenset(map(nodes.run, self.training)))

    @property
    def held(self) -> Start:
        """Where the ancestry of what was held out begins."""
        fitted = frozenset(map(nodes.run, self.training))
        return Start(nodes=self.start.nodes - fitted, without=fitted)

    def to_json(self) -> dict[str, Any]:
        """What it is, for people and programs."""
        return {"ref": self.name, "kind": self.kind, "run_id": self.run_id, "digest": self.digest}


def side(store: Store, ref: str) -> Side:
    """What a reference names, as one side of a diff.

    Raises:
        RefError: it names nothing, or too much.
        StoreError: the store failed.
    """
    named = resolve(store, ref)
    with store.read() as db:
        if isinstance(named, ModelVersion):
            return _model(db, named)
        if isinstance(named, DatasetVersion):
            return _dataset(db, named)
        return _run(store, db, named)


def facets_of(db: Connection, run: int | None) -> Mapping[str, Any]:
    """What a run said about itself, under its facets' keys."""
    if run is None:
        return {}
    found = queries.runs(db, [run])
    return queries.facets_of(found[0]) if found else {}


def _model(db: Connection, named: ModelVersion) -> Side:
    key = {"model": named.model, "version": named.version}
    row = db.execute(_MODEL_VERSION, key).fetchone()
    if row is None:
        raise RefError(f"no model version {named.ref} is registered; `begat models` lists them")
    body = json.loads(row["body"])
    register, training = _id(db, row["run_id"]), _id(db, row["training_run_id"])
    known = [run for run in (register, training) if run is not None]
    return Side(
        name=named.ref,
        kind="model",
        run_id=row["training_run_id"],
        start=Start(nodes=frozenset(map(nodes.run, known))),
        training=frozenset([training] if training is not None else ()),
        evaluation=_evaluation(db, [register] if register is not None else []),
        primary=facets_of(db, training),
        metrics=body.get("metrics", {}),
        slices=body.get("slices", {}),
        digest=row["digest"],
    )


def _run(store: Store, db: Connection, named: RunRef) -> Side:
    row = db.execute(_RUN, {"uuid": named.run_id}).fetchone()
    if row is None:
        raise RefError(f"no run {named.run_id} is in the store; `begat runs` lists flow runs")
    facets = facets_of(db, row["id"])
    if row["kind"] != "FLOW":
        own = row["reuse_of"] or row["id"]
        return _of_runs(db, named, [own], facets_of(db, own), kind="task run")
    if model := facets.get("begat_reuse", {}).get("model_version"):
        try:
            found = resolve(store, model)
        except RefError:
            found = None  # its events are here, and the registry that it was written to is not
        if isinstance(found, ModelVersion):
            made = _model(db, found)
            return replace(
                made,
                name=f"{named.run_id} ({made.name})",
                kind="flow run",
                run_id=named.run_id,
                job=_job(named),
            )
    runs = [run for (run,) in db.execute(_CHILDREN, {"run": row["id"]})]
    return _of_runs(db, named, runs, facets, kind="flow run")


def _of_runs(
    db: Connection, named: RunRef, runs: list[int], facets: Mapping[str, Any], *, kind: str
) -> Side:
    given = {"runs": json.dumps(runs)}
    fitted = {run for (run,) in db.execute(_FITTED, given)}
    fitted = fitted or {run for (run,) in db.execute(_FITTED_BEFORE, given)}
    evaluation = _evaluation(db, runs)
    said = facets_of(db, evaluation).get("begat_metrics", {})
    return Side(
        name=f"{named.run_id} ({named.job})",
        kind=kind,
        run_id=named.run_id,
        job=_job(named),
        start=Start(nodes=frozenset(map(nodes.run, runs))),
        training=frozenset(fitted),
        evaluation=evaluation,
        primary=facets,
        metrics=said.get("metrics", {}),
        slices=said.get("slices", {}),
    )


def _dataset(db: Connection, named: DatasetVersion) -> Side:
    key = {
        "namespace": named.namespace,
        "name": named.name,
        "partition": named.partition,
        "digest": named.digest,
    }
    made = db.execute(_PRODUCT, key).fetchall()
    if not made:
        raise RefError(f"no version {named} with digest {named.digest} is in the store")
    chosen = next((one for one in made if one["uuid"] == named.producer), made[0])
    node = nodes.product(chosen["id"])
    return Side(
        name=f"{named} {named.digest[:15]}",
        kind="dataset",
        run_id=chosen["uuid"],
        start=Start(nodes=frozenset([node])),
        primary=facets_of(db, chosen["run"] or None),
        digest=named.digest,
        product=node,
    )


def _evaluation(db: Connection, runs: Iterable[int]) -> int | None:
    """The run with metrics: one of these, or the one that made what one of these read."""
    own = list(runs)
    made = [run for (run,) in db.execute(_MADE_WHAT_IT_READ, {"runs": json.dumps(own)})]
    for row in queries.runs(db, [*own, *made]):
        if "begat_metrics" in queries.facets_of(row):
            return int(row["id"])
    return None


def _job(named: RunRef) -> str:
    return f"{named.namespace}:{named.job}" if named.job else ""


def _id(db: Connection, uuid: str) -> int | None:
    row = db.execute(_RUN, {"uuid": uuid}).fetchone()
    return None if row is None else int(row["id"])
