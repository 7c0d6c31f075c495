"""What a reference means to a verification: where it begins, and which objects it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import RefError
from ..graph import closure, nodes, queries
from ..graph.connection import Connection, Row
from ..graph.resolve import resolve
from ..graph.store import Store
from ..records import DatasetVersion, ModelVersion, RunRef
from . import registry
from .replay import Replay

_RUN_ID = re.compile(r"[0-9a-f]{4,8}(-[0-9a-f-]*)?")
_RUNS_OF_EVENTS = """
SELECT DISTINCT run_id FROM event WHERE run_id >= :low AND run_id < :high LIMIT 2
"""
_ALL_RUNS = "SELECT uuid FROM run UNION SELECT run_id FROM event"
_RUN = "SELECT id FROM run WHERE uuid = :uuid"
_PRODUCT = """
SELECT p.id FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest AND COALESCE(r.uuid, '') = :producer
"""
# Direct readers: of the version itself, or of a snapshot that holds it.
_READERS = f"""
WITH RECURSIVE held(node) AS (
    SELECT :node UNION SELECT e.child FROM edge e, held
    WHERE e.parent = held.node AND e.child % 4 IN ({nodes.SNAPSHOT}, {nodes.SEGMENT})
)
SELECT r.uuid FROM reading g JOIN run r ON r.id = g.run
WHERE g.node IN (SELECT node FROM held) LIMIT :limit
"""
_EVERYTHING = f"""
SELECT id * 4 + {nodes.RUN} FROM run UNION ALL SELECT id * 4 + {nodes.PRODUCT} FROM product
"""
#: Runs whose word is heard of data from outside: no run made it, they say what it was.
_WITNESSES = 20


@dataclass(kw_only=True, slots=True)
class Scope:
    """Where a verification begins."""

    #: What is verified, as people write it.
    name: str
    #: Ids of runs: they and all that they stand on.
    runs: set[str] = field(default_factory=set)
    #: Ids of runs that only say what data from outside was.
    witnesses: set[str] = field(default_factory=set)
    models: list[ModelVersion] = field(default_factory=list)
    #: Data from outside, or what one run made.
    version: DatasetVersion | None = None
    everything: bool = False

    def nodes(self, replay: Replay) -> frozenset[int]:
        """Nodes of a replay whose objects are verified."""
        with replay.store.read() as own:
            if self.everything:
                return frozenset(node for (node,) in own.execute(_EVERYTHING))
            if self.version is None:
                return replay.nodes(self.runs)
            products = [nodes.product(row["id"]) for row in _products(own, self.version)]
        return closure.ancestors(replay.store, *products).nodes


def of(store: Store, ref: str) -> Scope:
    """Where the verification of `ref` begins; of everything if it is empty.

    What the graph or the registry does not know any more, and events do, counts as known.

    Raises:
        RefError: neither knows it.
        StoreError: the store failed.
    """
    with store.read() as db:
        if not ref:
            return _everything(db)
        try:
            named = resolve(store, ref)
        except RefError:
            named_by_events = _named_by_events(db, ref.strip())
            if named_by_events is None:
                raise
            named = named_by_events
        if isinstance(named, ModelVersion):
            return Scope(name=named.ref, runs=registry.starts(db, named), models=[named])
        if isinstance(named, RunRef):
            return _run(store, db, named)
        return _version(db, named)


def _everything(db: Connection) -> Scope:
    models = {model.ref: model for model in registry.told(db)}
    models |= {model.ref: model for model in registry.listed(db)}
    return Scope(
        name="the store",
        runs={uuid for (uuid,) in db.execute(_ALL_RUNS)},
        models=sorted(models.values(), key=lambda one: (one.model, one.version)),
        everything=True,
    )


def _run(store: Store, db: Connection, named: RunRef) -> Scope:
    scope = Scope(name=f"run {named.run_id}", runs={named.run_id})
    for task in queries.task_runs(store, named.run_id):
        scope.runs |= {task["run_id"], task["reuse_of"] or task["run_id"]}
    row = db.execute(_RUN, {"uuid": named.run_id}).fetchone()
    for run in queries.runs(db, [row["id"]] if row else []):
        came = queries.facets_of(run).get("begat_reuse", {}).get("model_version")
        if came and isinstance(model := resolve(store, came), ModelVersion):
            scope.models.append(model)
            scope.runs |= registry.starts(db, model)
    return scope


def _version(db: Connection, named: DatasetVersion) -> Scope:
    scope = Scope(name=f"{named} {named.digest[:15]}", version=named)
    if named.producer:
        scope.runs.add(named.producer)
        return scope
    for row in _products(db, named):
        given = {"node": nodes.product(row["id"]), "limit": _WITNESSES}
        scope.witnesses |= {uuid for (uuid,) in db.execute(_READERS, given)}
    return scope


def _products(db: Connection, of: DatasetVersion) -> Iterator[Row]:
    yield from db.execute(
        _PRODUCT,
        {
            "namespace": of.namespace,
            "name": of.name,
            "partition": of.partition,
            "digest": of.digest,
            "producer": of.producer,
        },
    ).fetchall()


def _named_by_events(db: Connection, ref: str) -> ModelVersion | RunRef | None:
    model, at, number = ref.rpartition("@")
    if at and number.isdecimal():
        found = {one.version: one for one in registry.told(db, model)}
        return found.get(int(number))
    if not at and _RUN_ID.fullmatch(ref.lower()):
        given = {"low": ref.lower(), "high": f"{ref.lower()}~"}
        runs = [uuid for (uuid,) in db.execute(_RUNS_OF_EVENTS, given)]
        if len(runs) == 1:
            return RunRef(run_id=runs[0], namespace="", job="")
    return None
