"""Whole pedigrees, of a model version, a run or a dataset version, as JSON-safe dicts.

Everything is read from the closure of one node, and from what the runs in it said
themselves. So a pedigree names nothing that came later, whatever ran since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..errors import RefError
from ..records import DatasetVersion, ModelVersion, RunRef
from . import nodes, pictures, presence, queries, registers
from .ancestry import Ancestry
from .connection import Connection, Row
from .store import Store

_MODEL_VERSION = "SELECT * FROM model_version WHERE model = :model AND version = :version"
_RUN_ID = "SELECT id FROM run WHERE uuid = :uuid"
_OUTPUTS = """
SELECT d.namespace, d.name, v.partition, v.digest, v.rows, v.size, v.format, v.kind, o.facets
FROM output o JOIN version v ON v.id = o.version JOIN dataset d ON d.id = v.dataset
WHERE o.run = :run ORDER BY d.namespace, d.name, v.partition
"""
_SNAPSHOTS = """
SELECT s.id, d.namespace, d.name, s.content_root, s.lineage_root, s.partitions
FROM snapshot s JOIN dataset d ON d.id = s.dataset
WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_VERSION = """
SELECT v.id, d.namespace, d.name, v.partition, v.digest, v.rows, v.size, v.format, v.kind
FROM version v JOIN dataset d ON d.id = v.dataset
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
"""
_PRODUCERS = """
SELECT p.id, COALESCE(r.uuid, '') AS uuid, r.started_at
FROM product p LEFT JOIN run r ON r.id = p.run
WHERE p.version = :version ORDER BY r.ended_at IS NULL, r.ended_at, p.id
"""
# Direct readers: of the version itself, or of a snapshot that holds it.
_READERS = f"""
WITH RECURSIVE held(node) AS (
    SELECT CAST(value AS BIGINT) FROM json_each(:nodes)
    UNION SELECT e.child FROM edge e, held
    WHERE e.parent = held.node AND e.child % 4 IN ({nodes.SNAPSHOT}, {nodes.SEGMENT})
)
SELECT DISTINCT r.uuid AS run_id, j.name AS job, r.started_at FROM reading g
JOIN run r ON r.id = g.run LEFT JOIN job j ON j.id = r.job
WHERE g.node IN (SELECT node FROM held) ORDER BY r.started_at, r.uuid LIMIT :limit
"""
_QUALITY = ("dataQualityMetrics", "dataQualityAssertions")
#: Direct readers that a dataset version's pedigree lists.
READERS = 200


def pedigree(store: Store, of: ModelVersion | RunRef | DatasetVersion) -> dict[str, Any]:
    """Everything behind a model version, a run or a dataset version.

    A model version's has `model, version, stage, aliases, run_id` (the training run's),
    `register_run_id, registered_by, created_at, artifact`, of the training run `code {commit,
    repository, dirty, sources}, image {digest}, packages {digest}, python, hardware, seeds,
    parameters`; then `tasks`, one a run, `inputs` (all data from outside, with `role` train,
    holdout, both or lookup), `queries` (the SQL that databases were asked), `metrics, slices,
    signature, pictures, data_quality` and `truncated`.

    Where the bytes are lost, gone or purged, `absent {state, since}` says so.

    A run's has what it read and wrote in place of the model's fields; a dataset version's
    has who made and who read it.

    Raises:
        RefError: the store does not know it.
        StoreError: the store failed.
    """
    with store.read() as db:
        if isinstance(of, RunRef):
            return _run(store, db, of.run_id)
        found = (
            _model_version(store, db, of)
            if isinstance(of, ModelVersion)
            else _version(store, db, of)
        )
        absent = presence.absent(db, [of.digest]).get(of.digest)
        return found | ({"absent": asdict(absent)} if absent is not None else {})


def _model_version(store: Store, db: Connection, of: ModelVersion) -> dict[str, Any]:
    key = {"model": of.model, "version": of.version}
    row = db.execute(_MODEL_VERSION, key).fetchone()
    if row is None:
        raise RefError(f"no model version {of.ref} is registered; `begat models` lists them")
    body = json.loads(row["body"])
    register = _run_row_id(db, row["run_id"])
    training = _run_row_id(db, row["training_run_id"])
    starts = [nodes.run(run) for run in (register, training) if run is not None]
    ancestry = Ancestry.of(store, *starts)
    trained = next((run for run in ancestry.runs if run["id"] == training), None)
    return {
        **key,
        "stage": row["stage"],
        "aliases": queries.aliases(db).get((of.model, of.version), []),
        "run_id": row["training_run_id"],
        "register_run_id": row["run_id"],
        "registered_by": row["registered_by"],
        "created_at": row["created_at"],
        "artifact": row["digest"],
        **_circumstances(queries.facets_of(trained) if trained else {}),
        "tasks": _tasks(db, ancestry),
        "inputs": _inputs(ancestry, _roles(ancestry, register, training)),
        "queries": _queries(ancestry),
        "metrics": body.get("metrics", {}),
        "slices": body.get("slices", {}),
        "signature": body.get("signature"),
        "pictures": pictures.of_register_run(db, row["run_id"]),
        "data_quality": _data_quality(ancestry),
        "truncated": ancestry.truncated or register is None or training is None,
    }


def _run(store: Store, db: Connection, run_id: str) -> dict[str, Any]:
    found = _run_row_id(db, run_id)
    if found is None:
        raise RefError(f"no run {run_id} is in the store; `begat runs` lists flow runs")
    [row] = queries.runs(db, [found])
    facets = queries.facets_of(row)
    children = queries.task_runs(store, run_id)
    starts = [run_id, *(child["reuse_of"] or child["run_id"] for child in children)]
    ids = [_run_row_id(db, uuid) for uuid in starts]
    ancestry = Ancestry.of(store, *(nodes.run(run) for run in ids if run is not None))
    reuse = facets.get("begat_reuse", {})
    return {
        "run_id": run_id,
        "job": row["job"],
        "kind": row["kind"],
        "state": row["state"],
        "flow_run_id": row["parent"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "attempt": row["attempt"],
        "recipe": row["recipe"],
        "reusable": bool(row["reusable"]),
        "reuse_of": row["reuse_of"],
        "executed": reuse.get("executed"),
        "reused": reuse.get("reused"),
        "model_version": reuse.get("model_version"),
        "error": queries.error_of(facets),
        **_circumstances(facets),
        "metrics": facets.get("begat_metrics", {}).get("metrics", {}),
        "slices": facets.get("begat_metrics", {}).get("slices", {}),
        "reads": _reads(db, ancestry, found),
        "writes": [_described(output) for output in db.execute(_OUTPUTS, {"run": found})],
        "tasks": _tasks(db, ancestry, leave_out=found if children else None),
        "inputs": _inputs(ancestry, {}),
        "queries": _queries(ancestry),
        "data_quality": _data_quality(ancestry),
        "truncated": ancestry.truncated,
    }


def _version(store: Store, db: Connection, of: DatasetVersion) -> dict[str, Any]:
    key = {
        "namespace": of.namespace,
        "name": of.name,
        "partition": of.partition,
        "digest": of.digest,
    }
    row = db.execute(_VERSION, key).fetchone()
    if row is None:
        raise RefError(f"no version {of} with digest {of.digest} is in the store")
    made = db.execute(_PRODUCERS, {"version": row["id"]}).fetchall()
    chosen = next((one for one in made if one["uuid"] == of.producer), made[0])
    ancestry = Ancestry.of(store, nodes.product(chosen["id"]))
    readers = db.execute(
        _READERS,
        {"nodes": json.dumps([nodes.product(one["id"]) for one in made]), "limit": READERS + 1},
    ).fetchall()
    said = _said_of_version(db, row["id"])
    return {
        **_described(row),
        "location": said.get("location"),
        "producer": chosen["uuid"] or None,
        "also_produced_by": [one["uuid"] for one in made if one is not chosen and one["uuid"]],
        "read_by": [dict(reader) for reader in readers[:READERS]],
        "schema": said.get("schema"),
        "data_quality": {key: said[key] for key in _QUALITY if key in said},
        "tasks": _tasks(db, ancestry),
        "inputs": _inputs(ancestry, {}),
        "queries": _queries(ancestry),
        "truncated": ancestry.truncated or len(readers) > READERS,
    }


def _run_row_id(db: Connection, uuid: str) -> int | None:
    row = db.execute(_RUN_ID, {"uuid": uuid}).fetchone()
    return None if row is None else int(row["id"])


def _circumstances(facets: Mapping[str, Any]) -> dict[str, Any]:
    """Code, machine, seeds and parameters of one run."""
    recipe = facets.get("begat_recipe", {})
    source = facets.get("job.sourceCodeLocation", {})
    packages = facets.get("begat_packages", {})
    return {
        "code": {
            "commit": recipe.get("commit") or source.get("version"),
            "repository": source.get("repoUrl") or source.get("url"),
            "dirty": recipe.get("dirty"),
            "sources": recipe.get("sources") or None,
        },
        "image": {"digest": facets.get("begat_image", {}).get("digest")},
        "packages": {"digest": packages.get("digest")},
        "python": packages.get("python"),
        "hardware": facets.get("begat_hardware"),
        "seeds": facets.get("begat_seeds"),
        "parameters": recipe.get("parameters", {}),
    }


def _tasks(
    db: Connection, ancestry: Ancestry, leave_out: int | None = None
) -> list[dict[str, Any]]:
    ids = [row["id"] for row in ancestry.runs]
    partitions, aside = queries.partitions_of(db, ids), queries.quarantined(db, ids)
    found = []
    for row in ancestry.runs:
        if row["id"] == leave_out:
            continue
        about = _circumstances(queries.facets_of(row))
        found.append(
            {
                "job": row["job"],
                "partitions": partitions.get(row["id"], []),
                "run_id": row["uuid"],
                "state": row["state"],
                "started_at": row["started_at"],
                "ended_at": row["ended_at"],
                "recipe": row["recipe"],
                "quarantined": aside.get(row["id"], 0),
                "commit": about["code"]["commit"],
                "dirty": about["code"]["dirty"],
                "image": about["image"]["digest"],
                "packages": about["packages"]["digest"],
                "python": about["python"],
                "hardware": about["hardware"],
                "seeds": about["seeds"],
            }
        )
    return found


def _roles(ancestry: Ancestry, register: int | None, training: int | None) -> dict[int, str]:
    """What each raw version was for.

    Trained on is what the training run reaches; held out is what the register run reaches
    by a way that does not lead through the training run.
    """
    if register is None or training is None:
        return {}
    trained = ancestry.reach(nodes.run(training))
    held = ancestry.reach(nodes.run(register), without=nodes.run(training))
    roles = dict.fromkeys(ancestry.raw & trained, "train")
    roles |= dict.fromkeys(ancestry.raw & held, "holdout")
    roles |= dict.fromkeys(ancestry.raw & trained & held, "both")
    return roles | dict.fromkeys(ancestry.lookups(), "lookup")


def _inputs(ancestry: Ancestry, roles: Mapping[int, str]) -> list[dict[str, Any]]:
    locations = ancestry.locations()
    lookups = ancestry.lookups() if not roles else set()
    found = [
        {
            **_described(ancestry.products[node]),
            "location": locations.get(node),
            "role": roles.get(node, "lookup" if node in lookups else None),
        }
        for node in ancestry.raw
    ]
    return sorted(found, key=lambda entry: (entry["dataset"], entry["partition"], entry["digest"]))


def _queries(ancestry: Ancestry) -> list[dict[str, Any]]:
    """The SQL whose answers were read, each once a job."""
    found = {}
    for row in ancestry.runs:
        if query := (said := queries.facets_of(row).get("job.sql", {})).get("query"):
            found[row["job"], query] = said.get("dialect")
    return [
        {"job": job, "query": query, "dialect": dialect}
        for (job, query), dialect in sorted(found.items())
    ]


def _described(row: Row) -> dict[str, Any]:
    return {
        "dataset": queries.dataset_name(row["namespace"], row["name"]),
        "partition": row["partition"],
        "digest": row["digest"],
        "rows": row["rows"],
        "bytes": row["size"],
        "format": row["format"],
        "kind": row["kind"],
    }


def _reads(db: Connection, ancestry: Ancestry, run: int) -> list[dict[str, Any]]:
    """What one run read: versions one by one, snapshots by their roots."""
    own = [reading for reading in ancestry.readings if reading.run == run]
    ids = [reading.node // 4 for reading in own if reading.node % 4 == nodes.SNAPSHOT]
    snapshots = {row["id"]: row for row in db.execute(_SNAPSHOTS, {"ids": json.dumps(ids)})}
    found = []
    for reading in own:
        if reading.node in ancestry.products:
            about = _described(ancestry.products[reading.node])
        else:
            row = snapshots[reading.node // 4]
            about = {
                "dataset": queries.dataset_name(row["namespace"], row["name"]),
                "partitions": row["partitions"],
                "content_root": row["content_root"],
                "lineage_root": row["lineage_root"],
            }
        found.append({"argument": reading.argument, **about})
    return found


def _data_quality(ancestry: Ancestry) -> list[dict[str, Any]]:
    """What runs found out about the partitions they read."""
    uuids = {row["id"]: row["uuid"] for row in ancestry.runs}
    found = []
    for reading in ancestry.readings:
        product = ancestry.products.get(reading.node)
        if product is None or not any(key in reading.facets for key in _QUALITY):
            continue
        metrics, assertions = (reading.facets.get(key, {}) for key in _QUALITY)
        found.append(
            {
                "dataset": queries.dataset_name(product["namespace"], product["name"]),
                "partition": product["partition"],
                "digest": product["digest"],
                "run_id": uuids[reading.run],
                "metrics": metrics,
                "assertions": assertions.get("assertions", []),
            }
        )
    return sorted(found, key=lambda entry: (entry["dataset"], entry["partition"], entry["run_id"]))


def _said_of_version(db: Connection, version: int) -> dict[str, Any]:
    """What was said last under each key by whoever wrote or read a version."""
    said: registers.Registers = {}
    query = f"""
    SELECT facets FROM output WHERE version = :version
    UNION ALL SELECT r.facets FROM product p JOIN reading r ON r.node = p.id * 4 + {nodes.PRODUCT}
    WHERE p.version = :version
    """
    for (text,) in db.execute(query, {"version": version}):
        for key, (stamp, body) in registers.read(text).items():
            if key not in said or stamp > said[key][0]:
                said[key] = (stamp, body)
    return {key: registers.said(said, key) for key in said}
