"""The tables of the graph by natural keys: what they say, without the integers they say it by.

Every query is in one order, by code points, whatever database answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import nodes
from .connection import Connection, stream

_KINDS = {nodes.RUN: "run", nodes.PRODUCT: "product", nodes.SNAPSHOT: "snapshot"}
_KINDS |= {nodes.SEGMENT: "segment"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A table of the graph: its name, its columns, and how many of these are its key."""

    table: str
    columns: tuple[str, ...]
    key: int
    query: str = ""

    def read(self, db: Connection) -> Iterator[list[Any]]:
        """Its rows, in the order of their keys."""
        if self.table == "edge":
            return _edges(db)
        if self.table == "reading":
            return _readings(db)
        return ([*row] for row in stream(db, f"{self.query} {_by(self.key)}"))

    def order(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Where a row stands among those of its table: rows that have the same are the same."""
        if self.table == "edge":
            (child, *own), (parent, *above) = row
            return child, parent, *map(_sortable, own + above)
        if self.table == "reading":
            run, (kind, *names), argument, _ = row
            return kind, *map(_sortable, [run, *names, argument])
        return tuple(map(_sortable, row[: self.key]))


def _plain(table: str, columns: str, key: int, query: str) -> Rows:
    return Rows(table=table, columns=tuple(columns.split()), key=key, query=query)


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, value


def _by(columns: int) -> str:
    ordered = ", ".join(f"{number + 1} NULLS FIRST" for number in range(columns))
    return f"ORDER BY {ordered}"


# The snapshot of a binding is called by its run's row, which is another one in each store.
_ROOT = """CASE WHEN {0}b.snapshot IS NULL THEN {0}s.lineage_root
    ELSE 'run:' || {0}r.uuid || '/' || {0}b.partition || '/' || {0}b.digest END"""
#: By kind of a node: its natural key, and the tables this is in. {0} begins every alias,
#: {1} is the node. What a node points to may be missing; then its names are NULL.
_NODES = {
    nodes.RUN: (("{0}r.uuid",), "LEFT JOIN run {0}r ON {0}r.id = {1} / 4"),
    nodes.PRODUCT: (
        ("{0}d.namespace", "{0}d.name", "{0}v.partition", "{0}v.digest", "COALESCE({0}r.uuid, '')"),
        """LEFT JOIN product {0}p ON {0}p.id = {1} / 4
        LEFT JOIN version {0}v ON {0}v.id = {0}p.version
        LEFT JOIN dataset {0}d ON {0}d.id = {0}v.dataset
        LEFT JOIN run {0}r ON {0}r.id = {0}p.run""",
    ),
    nodes.SNAPSHOT: (
        ("{0}d.namespace", "{0}d.name", _ROOT),
        """LEFT JOIN snapshot {0}s ON {0}s.id = {1} / 4
        LEFT JOIN dataset {0}d ON {0}d.id = {0}s.dataset
        LEFT JOIN binding {0}b ON {0}b.snapshot = {0}s.id
        LEFT JOIN run {0}r ON {0}r.id = {0}b.run""",
    ),
    nodes.SEGMENT: (
        ("{0}d.namespace", "{0}d.name", "{0}s.chunk"),
        """LEFT JOIN segment {0}s ON {0}s.id = {1} / 4
        LEFT JOIN dataset {0}d ON {0}d.id = {0}s.dataset""",
    ),
}

#: The projection. A trait is here with the runs that have it, or that have a set it is in, and
#: the snapshot that only one reading has is here as its binding.
TABLES = (
    _plain("job", "namespace name facets", 2, "SELECT namespace, name, facets FROM job"),
    _plain("dataset", "namespace name facets", 2, "SELECT namespace, name, facets FROM dataset"),
    _plain(
        "symlink",
        "namespace name other_namespace other_name",
        4,
        """SELECT d.namespace, d.name, o.namespace, o.name FROM symlink s
        LEFT JOIN dataset d ON d.id = s.dataset LEFT JOIN dataset o ON o.id = s.other""",
    ),
    _plain(
        "declared",
        "job_namespace job_name namespace name written",
        5,
        """SELECT j.namespace, j.name, d.namespace, d.name, c.written FROM declared c
        LEFT JOIN job j ON j.id = c.job LEFT JOIN dataset d ON d.id = c.dataset""",
    ),
    _plain(
        "run",
        "uuid job_namespace job_name parent root kind state started_at ended_at attempt recipe "
        "reusable recorded result reuse_of last_start first_end executions facets",
        1,
        """SELECT r.uuid, j.namespace, j.name, p.uuid, t.uuid, r.kind, r.state, r.started_at,
            r.ended_at, r.attempt, r.recipe, r.reusable, r.recorded, r.result, u.uuid,
            r.last_start, r.first_end, r.executions, r.facets
        FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
        LEFT JOIN run t ON t.id = r.root LEFT JOIN run u ON u.id = r.reuse_of""",
    ),
    _plain(
        "run_trait",
        "run kind value",
        3,
        """SELECT r.uuid, t.kind, t.value FROM run_trait x
        LEFT JOIN run r ON r.id = x.run LEFT JOIN trait t ON t.id = x.trait""",
    ),
    _plain(
        "trait_part",
        "kind value whole_kind whole_value",
        4,
        """SELECT p.kind, p.value, w.kind, w.value FROM trait_part x
        LEFT JOIN trait p ON p.id = x.part LEFT JOIN trait w ON w.id = x.whole
        WHERE EXISTS (SELECT 1 FROM run_trait u WHERE u.trait = x.whole)""",
    ),
    _plain(
        "version",
        "namespace name partition digest size rows format kind",
        4,
        """SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, v.kind
        FROM version v LEFT JOIN dataset d ON d.id = v.dataset""",
    ),
    _plain(
        "product",
        "namespace name partition digest run",
        5,
        """SELECT d.namespace, d.name, v.partition, v.digest, COALESCE(r.uuid, '')
        FROM product p LEFT JOIN version v ON v.id = p.version
        LEFT JOIN dataset d ON d.id = v.dataset LEFT JOIN run r ON r.id = p.run""",
    ),
    _plain(
        "current",
        "namespace name partition since version_namespace version_name version_partition digest "
        "producer run",
        10,
        """SELECT d.namespace, d.name, c.partition, c.since, vd.namespace, vd.name, v.partition,
            v.digest, m.uuid, COALESCE(r.uuid, '')
        FROM current c LEFT JOIN dataset d ON d.id = c.dataset LEFT JOIN run r ON r.id = c.run
        LEFT JOIN product p ON p.id = c.product LEFT JOIN version v ON v.id = p.version
        LEFT JOIN dataset vd ON vd.id = v.dataset LEFT JOIN run m ON m.id = p.run""",
    ),
    _plain(
        "output",
        "run namespace name partition digest facets",
        5,
        """SELECT r.uuid, d.namespace, d.name, v.partition, v.digest, o.facets FROM output o
        LEFT JOIN run r ON r.id = o.run LEFT JOIN version v ON v.id = o.version
        LEFT JOIN dataset d ON d.id = v.dataset""",
    ),
    _plain(
        "snapshot",
        "namespace name lineage_root content_root partitions known",
        3,
        """SELECT d.namespace, d.name, s.lineage_root, s.content_root, s.partitions, s.known
        FROM snapshot s LEFT JOIN dataset d ON d.id = s.dataset
        WHERE NOT EXISTS (SELECT 1 FROM binding b WHERE b.snapshot = s.id)""",
    ),
    _plain(
        "segment",
        "namespace name chunk known",
        3,
        """SELECT d.namespace, d.name, s.chunk, s.known FROM segment s
        LEFT JOIN dataset d ON d.id = s.dataset""",
    ),
    _plain(
        "binding",
        "run namespace name partition digest at",
        5,
        """SELECT r.uuid, d.namespace, d.name, b.partition, b.digest, b.at FROM binding b
        LEFT JOIN run r ON r.id = b.run LEFT JOIN dataset d ON d.id = b.dataset""",
    ),
    _plain(
        "derived",
        "run namespace name read_namespace read_name read_run",
        6,
        """SELECT r.uuid, w.namespace, w.name, d.namespace, d.name, s.uuid FROM derived x
        LEFT JOIN run r ON r.id = x.run LEFT JOIN dataset w ON w.id = x.written
        LEFT JOIN dataset d ON d.id = x.read LEFT JOIN run s ON s.id = -x.read""",
    ),
    Rows(table="edge", columns=("child", "parent"), key=2),
    Rows(table="reading", columns=("run", "node", "argument", "facets"), key=3),
)


def _edges(db: Connection) -> Iterator[list[Any]]:
    """Kind by kind: then each kind's names are found by the ids of its own tables."""
    kinds = db.execute("SELECT DISTINCT child % 4, parent % 4 FROM edge").fetchall()
    for child, parent in sorted(kinds, key=lambda pair: [_KINDS[kind] for kind in pair]):
        own, above = _names(child, "c"), _names(parent, "p")
        query = f"""
        SELECT {", ".join(own + above)} FROM edge e
        {_joins(child, "c", "e.child")} {_joins(parent, "p", "e.parent")}
        WHERE e.child % 4 = {child} AND e.parent % 4 = {parent} {_by(len(own) + len(above))}
        """
        for row in stream(db, query):
            names = [*row]
            yield [
                [_KINDS[child], *names[: len(own)]],
                [_KINDS[parent], *names[len(own) :]],
            ]


def _readings(db: Connection) -> Iterator[list[Any]]:
    kinds = db.execute("SELECT DISTINCT node % 4 FROM reading").fetchall()
    for (kind,) in sorted(kinds, key=lambda found: _KINDS[found[0]]):
        names = _names(kind, "n")
        query = f"""
        SELECT run.uuid, {", ".join(names)}, g.argument, g.facets FROM reading g
        LEFT JOIN run ON run.id = g.run {_joins(kind, "n", "g.node")}
        WHERE g.node % 4 = {kind} {_by(len(names) + 2)}
        """
        for row in stream(db, query):
            run, *node, argument, facets = row
            yield [run, [_KINDS[kind], *node], argument, facets]


def _names(kind: int, alias: str) -> list[str]:
    return [name.format(alias) for name in _NODES[kind][0]]


def _joins(kind: int, alias: str, node: str) -> str:
    return _NODES[kind][1].format(alias, node)
