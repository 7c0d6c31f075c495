"""The part of the graph around a walk, loaded as it is needed, never node by node.

An answer of some thousand nodes comes at once: its closure, then its edges. Of a larger one
only the levels that are asked for are loaded, each with a few statements.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from . import nodes, sql
from .connection import Connection

Way = Literal["up", "down"]

#: Nodes of a closure that are loaded at once.
AT_ONCE = 20_000
#: Nodes that an answer looks at, whatever is asked.
SIZE = 1_000_000

_LIST = "(SELECT CAST(value AS BIGINT) FROM json_each(:nodes))"
_ROWS = """
(SELECT CAST(value AS BIGINT) / 4 FROM json_each(:nodes)
WHERE CAST(value AS BIGINT) % 4 = {kind})
"""
_RUNS = _ROWS.format(kind=nodes.RUN)
_PRODUCTS = _ROWS.format(kind=nodes.PRODUCT)
_EDGES = {
    "up": f"SELECT child, parent FROM edge WHERE child IN {_LIST} LIMIT :most",
    "down": f"SELECT parent, child FROM edge WHERE parent IN {_LIST} LIMIT :most",
}
_CLOSURES = {"up": "ancestors", "down": "descendants"}
_LATER = f"""
SELECT id * 4 + {nodes.RUN} FROM run WHERE id IN {_RUNS} AND started_at > :at
UNION ALL
SELECT p.id * 4 + {nodes.PRODUCT} FROM product p JOIN run r ON r.id = p.run
WHERE p.id IN {_PRODUCTS} AND r.ended_at > :at
"""
_STOPPED = f"""
SELECT id * 4 + {nodes.RUN} FROM run WHERE id IN {_RUNS}
    AND job IN (SELECT CAST(value AS BIGINT) FROM json_each(:jobs))
UNION ALL
SELECT p.id * 4 + {nodes.PRODUCT} FROM product p JOIN version v ON v.id = p.version
WHERE p.id IN {_PRODUCTS}
    AND v.dataset IN (SELECT CAST(value AS BIGINT) FROM json_each(:datasets))
"""
_MODELS = f"""
SELECT r.id * 4 + {nodes.RUN}, m.model, m.version, m.created_at
FROM run r JOIN model_version m ON m.run_id = r.uuid WHERE r.id IN {_RUNS}
UNION
SELECT r.id * 4 + {nodes.RUN}, m.model, m.version, m.created_at
FROM run r JOIN model_version m ON m.training_run_id = r.uuid WHERE r.id IN {_RUNS}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What a walk does not go past."""

    #: Ids of datasets and jobs that are shown and not passed.
    datasets: frozenset[int] = frozenset()
    jobs: frozenset[int] = frozenset()
    #: Event time after which nothing has happened yet; empty for none.
    as_of: str = ""
    #: Runs away from the start.
    depth: int | None = None


class Nearby:
    """Edges in one direction, and what is to be known of their nodes."""

    def __init__(self, db: Connection, way: Way, bounds: Bounds) -> None:
        self._db = db
        self._way = way
        self._bounds = bounds
        self._onward: dict[int, list[int]] = {}
        self._back: dict[int, list[int]] = {}
        self._flagged: set[int] = set()
        #: What had not happened yet.
        self.later: set[int] = set()
        #: What is not passed.
        self.stopped: set[int] = set()
        #: Model versions by the run they stand on.
        self.models: dict[int, list[tuple[str, int]]] = {}
        #: There is more than may be looked at.
        self.full = False

    def start(self, start: Collection[int]) -> None:
        """Load the whole closure if it is no larger than what is loaded at once."""
        if self._bounds.datasets or self._bounds.jobs or self._bounds.depth is not None:
            return
        query = f"{sql.statements()[_CLOSURES[self._way]]} LIMIT :most"
        given = {"nodes": json.dumps([*start]), "most": AT_ONCE + 1}
        found = [node for (node,) in self._db.execute(query, given)]
        if len(found) <= AT_ONCE:
            self.flag(found)
            self._load(found)

    def flag(self, some: Iterable[int]) -> None:
        """Find out which of these nodes came later, and which are not passed."""
        new = [node for node in some if node not in self._flagged]
        if not new:
            return
        self._flagged.update(new)
        given = json.dumps(new)
        if at := self._bounds.as_of:
            found = self._db.execute(_LATER, {"nodes": given, "at": at})
            self.later.update(node for (node,) in found)
        if self._bounds.datasets or self._bounds.jobs:
            stops = {
                "datasets": json.dumps(sorted(self._bounds.datasets)),
                "jobs": json.dumps(sorted(self._bounds.jobs)),
            }
            found = self._db.execute(_STOPPED, {"nodes": given, **stops})
            self.stopped.update(node for (node,) in found)
        if self._way == "down":
            for run, model, version, created_at in self._db.execute(_MODELS, {"nodes": given}):
                if not (at and created_at > at):
                    self.models.setdefault(run, []).append((model, version))

    def onward(self, some: Iterable[int]) -> dict[int, list[int]]:
        """Where edges lead from these nodes."""
        some = list(some)
        self._load([node for node in some if node not in self._onward])
        return {node: self._onward[node] for node in some}

    def back(self, node: int) -> list[int]:
        """From where edges that have been loaded lead to a node."""
        return self._back.get(node, [])

    def _load(self, new: list[int]) -> None:
        if not new:
            return
        self._onward.update((node, []) for node in new)
        given = {"nodes": json.dumps(new), "most": SIZE + 1}
        found = self._db.execute(_EDGES[self._way], given).fetchall()
        self.full = self.full or len(found) > SIZE
        for node, other in found:
            self._onward[node].append(other)
            self._back.setdefault(other, []).append(node)
