"""The rows that some runs have in a store's graph, by names instead of integers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph import nodes, queries, registers
from ..graph.connection import Connection, Row

#: What a row is known by in any store: its table, then names. An edge's are its child's key,
#: with its length before it, and its parent's.
Key = tuple[str, ...]

# What leads nowhere is told by its number, which no events say.
_RUNS = """
SELECT r.id, r.uuid, j.namespace, j.name AS job, COALESCE(p.uuid, CAST(r.parent AS TEXT)) AS parent,
    COALESCE(t.uuid, CAST(r.root AS TEXT)) AS root, r.kind, r.state,
    r.started_at, r.ended_at, r.attempt, r.recipe, r.reusable, r.recorded, r.result,
    COALESCE(u.uuid, CAST(r.reuse_of AS TEXT)) AS reuse_of, r.facets
FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
LEFT JOIN run t ON t.id = r.root LEFT JOIN run u ON u.id = r.reuse_of
WHERE r.uuid IN (SELECT value FROM json_each(:runs))
"""
_READINGS = """
SELECT run, node, argument, facets FROM reading
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_OUTPUTS = """
SELECT run, version, facets FROM output
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_PRODUCTS = """
SELECT id FROM product
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_EDGES = """
SELECT child, parent FROM edge
WHERE child IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_VERSIONS = """
SELECT v.id, d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, v.kind
FROM version v JOIN dataset d ON d.id = v.dataset
WHERE v.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
# What a reading was bound to is known by the reading, in any store.
_ROOT = """
COALESCE((
    SELECT 'run:' || r.uuid || '/' || b.partition || '/' || b.digest
    FROM binding b JOIN run r ON r.id = b.run WHERE b.snapshot = s.id
), s.lineage_root) AS lineage_root
"""
_NAMES = {
    nodes.RUN: """
SELECT id, 'run' AS kind, uuid FROM run
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
""",
    nodes.PRODUCT: """
SELECT p.id, 'product' AS kind, d.namespace, d.name, v.partition, v.digest, COALESCE(r.uuid, '')
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
    AND (p.run = 0 OR r.id IS NOT NULL)
""",
    nodes.SNAPSHOT: f"""
SELECT s.id, 'snapshot' AS kind, d.namespace, d.name, {_ROOT}
FROM snapshot s JOIN dataset d ON d.id = s.dataset
WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
""",
    nodes.SEGMENT: """
SELECT s.id, 'segment' AS kind, d.namespace, d.name, s.chunk
FROM segment s JOIN dataset d ON d.id = s.dataset
WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
""",
}
_PRODUCT_VERSIONS = """
SELECT DISTINCT version FROM product WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_SNAPSHOTS = f"""
SELECT s.id, d.namespace, d.name, {_ROOT}, s.content_root, s.partitions, s.known
FROM snapshot s JOIN dataset d ON d.id = s.dataset
WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_SEGMENTS = """
SELECT s.id, d.namespace, d.name, s.chunk, s.known
FROM segment s JOIN dataset d ON d.id = s.dataset
WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
#: Columns that only grow, whoever speaks of a version: see `describe_version`.
DESCRIBED = ("size", "rows", "format", "kind")


@dataclass(kw_only=True, slots=True)
class Picture:
    """The rows that some runs have in one store."""

    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    #: What a row is told about under: a run, or a dataset.
    owner: dict[Key, str] = field(default_factory=dict)
    #: Run id by hash of an event that registers name.
    stamps: dict[str, str] = field(default_factory=dict)

    def put(self, owner: str, *key: str, **columns: Any) -> None:
        """Add a row."""
        self.rows[key] = columns
        self.owner[key] = owner


def take(db: Connection, runs: Sequence[str]) -> Picture:
    """The rows of these runs: themselves, what they read and wrote, and the edges between."""
    found = Picture()
    ids: dict[int, str] = {}
    for row in db.execute(_RUNS, {"runs": json.dumps(runs)}):
        ids[row["id"]] = row["uuid"]
        columns = dict(row)
        del columns["id"], columns["uuid"]
        columns["facets"] = _registers(found, row["uuid"], row["facets"])
        found.put(_owner(("run", row["uuid"])), "run", row["uuid"], **columns)
    given = _ids(ids)
    readings = db.execute(_READINGS, given).fetchall()
    outputs = db.execute(_OUTPUTS, given).fetchall()
    products = [nodes.product(row["id"]) for row in db.execute(_PRODUCTS, given)]
    snapshots = [row["node"] for row in readings if row["node"] % 4 == nodes.SNAPSHOT]
    edges = _edges(db, [*map(nodes.run, ids), *products, *snapshots])
    segments = [parent for _, parent in edges if parent % 4 == nodes.SEGMENT]
    edges += _edges(db, segments)
    ends = (node for edge in edges for node in edge)
    names = _names(db, {*products, *snapshots, *ends, *(row["node"] for row in readings)})
    _put_snapshots(db, found, snapshots, segments)
    _put_versions(db, found, names, [row["version"] for row in outputs])
    for node in products:
        if node in names:
            found.put(_owner(names[node]), *names[node])
    for row in readings:
        if row["node"] in names:
            run = ids[row["run"]]
            facets = _registers(found, run, row["facets"])
            found.put(
                _owner(("run", run)),
                "reading",
                run,
                row["argument"],
                *names[row["node"]],
                facets=facets,
            )
    _put_outputs(db, found, ids, outputs)
    for child, parent in edges:
        if child in names and parent in names:
            key = (str(len(names[child])), *names[child], *names[parent])
            found.put(_owner(names[child]), "edge", *key)
    return found


def _put_snapshots(
    db: Connection, found: Picture, snapshots: Iterable[int], segments: Iterable[int]
) -> None:
    for table, query, wanted in (
        ("snapshot", _SNAPSHOTS, snapshots),
        ("segment", _SEGMENTS, segments),
    ):
        for row in db.execute(query, _ids(node // 4 for node in wanted)):
            key = (table, *row[1:4])
            found.put(_owner(key), *key, **dict(zip(row.keys()[4:], row[4:], strict=True)))


def _put_versions(
    db: Connection, found: Picture, names: Mapping[int, Key], written: Iterable[int]
) -> None:
    products = [node // 4 for node in names if node % 4 == nodes.PRODUCT]
    read = (row["version"] for row in db.execute(_PRODUCT_VERSIONS, _ids(products)))
    for row in db.execute(_VERSIONS, _ids({*read, *written})):
        key = ("version", row["namespace"], row["name"], row["partition"], row["digest"])
        found.put(_owner(key), *key, **{column: row[column] for column in DESCRIBED})


def _put_outputs(
    db: Connection, found: Picture, ids: Mapping[int, str], outputs: Sequence[Row]
) -> None:
    wanted = _ids({row["version"] for row in outputs})
    versions = {row["id"]: tuple(row[1:5]) for row in db.execute(_VERSIONS, wanted)}
    for row in outputs:
        if row["version"] in versions:
            run = ids[row["run"]]
            facets = _registers(found, run, row["facets"])
            found.put(_owner(("run", run)), "output", run, *versions[row["version"]], facets=facets)


def ends_of(edge: Key) -> tuple[Key, Key]:
    """The child's and the parent's key."""
    at = 2 + int(edge[1])
    return edge[2:at], edge[at:]


def run_of(key: Key) -> str:
    """The run whose events tell of a row; empty if any run's may."""
    if key[0] == "edge":
        return run_of(ends_of(key)[0])
    if key[0] in ("run", "reading", "output"):
        return key[1]
    return key[-1] if key[0] == "product" else ""


def _owner(key: Key) -> str:
    """A run, or a dataset."""
    if run := run_of(key):
        return f"run {run[:13]}"
    place = f"[{key[3]}]" if key[0] in ("product", "version") and key[3] else ""
    return f"{queries.dataset_name(key[1], key[2])}{place}"


def label(key: Key) -> str:
    """A row as people read it."""
    table = key[0]
    if table == "edge":
        child, parent = ends_of(key)
        return f"edge from {label(child)} to {label(parent)}"
    if table == "reading":
        return f"reading of {label(key[3:])} as {key[2]!r}"
    if table == "run":
        return f"run {key[1][:13]}"
    if table in ("snapshot", "segment"):
        return f"{table} {queries.dataset_name(key[1], key[2])} {key[3][:15]}"
    start = 2 if table == "output" else 1
    namespace, name, partition, digest = key[start : start + 4]
    place = f"[{partition}]" if partition else ""
    return f"{table} {queries.dataset_name(namespace, name)}{place} {digest[:15]}"


def _ids(values: Iterable[int]) -> dict[str, str]:
    return {"ids": json.dumps([*values])}


def _names(db: Connection, wanted: Iterable[int]) -> dict[int, Key]:
    """Nodes by what they are known by in any store; without those that lead nowhere."""
    found: dict[int, Key] = {}
    wanted = set(wanted)
    for kind, query in _NAMES.items():
        ids = [node // 4 for node in wanted if node % 4 == kind]
        for row in db.execute(query, _ids(ids)) if ids else ():
            found[row[0] * 4 + kind] = tuple(row[1:])
    return found


def _edges(db: Connection, children: Iterable[int]) -> list[tuple[int, int]]:
    return [(row["child"], row["parent"]) for row in db.execute(_EDGES, _ids(children))]


def _registers(found: Picture, run: str, text: str) -> Any:
    try:
        said = registers.read(text)
        for stamp, _ in said.values():
            if not stamp.startswith("-"):  # said by this run itself, not by one that names it
                found.stamps[stamp.rpartition("|")[2]] = run
    except (ValueError, TypeError, AttributeError):
        return text  # no registers at all: it differs from what the events say
    return said
