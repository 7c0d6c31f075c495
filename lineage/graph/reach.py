"""What something stands on, and what stands on it: `upstream`, `downstream`."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable

from ..errors import ParameterError
from . import columns, names, queries
from .answer import LIMIT, Edge, Lineage, Node, limited
from .connection import Connection
from .nearby import Way
from .store import Store
from .subject import Subject, Thing, bounded, cursor, find, time
from .walk import Walk

#: Edges of a page, unless its first node has more of them.
EDGES = 100_000

_MODELS = """
SELECT m.* FROM model_version m
WHERE m.model IN (SELECT value FROM json_each(:models)) ORDER BY m.model, m.version
"""


def upstream(
    store: Store,
    ref: Thing,
    *,
    depth: int | None = None,
    stop_at: str | Iterable[str] = (),
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Lineage:
    """What something stands on: runs and dataset versions, the nearest first.

    Args:
        store: the lineage store.
        ref: see `begat.lineage.graph.subject`.
        depth: how many runs away; all if not given.
        stop_at: names of datasets and jobs that are shown and not passed, or one name.
        as_of: ISO 8601 event time: the graph as it was then.
        limit: nodes on a page, at most 10,000.
        after: `next` of the page before.

    Raises:
        RefError: `ref` or an entry of `stop_at` names nothing, or more than one thing.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    return _reach(store, "up", ref, depth, stop_at, as_of, limit, after)


def downstream(
    store: Store,
    ref: Thing,
    *,
    depth: int | None = None,
    stop_at: str | Iterable[str] = (),
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Lineage:
    """What stands on something: runs, dataset versions and model versions, the nearest first.

    Args:
        store: the lineage store.
        ref: see `begat.lineage.graph.subject`.
        depth: how many runs away; all if not given.
        stop_at: names of datasets and jobs that are shown and not passed, or one name.
        as_of: ISO 8601 event time: the graph as it was then.
        limit: nodes on a page, at most 10,000.
        after: `next` of the page before.

    Raises:
        RefError: `ref` or an entry of `stop_at` names nothing, or more than one thing.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    return _reach(store, "down", ref, depth, stop_at, as_of, limit, after)


def _reach(
    store: Store,
    way: Way,
    ref: Thing,
    depth: int | None,
    stop_at: str | Iterable[str],
    as_of: str | None,
    limit: int,
    after: str | None,
) -> Lineage:
    if depth is not None and depth < 0:
        raise ParameterError(f"depth counts runs, 0 or more; got {depth}")
    at, limit, position = time(as_of), limited(limit), cursor(after)
    with store.read() as db:
        subject = find(db, ref, way, at)
        bounds = bounded(db, [stop_at] if isinstance(stop_at, str) else stop_at, at, depth)
        if subject.column:
            return columns.trace(db, way, subject, bounds, limit, position)
        walk = Walk(db, way, subject.start, bounds)
        return _Pages(db, walk, subject).page(limit, position)


class _Pages:
    """A walk, cut into pages."""

    def __init__(self, db: Connection, walk: Walk, subject: Subject) -> None:
        self._db = db
        self._walk = walk
        self._subject = subject
        #: Nodes by depth and key; a key may be that of several.
        self._rows: list[tuple[int, str]] = []
        self._nodes: dict[str, list[int]] = {}
        self._models: dict[str, tuple[str, int]] = {}
        #: Keys of the runs that a model version stands on.
        self._runs: dict[str, set[str]] = {}
        self._depth: dict[str, int] = {}

    def page(self, limit: int, position: tuple[int, str]) -> Lineage:
        whole = self._gather(limit, position)
        begin = bisect_right(self._rows, position)
        rows: list[tuple[int, str]] = []
        edges: set[Edge] = set()
        for row in self._rows[begin : begin + limit]:
            new = self._edges(*row)
            if rows and len(edges) + len(new) > EDGES:
                break
            edges |= new
            rows.append(row)
        more = begin + len(rows) < len(self._rows) or not whole
        reasons = self._walk.reasons | ({"page"} if more or begin else set())
        described = self._described(rows)
        return Lineage(
            asked=self._subject.asked,
            nodes=tuple(described[key] for _, key in rows),
            edges=tuple(sorted(edges, key=lambda edge: (edge.child, edge.parent))),
            reasons=tuple(sorted(reasons)),
            next=f"{rows[-1][0]} {rows[-1][1]}" if more and rows else None,
        )

    def _gather(self, limit: int, position: tuple[int, str]) -> bool:
        """Walk until the page is full."""
        if self._subject.model:
            self._add(0, set(), {self._subject.model: set()})
        for level in self._walk.levels():
            if self._is_full(limit, position):
                return False
            if level:
                new: set[str] = set()
                for node in level:
                    if (key := self._walk.names[node]) is not None:
                        new.add(key)
                        self._nodes.setdefault(key, []).append(node)
                self._add(self._walk.depth[level[0]], new, self._walk.models_at(level))
        return True

    def _add(self, depth: int, new: set[str], models: dict[tuple[str, int], set[str]]) -> None:
        for model, runs in models.items():
            key = names.model_key(*model)
            self._models[key] = model
            self._runs.setdefault(key, set()).update(runs)
            new.add(key)
        found = new - self._depth.keys()
        self._depth.update(dict.fromkeys(found, depth))
        self._rows += sorted((depth, key) for key in found)

    def _is_full(self, limit: int, position: tuple[int, str]) -> bool:
        return len(self._rows) - bisect_right(self._rows, position) > limit

    def _edges(self, depth: int, key: str) -> set[Edge]:
        """Edges between a node and those before it."""
        there: set[str] = set()
        back: set[str] = set(self._runs.get(key, ()))
        for node in self._nodes.get(key, ()):
            there |= {step.key for step in self._walk.linked(node, within=depth)}
            back |= {step.key for step in self._walk.linked(node, back=True, within=depth)}
            there |= self._walk.models_of(node)
            if self._subject.model and self._walk.way == "up" and self._walk.is_start(node):
                back.add(names.model_key(*self._subject.model))
        return {
            Edge(child=child, parent=parent)
            for others, onward in ((there, True), (back, False))
            for other in others
            if (self._depth.get(other, depth + 1), other) < (depth, key)
            for child, parent in [
                (key, other) if onward == (self._walk.way == "up") else (other, key)
            ]
        }

    def _described(self, rows: list[tuple[int, str]]) -> dict[str, Node]:
        wanted = {self._nodes[key][0]: depth for depth, key in rows if key not in self._models}
        found = self._walk.names.describe(wanted)
        depths = {self._models[key]: depth for depth, key in rows if key in self._models}
        return found | models(self._db, depths)


def models(db: Connection, depths: dict[tuple[str, int], int]) -> dict[str, Node]:
    """Model versions by key."""
    if not depths:
        return {}
    named = queries.aliases(db)
    rows = db.execute(_MODELS, {"models": json.dumps(sorted({model for model, _ in depths}))})
    found: dict[str, Node] = {}
    for row in rows:
        one = (row["model"], row["version"])
        if one in depths:
            found[names.model_key(*one)] = names.model_node(row, named.get(one, ()), depths[one])
    return found
