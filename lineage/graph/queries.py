"""What commands list: flow runs, their tasks, models. Every record is a dict JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..records import Dataset, DatasetVersion, ModelVersion
from . import registers
from .connection import Connection, Row
from .nodes import PRODUCT
from .store import Store

_RUN = """
SELECT r.id, r.uuid, r.kind, r.state, r.started_at, r.ended_at, r.attempt, r.recipe, r.reusable,
    r.facets, j.namespace, j.name AS job, p.uuid AS parent, t.uuid AS root, u.uuid AS reuse_of
FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
LEFT JOIN run t ON t.id = r.root LEFT JOIN run u ON u.id = r.reuse_of
"""
_FLOW_RUNS = f"{_RUN} WHERE r.kind = 'FLOW' ORDER BY r.started_at DESC, r.id DESC LIMIT :limit"
_TASK_RUNS = f"""{_RUN} WHERE r.kind != 'FLOW'
AND r.parent = (SELECT id FROM run WHERE uuid = :flow_run_id) ORDER BY r.started_at, r.id
"""
# Runs that are known by name only come first, whatever a database thinks of NULL.
_RUNS = f"""{_RUN} WHERE r.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
ORDER BY COALESCE(r.started_at, ''), r.id
"""
_MODELS = "SELECT * FROM model_version ORDER BY model, version"
_ALIASES = "SELECT model, version, name FROM alias ORDER BY name"
_WRITTEN = """
SELECT DISTINCT o.run, v.partition FROM output o JOIN version v ON v.id = o.version
WHERE o.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs)) AND v.partition != ''
"""
_READ = f"""
SELECT DISTINCT r.run, v.partition FROM reading r
JOIN product p ON p.id = r.node / 4 JOIN version v ON v.id = p.version
WHERE r.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs)) AND r.node % 4 = {PRODUCT}
    AND v.partition != ''
"""
_QUARANTINED = """
SELECT o.run, CAST(SUM(v.rows) AS BIGINT) FROM output o JOIN version v ON v.id = o.version
JOIN dataset d ON d.id = v.dataset
WHERE o.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs)) AND v.rows > 0
    AND d.namespace = 'begat' AND d.name LIKE '%/quarantine'
GROUP BY o.run
"""


def flow_runs(store: Store, limit: int = 20) -> list[dict[str, Any]]:
    """Flow runs, the newest first.

    Each with `flow_run_id, flow, state, started_at, ended_at, executed, reused,
    model_version`; the last three are null until it completes.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return [_flow_run(row) for row in db.execute(_FLOW_RUNS, {"limit": limit})]


def task_runs(store: Store, flow_run_id: str) -> list[dict[str, Any]]:
    """The task runs of a flow run, in the order they started.

    Each with `run_id, job, partitions, state, started_at, ended_at, attempt, recipe, reuse_of,
    quarantined` (rows that it put aside) and `error`.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        rows = db.execute(_TASK_RUNS, {"flow_run_id": flow_run_id}).fetchall()
        ids = [row["id"] for row in rows]
        partitions, aside = partitions_of(db, ids), quarantined(db, ids)
    return [
        {
            "run_id": row["uuid"],
            "job": row["job"],
            "partitions": partitions.get(row["id"], []),
            "state": row["state"],
            "started_at": row["started_at"],
            "ended_at": row["ended_at"],
            "attempt": row["attempt"],
            "recipe": row["recipe"],
            "reuse_of": row["reuse_of"],
            "quarantined": aside.get(row["id"], 0),
            "error": error_of(facets_of(row)),
        }
        for row in rows
    ]


def models(store: Store) -> list[dict[str, Any]]:
    """Every model version, by model and number.

    Each with `model, version, stage, aliases, metrics, created_at, registered_by, run_id`
    (the training run's) and `digest`.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        named = aliases(db)
        return [
            {
                "model": row["model"],
                "version": row["version"],
                "stage": row["stage"],
                "aliases": named.get((row["model"], row["version"]), []),
                "metrics": json.loads(row["body"]).get("metrics", {}),
                "created_at": row["created_at"],
                "registered_by": row["registered_by"],
                "run_id": row["training_run_id"],
                "digest": row["digest"],
            }
            for row in db.execute(_MODELS)
        ]


def runs(db: Connection, ids: Iterable[int]) -> list[Row]:
    """Rows of runs, in the order they started, with their jobs and the runs they name."""
    return db.execute(_RUNS, {"ids": json.dumps([*ids])}).fetchall()


def version_of(row: Row, producer: str = "") -> DatasetVersion:
    """The dataset version in a row that joins `version` with its dataset's names.

    Args:
        row: with `namespace`, `name`, `partition`, `digest`, `size`, `rows`, `format`, `kind`.
        producer: run id of what wrote it; empty where that is not asked, or it is raw.
    """
    return DatasetVersion(
        namespace=row["namespace"],
        name=row["name"],
        partition=row["partition"],
        digest=row["digest"],
        size=row["size"] or 0,
        rows=row["rows"],
        format=row["format"] or "bytes",
        kind=row["kind"] or "FILE",
        producer=producer,
    )


def model_version_of(row: Row) -> ModelVersion:
    """The model version in a row of the registry.

    Args:
        row: with `model`, `version`, `digest` and `run_id`, the register run's.
    """
    return ModelVersion(
        model=row["model"], version=row["version"], digest=row["digest"], producer=row["run_id"]
    )


def facets_of(row: Row) -> dict[str, Any]:
    """What was said last under each key: the registers of a row without their stamps."""
    return registers.bodies(row["facets"])


def error_of(facets: Mapping[str, Any]) -> str | None:
    """Why a run failed."""
    message: str | None = facets.get("errorMessage", {}).get("message")
    return message


def aliases(db: Connection) -> dict[tuple[str, int], list[str]]:
    """Aliases by model and version."""
    found: dict[tuple[str, int], list[str]] = {}
    for model, version, name in db.execute(_ALIASES):
        found.setdefault((model, version), []).append(name)
    return found


def partitions_of(db: Connection, ids: Iterable[int]) -> dict[int, list[str]]:
    """By run: the partitions it wrote; of one that wrote none, those it read one by one."""
    given = {"runs": json.dumps([*ids])}
    written = _grouped(db.execute(_WRITTEN, given))
    return _grouped(db.execute(_READ, given)) | written


def quarantined(db: Connection, ids: Iterable[int]) -> dict[int, int]:
    """By run, of those that put rows aside: how many rows."""
    return dict(db.execute(_QUARANTINED, {"runs": json.dumps([*ids])}).fetchall())


def dataset_name(namespace: str, name: str) -> str:
    """A dataset as people write it."""
    return str(Dataset(namespace=namespace, name=name))


def _flow_run(row: Row) -> dict[str, Any]:
    facets = facets_of(row)
    counted = facets.get("begat_reuse", {})
    return {
        "flow_run_id": row["uuid"],
        "flow": row["job"],
        "state": row["state"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "executed": counted.get("executed"),
        "reused": counted.get("reused"),
        "model_version": counted.get("model_version"),
        "error": error_of(facets),
    }


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: sorted(values) for key, values in found.items()}
