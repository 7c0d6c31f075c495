"""Walking along edges from a start, run by run.

The depth of a node is how many runs lie between it and the start: what a run reads and
writes is as far away as the run itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from . import nodes, sql
from .connection import Connection
from .names import Names, model_key
from .nearby import SIZE, Bounds, Nearby, Way
from .nodes import PRODUCT, RUN

#: Ids of the runs among nodes.
RUN_ROWS = f"""
(SELECT CAST(value AS BIGINT) / 4 FROM json_each(:nodes)
WHERE CAST(value AS BIGINT) % 4 = {nodes.RUN})
"""


class Step(NamedTuple):
    """One edge between nodes that an answer shows."""

    key: str
    #: 1 if it leads into another run, else 0.
    runs: int


class Walk:
    """One walk; `levels` does it, the rest says what it came to."""

    def __init__(self, db: Connection, way: Way, start: Mapping[int, int], bounds: Bounds) -> None:
        self._db = db
        self.way = way
        self._bounds = bounds
        self._start = start
        self._nearby = Nearby(db, way, bounds)
        self.names = Names(db)
        #: How far away each node is that was reached.
        self.depth: dict[int, int] = {}
        #: Why this is not all.
        self.reasons: set[str] = set()

    def levels(self) -> Iterator[list[int]]:
        """What is first met at each depth, the nearest first; whole once it has ended."""
        self._nearby.start(self._start)
        ahead: dict[int, set[int]] = {}
        for node, depth in self._start.items():
            ahead.setdefault(depth, set()).add(node)
        while ahead:
            depth = min(ahead)
            if self._bounds.depth is not None and depth > self._bounds.depth:
                if self._is_beyond(set().union(*ahead.values())):
                    self.reasons.add("depth")
                break
            level = self._level(depth, ahead)
            self.names.add(level)
            yield level
            if self._nearby.full or len(self.depth) > SIZE:
                self.reasons.add("size")
                break
        self._look_beyond_stops()
        self.reasons |= gaps(self._db, [*self.depth], self.way)

    def _level(self, depth: int, ahead: dict[int, set[int]]) -> list[int]:
        level: list[int] = []
        layer = ahead.pop(depth)
        while layer:
            self._nearby.flag(layer)
            new = [node for node in layer if self._is_new(node)]
            self.depth.update((node, depth) for node in new)
            level += new
            layer = set()
            passed = [node for node in new if not self._stops(node)]
            for node, others in self._nearby.onward(passed).items():
                for other in others:
                    if other not in self.depth:
                        near = (
                            ahead.setdefault(depth + 1, set())
                            if self._enters(node, other)
                            else layer
                        )
                        near.add(other)
            if not ahead.get(depth + 1, True):
                del ahead[depth + 1]
        return level

    def models_at(self, level: list[int]) -> dict[tuple[str, int], set[str]]:
        """Model versions that stand on the runs of a level, and the keys of those runs."""
        found: dict[tuple[str, int], set[str]] = {}
        for node in level:
            if node in self._nearby.models and not self._stops(node):
                for model in self._nearby.models[node]:
                    found.setdefault(model, set()).add(self.names[node] or "")
        return found

    def linked(self, node: int, *, back: bool = False, within: int | None = None) -> set[Step]:
        """Where the answer goes on from a node it shows; what it does not show is skipped.

        Args:
            node: it.
            back: against the way of the walk.
            within: only what is no further away than this.
        """
        found: set[Step] = set()
        seen: set[tuple[int, int]] = set()
        todo = [(node, 0)]
        while todo:
            at, runs = todo.pop()
            for other in self._next(at, back=back):
                if other not in self.depth:
                    continue
                key = self.names[other]
                if key is not None and within is not None and self.depth[other] > within:
                    continue
                step = (other, runs or int(self._enters(at, other)))
                if key is not None:
                    found.add(Step(key, step[1]))
                elif step not in seen:
                    seen.add(step)
                    todo.append(step)
        return {step for step in found if step.key != self.names[node]}

    def models_of(self, node: int) -> set[str]:
        """Keys of the model versions that stand on a run."""
        found = [] if self._stops(node) else self._nearby.models.get(node, [])
        return {model_key(*one) for one in found}

    def is_start(self, node: int) -> bool:
        """Whether the walk begins here."""
        return node in self._start

    def _next(self, node: int, *, back: bool) -> list[int]:
        if back:
            return [other for other in self._nearby.back(node) if not self._stops(other)]
        return [] if self._stops(node) else self._nearby.onward([node])[node]

    def _enters(self, node: int, other: int) -> bool:
        """Whether an edge leads into another run, or past one that says what it derived."""
        if other % 4 == RUN:
            return True
        derived, source = (node, other) if self.way == "up" else (other, node)
        return derived % 4 == PRODUCT and source % 4 != RUN

    def _is_new(self, node: int) -> bool:
        return node not in self.depth and (node not in self._nearby.later or node in self._start)

    def _stops(self, node: int) -> bool:
        return node in self._nearby.stopped and node not in self._start

    def _is_beyond(self, some: set[int]) -> bool:
        self._nearby.flag(some)
        return any(self._is_new(node) for node in some)

    def _look_beyond_stops(self) -> None:
        stops = [node for node in self.depth if self._stops(node)]
        beyond = {other for near in self._nearby.onward(stops).values() for other in near}
        models = any(self._nearby.models.get(node) for node in stops)
        if models or self._is_beyond(beyond):
            self.reasons.add("stop_at")


def gaps(db: Connection, reached: list[int], way: Way) -> set[str]:
    """Why what was reached may not be all: what has not arrived."""
    found: set[str] = set()
    query = f"SELECT 1 FROM run WHERE state = '' AND id IN {RUN_ROWS} LIMIT 1"
    if db.execute(query, {"nodes": json.dumps(reached)}).fetchone():
        found.add("runs")
    unknown = "unknown_above" if way == "up" else "unknown_below"
    told = [node for node in reached if node % 4 != RUN]
    if db.execute(sql.statements()[unknown], {"nodes": json.dumps(told)}).fetchone():
        found.add("snapshots")
    return found
