"""What ancestry, difference and impact cost in lineage stores of several sizes.

    python closures.py ROUNDS DATABASE...

Prints JSON: by question and database the CPU and wall seconds of one answer in each round, how
many nodes it is about, and the node it was asked of.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.histories import Data, History
from benchmarks.subject import in_turn

from begat.lineage.graph import downstream, impact, upstream
from begat.lineage.graph.closure import ancestors, descendants
from begat.lineage.graph.store import Store

ROUNDS, DATABASES = int(sys.argv[1]), sys.argv[2:]
#: CPU seconds that are counted for one figure, unless a single answer takes longer.
ENOUGH = 0.15
#: Models of the chain with 100 and 4,000 ancestors, and one that differs from the last by 100.
NEAR, FAR, OTHER = 32, 1332, 1299
#: Answers come whole, on one page.
PAGE = 10_000

history = History(days=1)  # the chain is the same in all
_NODE = """
SELECT product.id * 4 + 1 FROM product JOIN version ON version.id = product.version
WHERE version.digest = ?
"""
_LATEST = """
SELECT MAX(product.id) * 4 + 1 FROM product JOIN version ON version.id = product.version
JOIN dataset ON dataset.id = version.dataset WHERE dataset.name = 'models/00'
"""


class Questions:
    """The questions to one store."""

    def __init__(self, database: str) -> None:
        self.store = Store.open(f"sqlite:///{database}")
        self.near, self.far, self.other = map(history.link, (NEAR, FAR, OTHER))
        self.raw = history.link_source(0)
        with self.store.read() as db:
            [self.latest] = db.execute(_LATEST).fetchone()

    def asked(self) -> dict[str, tuple[int, Callable[[], int]]]:
        """By name: the node, and what answers and says how many nodes that is about."""
        near, far, other, raw = map(self._node, (self.near, self.far, self.other, self.raw))
        part = f"{self.raw.name}[{self.raw.partition}]"
        return {
            "ancestry of 100": (near, lambda: self._above(near)),
            "ancestry of 4,000": (far, lambda: self._above(far)),
            "their difference": (far, lambda: self._difference(far, other)),
            "impact of a partition": (raw, lambda: len(descendants(self.store, raw).nodes)),
            "`upstream` of 100": (near, lambda: self._upstream(self.near)),
            "`upstream` of 4,000": (far, lambda: self._upstream(self.far)),
            "`downstream` of a partition": (
                raw,
                lambda: len(downstream(self.store, part, limit=PAGE).nodes),
            ),
            "`impact` of a partition": (raw, lambda: self._impact(part)),
            "ancestry of a warm model": (self.latest, lambda: self._above(self.latest)),
        }

    def _node(self, data: Data) -> int:
        with self.store.read() as db:
            return int(db.execute(_NODE, (history.digest(data),)).fetchone()[0])

    def _above(self, node: int) -> int:
        return len(ancestors(self.store, node).nodes)

    def _difference(self, one: int, other: int) -> int:
        ours, theirs = (ancestors(self.store, node).nodes for node in (one, other))
        return len(ours ^ theirs)

    def _upstream(self, data: Data) -> int:
        return len(upstream(self.store, history.digest(data), limit=PAGE).nodes)

    def _impact(self, partition: str) -> int:
        found = impact(self.store, partition, limit=PAGE)
        return found.runs + found.versions


found: dict[str, dict[str, dict[str, Any]]] = {}
asked = {database: Questions(database).asked() for database in DATABASES}
for question in next(iter(asked.values())):
    found[question] = {}
    for database in DATABASES:
        node, answer = asked[database][question]
        spent, about = time.process_time(), {"nodes": answer(), "node": node, "cpu": [], "wall": []}
        about["times"] = max(1, round(ENOUGH / (time.process_time() - spent)))
        found[question][database] = about
    for _, database in in_turn(ROUNDS, DATABASES):
        costs, (_, answer) = found[question][database], asked[database][question]
        spent, began = time.process_time(), time.perf_counter()
        for _ in range(costs["times"]):
            answer()
        costs["cpu"].append((time.process_time() - spent) / costs["times"])
        costs["wall"].append((time.perf_counter() - began) / costs["times"])
json.dump(found, sys.stdout)
