"""Columns: which a column was made from, and which were made from it.

What is said of an output counts in this order: its `lineage` facet, else `columnLineage`,
else it may be made of all that its run read. `*` stands for all columns of a dataset
together: where nothing more exact is said, and where a facet speaks of whole datasets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import RefError
from . import nodes, present, queries, resolve
from .answer import ColumnNode, Edge, Lineage
from .connection import Connection
from .names import version_key
from .nearby import Bounds, Way
from .subject import Subject
from .walk import gaps

#: All columns of a dataset together.
ANY = "*"

_IDS = "(SELECT CAST(value AS BIGINT) FROM json_each(:ids))"
_PRODUCTS = f"""
SELECT p.id * 4 + {nodes.PRODUCT} AS node, p.run, v.dataset, v.partition, v.digest,
    d.namespace, d.name, r.uuid, r.job, r.ended_at
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run WHERE p.id IN {_IDS}
"""
# A dataset that a run read, and of which no version is known.
_UNKNOWN = f"""
SELECT b.snapshot * 4 + {nodes.SNAPSHOT} AS node, 0 AS run, b.dataset, b.partition, '' AS digest,
    d.namespace, d.name, NULL AS uuid, NULL AS job, NULL AS ended_at
FROM binding b JOIN dataset d ON d.id = b.dataset WHERE b.snapshot IN {_IDS}
"""
_OUTPUTS = f"""
SELECT p.id * 4 + {nodes.PRODUCT} AS node, p.run, o.facets, r.facets AS said FROM product p
JOIN output o ON o.run = p.run AND o.version = p.version JOIN run r ON r.id = p.run
WHERE p.run IN {_IDS}
"""
_READ = f"""
WITH RECURSIVE held(run, node) AS (
    SELECT child / 4, parent FROM edge
    WHERE child IN (SELECT CAST(value AS BIGINT) * 4 FROM json_each(:ids))
    UNION SELECT held.run, e.parent FROM held JOIN edge e ON e.child = held.node
    WHERE held.node % 4 IN ({nodes.SNAPSHOT}, {nodes.SEGMENT})
)
SELECT run, node FROM held WHERE node % 4 = {nodes.PRODUCT} OR (
    node % 4 = {nodes.SNAPSHOT}
    AND EXISTS (SELECT 1 FROM binding b WHERE b.snapshot = held.node / 4)
    AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.child = held.node)
)
"""
_READERS = f"""
WITH RECURSIVE held(node) AS (
    SELECT CAST(value AS BIGINT) FROM json_each(:ids)
    UNION SELECT e.child FROM held JOIN edge e ON e.parent = held.node
    WHERE held.node % 4 != {nodes.RUN} AND e.child % 4 != {nodes.PRODUCT}
)
SELECT DISTINCT node / 4 FROM held WHERE node % 4 = {nodes.RUN}
"""
# What was said of these versions when they were written, and by some who read them.
_SPOKEN = f"""
SELECT o.facets FROM product p JOIN output o ON o.run = p.run AND o.version = p.version
WHERE p.id IN (
    SELECT CAST(value AS BIGINT) / 4 FROM json_each(:nodes)
    WHERE CAST(value AS BIGINT) % 4 = {nodes.PRODUCT}
)
UNION SELECT * FROM (
    SELECT facets FROM reading
    WHERE node IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes)) LIMIT 100
) AS some_readings
"""
_DATASETS = "SELECT id FROM dataset WHERE namespace = :namespace AND name = :name"


class Column(NamedTuple):
    """A column of a product, or of a dataset of which no version is known."""

    node: int
    name: str


class _Said(NamedTuple):
    """What is said of an output: by which facet, and what each of its columns is made of."""

    by: str
    #: By column: ids of datasets, and their columns.
    sources: Mapping[str, tuple[tuple[int, str], ...]]


def trace(
    db: Connection,
    way: Way,
    subject: Subject,
    bounds: Bounds,
    limit: int,
    position: tuple[int, str],
) -> Lineage:
    """Columns by depth and key, and which stands on which; see `reach`.

    Raises:
        RefError: schemas are known, and none has such a column.
    """
    _check(db, subject)
    walk = _Columns(db, way, bounds)
    walk.go({Column(node, subject.column) for node in subject.start})
    by_key: dict[str, Column] = {}
    for one in sorted(walk.depth, key=walk.depth.__getitem__):
        by_key.setdefault(walk.key(one), one)
    rows = sorted((walk.depth[one], key) for key, one in by_key.items())
    ahead = [row for row in rows if row > position]
    page = ahead[:limit]
    reasons = walk.reasons | ({"page"} if len(page) < len(rows) else set())
    place = {key: row for row in rows for key in (row[1],)}
    begin, end = (page[0], page[-1]) if page else ((0, ""), (-1, ""))
    edges = {
        edge
        for (child, parent), by in walk.edges.items()
        for edge in (Edge(child=walk.key(child), parent=walk.key(parent), by=by),)
        if begin <= max(place[edge.child], place[edge.parent]) <= end
    }
    return Lineage(
        asked=subject.asked,
        nodes=tuple(walk.node(by_key[key]) for _, key in page),
        edges=tuple(sorted(edges, key=lambda edge: (edge.child, edge.parent))),
        reasons=tuple(sorted(reasons)),
        next=f"{page[-1][0]} {page[-1][1]}" if len(page) < len(ahead) else None,
    )


class _Columns:
    """A walk from column to column, all of a level at once."""

    def __init__(self, db: Connection, way: Way, bounds: Bounds) -> None:
        self._db = db
        self._way = way
        self._bounds = bounds
        self._places: dict[int, Any] = {}
        self._said: dict[int, _Said | None] = {}
        self._read: dict[int, dict[int, list[int]]] = {}
        self._made: dict[int, list[int]] = {}
        self._families: dict[tuple[str, str], tuple[int, ...]] = {}
        self.depth: dict[Column, int] = {}
        self.edges: dict[tuple[Column, Column], str] = {}
        self.reasons: set[str] = set()

    def go(self, start: set[Column]) -> None:
        """Walk as far as the bounds allow."""
        self._learn(one.node for one in start)
        level, depth = start, 0
        self.depth.update(dict.fromkeys(start, 0))
        while level:
            passed = {one for one in level if depth == 0 or not self._stops(one)}
            pairs = {
                (one, other): by
                for one, other, by in self._steps(passed)
                if not self._is_later(other)
            }
            ahead = {other for _, other in pairs} - self.depth.keys()
            if self._bounds.depth is not None and depth >= self._bounds.depth:
                if ahead:
                    self.reasons.add("depth")
                pairs = {pair: by for pair, by in pairs.items() if pair[1] in self.depth}
                ahead = set()
            for (one, other), by in pairs.items():
                self.edges[(one, other) if self._way == "up" else (other, one)] = by
            depth += 1
            self.depth.update(dict.fromkeys(ahead, depth))
            level = ahead
        self._look_beyond_stops()
        reached = {one.node for one in self.depth}
        makers = {nodes.run(run) for one in self.depth if (run := self._row(one)["run"])}
        self.reasons |= gaps(self._db, sorted(reached | makers), self._way)

    def key(self, one: Column) -> str:
        """The key of a column: its version's, and its name."""
        return f"column:{version_key(self._row(one)).removeprefix('version:')}#{one.name}"

    def node(self, one: Column) -> ColumnNode:
        """A column as answers show it."""
        row = self._row(one)
        return ColumnNode(
            key=self.key(one),
            depth=self.depth[one],
            dataset=queries.dataset_name(row["namespace"], row["name"]),
            partition=row["partition"],
            digest=row["digest"],
            producer=row["uuid"],
            column=one.name,
        )

    def _steps(self, level: Iterable[Column]) -> Iterator[tuple[Column, Column, str]]:
        level = sorted(level)
        if self._way == "up":
            runs = {row["run"] for one in level if (row := self._row(one))["run"]}
            self._learn_runs(runs)
            for one in level:
                for other, by in self._sources(one):
                    yield one, other, by
            return
        given = {"ids": json.dumps([one.node for one in level])}
        runs = {run for (run,) in self._db.execute(_READERS, given)}
        self._learn_runs(runs)
        wanted: dict[int, set[str]] = {}
        for one in level:
            wanted.setdefault(one.node, set()).add(one.name)
        for run in sorted(runs):
            for made in self._made[run]:
                for name in self._columns(made):
                    child = Column(made, name)
                    for source, by in self._sources(child):
                        for asked in sorted(wanted.get(source.node, ())):
                            if ANY in (asked, source.name) or asked == source.name:
                                yield Column(source.node, asked), child, by

    def _columns(self, node: int) -> list[str]:
        said = self._said.get(node)
        return sorted(said.sources) if said else [ANY]

    def _sources(self, one: Column) -> Iterator[tuple[Column, str]]:
        """Which columns one was made from."""
        run = self._row(one)["run"]
        if not run:
            return
        said, read = self._said.get(one.node), self._read.get(run, {})
        if said is None:
            for found in read.values():
                for node in found:
                    yield Column(node, ANY), "all"
            return
        # What a facet says of whole datasets is true of each column.
        names = said.sources if one.name == ANY else (one.name, ANY)
        for name in names:
            for dataset, source in said.sources.get(name, ()):
                for node in read.get(dataset, ()):
                    yield Column(node, source), said.by

    def _learn_runs(self, runs: Iterable[int]) -> None:
        new = sorted(run for run in runs if run not in self._read)
        if not new:
            return
        given = {"ids": json.dumps(new)}
        self._read.update((run, {}) for run in new)
        self._made.update((run, []) for run in new)
        pairs = self._db.execute(_READ, given).fetchall()
        outputs = self._db.execute(_OUTPUTS, given).fetchall()
        self._learn([node for _, node in pairs] + [row["node"] for row in outputs])
        for run, node in pairs:
            self._read[run].setdefault(self._places[node]["dataset"], []).append(node)
        for row in outputs:
            self._made[row["run"]].append(row["node"])
            self._said[row["node"]] = self._speech(row)

    def _learn(self, some: Iterable[int]) -> None:
        new = sorted({one for one in some if one not in self._places})
        for kind, query in ((nodes.PRODUCT, _PRODUCTS), (nodes.SNAPSHOT, _UNKNOWN)):
            if ids := [one // 4 for one in new if one % 4 == kind]:
                rows = self._db.execute(query, {"ids": json.dumps(ids)})
                self._places.update((row["node"], row) for row in rows)

    def _row(self, one: Column) -> Any:
        return self._places[one.node]

    def _speech(self, row: Any) -> _Said | None:
        """What facets say of an output."""
        own = queries.facets_of(row)
        of_run = json.loads(row["said"]).get("job.lineage", [None, None])[1]
        place = self._places[row["node"]]
        entries = [
            entry
            for entry in _list(of_run, "entries")
            if (entry.get("namespace"), entry.get("name")) == (place["namespace"], place["name"])
        ]
        if isinstance(facet := own.get("lineage"), Mapping):
            entries.append(facet)
        if entries:
            return self._lineage(entries)
        columns = own.get("columnLineage")
        if not isinstance(columns, Mapping):
            return None
        found = {
            column: self._named(_list(said, "inputFields"))
            for column, said in _mapping(columns, "fields").items()
        }
        if whole := self._named(_list(columns, "dataset")):
            found[ANY] = whole  # a filter or a join, which each column depends upon
        return _Said("columnLineage", found) if found else None

    def _lineage(self, entries: Iterable[Mapping[str, Any]]) -> _Said:
        found: dict[str, tuple[tuple[int, str], ...]] = {}
        for entry in entries:
            if "inputs" in entry:
                found[ANY] = found.get(ANY, ()) + self._named(_list(entry, "inputs"))
            for column, said in _mapping(entry, "fields").items():
                found[column] = found.get(column, ()) + self._named(_list(said, "inputs"))
        return _Said("lineage", found)

    def _named(self, sources: Iterable[Mapping[str, Any]]) -> tuple[tuple[int, str], ...]:
        return tuple(
            (dataset, str(source.get("field") or ANY))
            for source in sources
            if source.get("type", "DATASET") == "DATASET"
            for dataset in self._family(str(source.get("namespace")), str(source.get("name")))
        )

    def _family(self, namespace: str, name: str) -> tuple[int, ...]:
        key = (namespace, name)
        if key not in self._families:
            row = self._db.execute(_DATASETS, {"namespace": namespace, "name": name}).fetchone()
            self._families[key] = tuple(present.family(self._db, row[0])) if row else ()
        return self._families[key]

    def _is_later(self, one: Column) -> bool:
        ended = self._row(one)["ended_at"]
        return bool(self._bounds.as_of and ended and ended > self._bounds.as_of)

    def _stops(self, one: Column) -> bool:
        row = self._row(one)
        by_job = self._way == "up" and row["job"] in self._bounds.jobs
        return row["dataset"] in self._bounds.datasets or by_job

    def _look_beyond_stops(self) -> None:
        stopped = {one for one, depth in self.depth.items() if depth and self._stops(one)}
        for _, other, _ in self._steps(stopped):
            if other not in self.depth and not self._is_later(other):
                self.reasons.add("stop_at")


def _check(db: Connection, subject: Subject) -> None:
    rows = db.execute(_SPOKEN, {"nodes": json.dumps(sorted(subject.start))})
    columns = {
        str(one.get("name"))
        for row in rows
        for one in _list(queries.facets_of(row).get("schema"), "fields")
    }
    if columns and subject.column not in {ANY, *columns}:
        there = ", ".join(sorted(columns)[: resolve.CANDIDATES])
        raise RefError(f"{subject.asked.name} names no column; there are {there}")


def _mapping(said: Any, key: str) -> Mapping[str, Any]:
    found = said.get(key) if isinstance(said, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(said: Any, key: str) -> list[Mapping[str, Any]]:
    found = said.get(key) if isinstance(said, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
