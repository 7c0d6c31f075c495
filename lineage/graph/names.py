"""Nodes by natural keys, the same in every store: `names` for order, `describe` for people.

| key | node |
|---|---|
| `run:ID` | an execution of a run |
| `version:DATASET[PARTITION]@DIGEST#RUN` | a version as that run made it; found, without `#RUN` |
| `version:DATASET[PARTITION]@` | the dataset, of which a run read nobody knows which version |
| `snapshot:DATASET@ROOT` | many partitions that were read as one |
| `model:NAME@NUMBER` | a model version |

What would end a part is percent-encoded in it, so no two nodes share a key.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from . import nodes, queries
from .answer import ModelNode, Node, RunNode, SnapshotNode, VersionNode
from .connection import Connection, Row

#: Snapshots of more partitions are nodes of their own; smaller ones are told by their versions.
FOLDED = 100

_IDS = "(SELECT CAST(value AS BIGINT) FROM json_each(:ids))"
_RUN_KEYS = f"SELECT id, uuid FROM run WHERE id IN {_IDS}"
_RUNS = f"""
SELECT r.id, r.uuid, r.state, r.started_at, r.ended_at, p.uuid AS parent,
    COALESCE(j.namespace, '') AS namespace, COALESCE(j.name, '') AS job
FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
WHERE r.id IN {_IDS}
"""
_PRODUCT_KEYS = f"""
SELECT p.id, d.namespace, d.name, v.partition, v.digest, r.uuid
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE p.id IN {_IDS}
"""
_PRODUCTS = f"""
SELECT p.id, d.namespace, d.name, v.partition, v.digest, r.uuid, j.name AS job, v.rows, v.size
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run LEFT JOIN job j ON j.id = r.job
WHERE p.id IN {_IDS}
"""
# A binding to nothing says that a dataset was read of which no version is known.
_SNAPSHOTS = f"""
SELECT s.id, d.namespace, d.name, s.lineage_root, s.content_root, s.partitions, s.known,
    b.partition,
    EXISTS (SELECT 1 FROM edge e WHERE e.child = s.id * 4 + {nodes.SNAPSHOT}) AS holds,
    EXISTS (
        SELECT 1 FROM edge e JOIN segment t ON t.id = e.parent / 4
        WHERE e.child = s.id * 4 + {nodes.SNAPSHOT} AND e.parent % 4 = {nodes.SEGMENT}
            AND t.known = 0
    ) AS gap
FROM snapshot s JOIN dataset d ON d.id = s.dataset LEFT JOIN binding b ON b.snapshot = s.id
WHERE s.id IN {_IDS}
"""


class Names:
    """The keys of nodes, as far as they have been asked for."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        #: None for a node that is told by those behind it.
        self._keys: dict[int, str | None] = {}

    def __getitem__(self, node: int) -> str | None:
        return self._keys[node]

    def add(self, wanted: Iterable[int]) -> None:
        """Look up the keys of these nodes."""
        missing = [node for node in wanted if node not in self._keys]
        for kind, query, key in (
            (nodes.RUN, _RUN_KEYS, _run_key),
            (nodes.PRODUCT, _PRODUCT_KEYS, version_key),
            (nodes.SNAPSHOT, _SNAPSHOTS, _snapshot_key),
        ):
            for row in _rows(self._db, query, missing, kind):
                self._keys[row["id"] * 4 + kind] = key(row)
        for node in missing:
            self._keys.setdefault(node, None)

    def describe(self, wanted: Mapping[int, int]) -> dict[str, Node]:
        """What these nodes are, by key.

        Args:
            wanted: the depth of each.
        """
        found: dict[str, Node] = {}
        for kind, query, make in (
            (nodes.RUN, _RUNS, run_node),
            (nodes.PRODUCT, _PRODUCTS, _version_node),
            (nodes.SNAPSHOT, _SNAPSHOTS, _snapshot_node),
        ):
            for row in _rows(self._db, query, wanted, kind):
                node = make(row, wanted[row["id"] * 4 + kind])
                found[node.key] = node
        return found


def run_node(row: Row, depth: int) -> RunNode:
    """A run of a row with its job's names."""
    return RunNode(
        key=_run_key(row),
        depth=depth,
        run_id=row["uuid"],
        namespace=row["namespace"],
        job=row["job"],
        state=row["state"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        parent=row["parent"],
    )


def model_node(row: Row, aliases: Iterable[str], depth: int) -> ModelNode:
    """A model version of its row."""
    return ModelNode(
        key=model_key(row["model"], row["version"]),
        depth=depth,
        model=row["model"],
        version=row["version"],
        stage=row["stage"],
        aliases=tuple(aliases),
        created_at=row["created_at"],
        run_id=row["training_run_id"],
    )


def model_key(model: str, version: int) -> str:
    """The key of a model version."""
    return f"model:{quote(model)}@{version}"


def version_key(row: Row | Mapping[str, Any]) -> str:
    """The key of a version, of a row with its names and the `uuid` of who made it."""
    maker = f"#{row['uuid']}" if row["uuid"] else ""
    digest = row["digest"]
    plain = digest.isascii() and digest.removeprefix("blake3:").isalnum()
    told = digest if plain else quote(digest, safe=":")
    return f"version:{_place(row)}@{told}{maker}"


def _run_key(row: Row) -> str:
    return f"run:{row['uuid']}"


def _snapshot_key(row: Row) -> str | None:
    if row["partition"] is not None:  # a binding
        return None if row["holds"] else f"version:{_place(row)}@"
    if row["known"] and not row["gap"] and row["partitions"] <= FOLDED:
        return None
    return f"snapshot:{dataset_key(row)}@{row['lineage_root']}"


def _place(row: Row | Mapping[str, Any]) -> str:
    inside = f"[{_quoted(row['partition'], '/=:')}]" if row["partition"] else ""
    return f"{dataset_key(row)}{inside}"


def dataset_key(row: Row | Mapping[str, Any]) -> str:
    """A dataset's name in keys: its namespace, a colon, and its name, which has no other."""
    return f"{_quoted(row['namespace'], '/:')}:{_quoted(row['name'], '/')}"


@functools.lru_cache(maxsize=4096)
def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe)


def _version_node(row: Row, depth: int) -> VersionNode:
    return VersionNode(
        key=version_key(row),
        depth=depth,
        dataset=queries.dataset_name(row["namespace"], row["name"]),
        partition=row["partition"],
        digest=row["digest"],
        producer=row["uuid"],
        job=row["job"],
        rows=row["rows"],
        bytes=row["size"],
    )


def _snapshot_node(row: Row, depth: int) -> SnapshotNode | VersionNode:
    dataset = queries.dataset_name(row["namespace"], row["name"])
    key = _snapshot_key(row) or ""
    if row["partition"] is None:
        return SnapshotNode(
            key=key,
            depth=depth,
            dataset=dataset,
            partitions=row["partitions"],
            content_root=row["content_root"],
        )
    return VersionNode(
        key=key,
        depth=depth,
        dataset=dataset,
        partition=row["partition"],
        digest="",
        producer=None,
        job=None,
        rows=None,
        bytes=None,
    )


def _rows(db: Connection, query: str, wanted: Iterable[int], kind: int) -> list[Row]:
    ids = [node // 4 for node in wanted if node % 4 == kind]
    found: list[Row] = db.execute(query, {"ids": json.dumps(ids)}).fetchall() if ids else []
    return found
