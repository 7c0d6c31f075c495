"""How one thing came to stand on another: a shortest chain between them."""

from __future__ import annotations

import dataclasses
import heapq

from .answer import Node, Path
from .connection import Connection
from .names import model_key
from .reach import models
from .store import Store
from .subject import Subject, Thing, bounded, find, time
from .walk import Walk


def path(store: Store, a: Thing, b: Thing, *, as_of: str | None = None) -> Path:
    """A shortest chain from `a` to `b`: the fewest runs, then the fewest nodes.

    It is searched both ways; of a dataset, a partition or a job anything there ever was will
    do. Of several chains the one whose keys sort first is given. Where there is none,
    `direction` is null, and `truncated` says whether one may be hidden in what is not known.

    Args:
        store: the lineage store.
        a: see `begat.lineage.graph.subject`.
        b: as `a`.
        as_of: ISO 8601 event time: the graph as it was then.

    Raises:
        RefError: a reference names nothing, or more than one thing.
        ParameterError: `as_of` is no time.
        StoreError: the store failed.
    """
    at = time(as_of)
    reasons: set[str] = set()
    with store.read() as db:
        ends = [find(db, one, "up", at, every=True) for one in (a, b)]
        for direction in ("up", "down"):
            upper, lower = ends if direction == "up" else ends[::-1]
            chain = _Chain(db, upper, lower, at)
            if found := chain.nodes():
                return Path(
                    a=ends[0].asked,
                    b=ends[1].asked,
                    direction=direction,
                    nodes=tuple(found if direction == "up" else reversed(found)),
                )
            reasons |= chain.walk.reasons
    return Path(a=ends[0].asked, b=ends[1].asked, reasons=tuple(sorted(reasons)))


class _Chain:
    """The way from something up to what it stands on."""

    def __init__(self, db: Connection, start: Subject, end: Subject, as_of: str) -> None:
        self._db = db
        self._start = start
        self._end = end
        self.walk = Walk(db, "up", start.start, bounded(db, (), as_of, None))
        self._nodes: dict[str, int] = {}

    def nodes(self) -> list[Node]:
        """The chain, its start first; empty if there is none."""
        targets = set() if self._end.model else set(self._end.start)
        goals = {model_key(*self._end.model)} if self._end.model else set()
        for level in self.walk.levels():
            for node in level:
                if (key := self.walk.names[node]) is not None:
                    self._nodes.setdefault(key, node)
            if found := targets.intersection(level):
                goals |= {key for node in found if (key := self.walk.names[node])}
                break
        keys = self._search(goals)
        found_nodes = self.walk.names.describe(
            {self._nodes[key]: at for at, key in enumerate(keys) if key in self._nodes}
        )
        if self._start.model:
            found_nodes |= models(self._db, {self._start.model: 0})
        return [dataclasses.replace(found_nodes[key], depth=at) for at, key in enumerate(keys)]

    def _search(self, goals: set[str]) -> list[str]:
        """Keys from the start to the nearest goal."""
        first = model_key(*self._start.model) if self._start.model else ""
        ahead: list[tuple[int, int, str, str]] = [(0, 0, first, "")] if first else []
        if not first:
            starts = {self.walk.names[node] for node in self._start.start}
            ahead = [(0, 0, key, "") for key in starts if key in self._nodes]
        heapq.heapify(ahead)
        came: dict[str, str] = {}
        while ahead:
            runs, hops, key, before = heapq.heappop(ahead)
            if key in came:
                continue
            came[key] = before
            if key in goals:
                return _chain(came, key)
            for other, more in self._onward(key, first):
                if other in self._nodes and other not in came:
                    heapq.heappush(ahead, (runs + more, hops + 1, other, key))
        return []

    def _onward(self, key: str, model: str) -> set[tuple[str, int]]:
        if key == model:
            return {(found, 1) for node in self._start.start if (found := self.walk.names[node])}
        return {(step.key, step.runs) for step in self.walk.linked(self._nodes[key])}


def _chain(came: dict[str, str], key: str) -> list[str]:
    keys = [key]
    while came[keys[-1]]:
        keys.append(came[keys[-1]])
    return keys[::-1]
