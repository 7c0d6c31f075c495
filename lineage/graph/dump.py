"""The whole graph by natural keys: two stores with the same dump hold the same graph."""

from __future__ import annotations

import json
from typing import Any

from . import nodes
from .connection import Connection
from .store import Store

_PRODUCT = """
SELECT p.id, d.namespace, d.name, v.partition, v.digest, COALESCE(r.uuid, '')
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
"""
_RUN = """
SELECT r.uuid, j.namespace, j.name, p.uuid, t.uuid, r.kind, r.state, r.started_at, r.ended_at,
    r.attempt, r.recipe, r.reusable, r.recorded, r.result, u.uuid, r.facets
FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
LEFT JOIN run t ON t.id = r.root LEFT JOIN run u ON u.id = r.reuse_of
"""


def dump(store: Store) -> dict[str, Any]:
    """Every table of the graph, sorted, with names in place of integers.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        names = _names(db)
        return {
            "event": _rows(db, "SELECT hash, origin, body FROM event"),
            "chunk": _rows(db, "SELECT digest, body FROM chunk"),
            "job": _rows(db, "SELECT namespace, name FROM job"),
            "dataset": _rows(db, "SELECT namespace, name FROM dataset"),
            "run": _rows(db, _RUN),
            "version": _rows(
                db,
                "SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, "
                "v.kind FROM version v JOIN dataset d ON d.id = v.dataset",
            ),
            "output": _rows(
                db,
                "SELECT r.uuid, d.namespace, d.name, v.partition, v.digest, o.facets "
                "FROM output o JOIN run r ON r.id = o.run JOIN version v ON v.id = o.version "
                "JOIN dataset d ON d.id = v.dataset",
            ),
            "snapshot": _rows(
                db,
                "SELECT d.namespace, d.name, s.lineage_root, s.content_root, s.partitions, "
                "s.known FROM snapshot s JOIN dataset d ON d.id = s.dataset",
            ),
            "segment": _rows(
                db,
                "SELECT d.namespace, d.name, s.chunk, s.known "
                "FROM segment s JOIN dataset d ON d.id = s.dataset",
            ),
            "edge": _sorted(
                [names[child], names[parent]]
                for child, parent in db.execute("SELECT child, parent FROM edge")
            ),
            "reading": _sorted(
                [names[nodes.run(run)], names[node], argument, facets]
                for run, node, argument, facets in db.execute(
                    "SELECT run, node, argument, facets FROM reading"
                )
            ),
        }


def _names(db: Connection) -> dict[int, list[Any]]:
    found = {nodes.run(i): ["run", uuid] for i, uuid in db.execute("SELECT id, uuid FROM run")}
    found |= {nodes.product(i): ["product", *key] for i, *key in db.execute(_PRODUCT)}
    for table, node, key in (
        ("snapshot", nodes.snapshot, "lineage_root"),
        ("segment", nodes.segment, "chunk"),
    ):
        rows = db.execute(
            f"SELECT t.id, d.namespace, d.name, t.{key} "
            f"FROM {table} t JOIN dataset d ON d.id = t.dataset"
        )
        found |= {node(i): [table, *natural] for i, *natural in rows}
    return found


def _rows(db: Connection, query: str) -> list[list[Any]]:
    return _sorted([*row] for row in db.execute(query))


def _sorted(rows: Any) -> list[list[Any]]:
    return sorted(rows, key=json.dumps)
