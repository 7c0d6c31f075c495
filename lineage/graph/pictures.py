"""The pictures of a model version or of a run: which there are, and where their bytes are."""

from __future__ import annotations

import re
from typing import Any

from ..errors import RefError
from ..records import DatasetVersion, ModelVersion, RunRef
from . import queries
from .connection import Connection
from .nodes import PRODUCT
from .store import Store

# Whoever sends events names datasets, and these names become names of files.
_PICTURE = re.compile(r"(?:.*/)?pictures/(?P<picture>[a-z][a-z0-9_-]{0,63})")
_CURVES = re.compile(r"(?:.*/)?(?P<picture>curves)")
_EVALUATED = f"""
SELECT DISTINCT e.uuid FROM run r JOIN reading g ON g.run = r.id
JOIN product p ON p.id = g.node / 4 JOIN run e ON e.id = p.run
WHERE r.uuid = :run AND g.argument = 'evaluation' AND g.node % 4 = {PRODUCT}
"""
_WRITTEN = """
SELECT d.namespace, d.name, v.digest, v.size, v.format, r.uuid AS run_id
FROM run r JOIN output o ON o.run = r.id
JOIN version v ON v.id = o.version JOIN dataset d ON d.id = v.dataset
WHERE r.uuid = :run AND v.format IN ('svg', 'json') ORDER BY v.format DESC, d.name, v.digest
"""


def pictures(store: Store, of: ModelVersion | RunRef | DatasetVersion) -> list[dict[str, Any]]:
    """The pictures that belong to a model version, or that a run or a flow run wrote.

    Each with `picture` (its name), `format` (svg; json for `curves`, which holds what they
    were drawn from), `dataset`, `digest`, `bytes` and `run_id`.

    Raises:
        RefError: a dataset version has none, or the store does not know the model version.
        StoreError: the store failed.
    """
    if isinstance(of, DatasetVersion):
        raise RefError(f"{of} is data; pictures belong to a model version or a run")
    if isinstance(of, ModelVersion):
        with store.read() as db:
            return of_register_run(db, of.producer)
    tasks = queries.task_runs(store, of.run_id)
    runs = [of.run_id, *(task["reuse_of"] or task["run_id"] for task in tasks)]
    with store.read() as db:
        return [one for run in dict.fromkeys(runs) for one in _written(db, run)]


def of_register_run(db: Connection, run_id: str) -> list[dict[str, Any]]:
    """Those that were written with the evaluation that a register run read."""
    runs = [row["uuid"] for row in db.execute(_EVALUATED, {"run": run_id})]
    return [one for run in runs for one in _written(db, run)]


def _written(db: Connection, run_id: str) -> list[dict[str, Any]]:
    found = []
    for row in db.execute(_WRITTEN, {"run": run_id}):
        named = (_PICTURE if row["format"] == "svg" else _CURVES).fullmatch(row["name"])
        if named is None:
            continue
        found.append(
            {
                "picture": named["picture"],
                "format": row["format"],
                "dataset": queries.dataset_name(row["namespace"], row["name"]),
                "digest": row["digest"],
                "bytes": row["size"],
                "run_id": row["run_id"],
            }
        )
    return found
