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
_SEGMENT = """
SELECT t.id, d.namespace, d.name, t.chunk FROM segment t JOIN dataset d ON d.id = t.dataset
"""
_READ = """
SELECT t.id, d.namespace, d.name, t.lineage_root
FROM snapshot t JOIN dataset d ON d.id = t.dataset
"""
_BINDING = """
SELECT b.snapshot, d.namespace, d.name, b.partition, b.digest, r.uuid
FROM binding b JOIN dataset d ON d.id = b.dataset JOIN run r ON r.id = b.run
"""
_CURRENT = """
SELECT c.product, COALESCE(r.uuid, ''), d.namespace, d.name, c.partition, c.since
FROM current c JOIN dataset d ON d.id = c.dataset LEFT JOIN run r ON r.id = c.run
"""
#: Those without nodes among their columns.
_TABLES = {
    "job": "SELECT namespace, name, facets FROM job",
    "dataset": "SELECT namespace, name, facets FROM dataset",
    "symlink": """
        SELECT d.namespace, d.name, o.namespace, o.name
        FROM symlink s JOIN dataset d ON d.id = s.dataset JOIN dataset o ON o.id = s.other
    """,
    "declared": """
        SELECT j.namespace, j.name, d.namespace, d.name, c.written
        FROM declared c JOIN job j ON j.id = c.job JOIN dataset d ON d.id = c.dataset
    """,
    "run": """
        SELECT r.uuid, j.namespace, j.name, p.uuid, t.uuid, r.kind, r.state, r.started_at,
            r.ended_at, r.attempt, r.recipe, r.reusable, r.recorded, r.result, u.uuid,
            r.last_start, r.first_end, r.executions, r.facets
        FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
        LEFT JOIN run t ON t.id = r.root LEFT JOIN run u ON u.id = r.reuse_of
    """,
    "run_trait": """
        SELECT r.uuid, t.kind, t.value
        FROM run_trait x JOIN run r ON r.id = x.run JOIN trait t ON t.id = x.trait
    """,
    "trait_part": """
        SELECT p.kind, p.value, w.kind, w.value
        FROM trait_part x JOIN trait p ON p.id = x.part JOIN trait w ON w.id = x.whole
        WHERE EXISTS (SELECT 1 FROM run_trait u WHERE u.trait = x.whole)
    """,
    "version": """
        SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, v.kind
        FROM version v JOIN dataset d ON d.id = v.dataset
    """,
    "product": """
        SELECT d.namespace, d.name, v.partition, v.digest, COALESCE(r.uuid, '')
        FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
        LEFT JOIN run r ON r.id = p.run
    """,
    "output": """
        SELECT r.uuid, d.namespace, d.name, v.partition, v.digest, o.facets
        FROM output o JOIN run r ON r.id = o.run JOIN version v ON v.id = o.version
        JOIN dataset d ON d.id = v.dataset
    """,
    "snapshot": """
        SELECT d.namespace, d.name, s.lineage_root, s.content_root, s.partitions, s.known
        FROM snapshot s JOIN dataset d ON d.id = s.dataset
        WHERE NOT EXISTS (SELECT 1 FROM binding b WHERE b.snapshot = s.id)
    """,
    "segment": """
        SELECT d.namespace, d.name, s.chunk, s.known
        FROM segment s JOIN dataset d ON d.id = s.dataset
    """,
    "binding": """
        SELECT r.uuid, d.namespace, d.name, b.partition, b.digest, b.at
        FROM binding b JOIN run r ON r.id = b.run JOIN dataset d ON d.id = b.dataset
    """,
    "derived": """
        SELECT r.uuid, w.namespace, w.name, d.namespace, d.name, s.uuid
        FROM derived x JOIN run r ON r.id = x.run JOIN dataset w ON w.id = x.written
        LEFT JOIN dataset d ON d.id = x.read LEFT JOIN run s ON s.id = -x.read
    """,
}


def dump(store: Store) -> dict[str, Any]:
    """Every table of the graph, sorted, with names in place of integers.

    Rows that nothing points to any more are left out: a job that a run was said to be of
    before it was said better, say, or a version that a run was thought to have made.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        names = _names(db)
        return {
            "event": _rows(db, "SELECT hash, origin, body FROM event"),
            "chunk": _rows(db, "SELECT digest, body FROM chunk"),
            **{table: _rows(db, query) for table, query in _TABLES.items()},
            "current": _sorted(
                [*row, names[nodes.product(product)] if product else None, run]
                for product, run, *row in db.execute(_CURRENT)
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
    found |= {nodes.segment(i): ["segment", *key] for i, *key in db.execute(_SEGMENT)}
    found |= {nodes.snapshot(i): ["snapshot", *key] for i, *key in db.execute(_READ)}
    found |= {nodes.snapshot(i): ["binding", *key] for i, *key in db.execute(_BINDING)}
    return found


def _rows(db: Connection, query: str) -> list[list[Any]]:
    return _sorted([*row] for row in db.execute(query))


def _sorted(rows: Any) -> list[list[Any]]:
    return sorted(rows, key=json.dumps)
