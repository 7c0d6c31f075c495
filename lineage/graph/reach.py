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
from .walk import Step, Walk

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
    stop_at: Iterable[str] = (),
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Lineage:
    """What something stands on: runs and dataset versions, the nearest first.

    Args:
        store: the lineage store.
        ref: see `begat.lineage.graph.subject`.
        depth: how many runs away; all if not given.
        stop_at: names of datasets and jobs that are shown and not passed.
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
    stop_at: Iterable[str] = (),
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Lineage:
    """What stands on something: runs, dataset versions and model versions, the nearest first.

    Args:
        store: the lineage store.
        ref: see `begat.lineage.graph.subject`.
        depth: how many runs away; all if not given.
        stop_at: names of datasets and jobs that are shown and not passed.
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
    stop_at: Iterable[str],
    as_of: str | None,
    limit: int,
    after: str | None,
) -> Lineage:
    if depth is not None and depth < 0:
        raise ParameterError(f"depth counts runs, 0 or more; got {depth}")
    at, limit, position = time(as_of), limited(limit), cursor(after)
    with store.read() as db:
        subject = find(db, ref, way, at)
        bounds = bounded(db, stop_at, at, depth)
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

    def page(self, limit: int, position: tuple[int, str]) -> Lineage:
        whole = self._gather(limit, position)
        begin = bisect_right(self._rows, position)
        rows: list[tuple[int, str]] = []
        edges: set[Edge] = set()
        for depth, key in self._rows[begin : begin + limit]:
            steps = self._steps(key)
            if rows and len(edges) + len(steps) > EDGES:
                break
            edges |= {self._edge(key, step) for step in steps}
            rows.append((depth, key))
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
        """Walk until the page is full and all that its edges lead to is known."""
        depth = 0
        if self._subject.model:
            key = names.model_key(*self._subject.model)
            self._models[key] = self._subject.model
            self._rows.append((0, key))
        for level in self._walk.levels():
            if self._is_full(limit, position):
                return False
            depth = self._walk.depth[level[0]] if level else depth
            new: set[str] = set()
            for node in level:
                key_of = self._walk.names[node]
                if key_of is not None:
                    if key_of not in self._nodes:
                        new.add(key_of)
                    self._nodes.setdefault(key_of, []).append(node)
            for model in self._walk.models_at(level):
                key = names.model_key(*model)
                if key not in self._models:
                    self._models[key] = model
                    new.add(key)
            self._rows += sorted((depth, key) for key in new)
        return True

    def _is_full(self, limit: int, position: tuple[int, str]) -> bool:
        return len(self._rows) - bisect_right(self._rows, position) > limit

    def _steps(self, key: str) -> set[Step]:
        if key in self._models:
            # Upwards it is the start; downwards nothing leads on from it.
            way_up = self._subject.model == self._models[key] and self._walk.way == "up"
            start = self._walk.depth if way_up else ()
            found = {self._walk.names[node] for node in start if self._walk.is_start(node)}
            return {Step(one, 1) for one in found if one}
        return {step for node in self._nodes[key] for step in self._walk.onward(node)}

    def _edge(self, key: str, step: Step) -> Edge:
        if self._walk.way == "up":
            return Edge(child=key, parent=step.key)
        return Edge(child=step.key, parent=key)

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
