"""What ancestry, difference and impact cost in lineage stores of several sizes.

    python closures.py ROUNDS DATABASE...

Prints JSON: by question and database the CPU and wall seconds of one answer in each round, how
many nodes it has, and the node it was asked of.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.histories import Data, History
from benchmarks.subject import in_turn

from begat.lineage.graph.closure import ancestors, descendants
from begat.lineage.graph.store import Store

ROUNDS, DATABASES = int(sys.argv[1]), sys.argv[2:]
#: One answer is so quick that so many are counted for a figure.
TIMES = 20
#: Models of the chain with 100 and 4,000 ancestors, and one that differs from the last by 100.
NEAR, FAR, OTHER = 32, 1332, 1299

history = History(days=1)  # the chain is the same in all
_NODE = """
SELECT product.id * 4 + 1 FROM product JOIN version ON version.id = product.version
WHERE version.digest = ?
"""


class Questions:
    """The questions to one store."""

    def __init__(self, database: str) -> None:
        self.store = Store.open(f"sqlite:///{database}")
        self.near, self.far, self.other = (self._node(history.link(n)) for n in (NEAR, FAR, OTHER))
        self.raw = self._node(history.link_source(0))

    def _node(self, data: Data) -> int:
        with self.store.read() as db:
            return int(db.execute(_NODE, (history.digest(data),)).fetchone()[0])

    def asked(self) -> dict[str, tuple[int, Callable[[], frozenset[int]]]]:
        """By name: the node, and what answers."""
        return {
            "ancestry of 100": (self.near, lambda: ancestors(self.store, self.near).nodes),
            "ancestry of 4,000": (self.far, lambda: ancestors(self.store, self.far).nodes),
            "their difference": (self.far, self._difference),
            "impact of a partition": (self.raw, lambda: descendants(self.store, self.raw).nodes),
        }

    def _difference(self) -> frozenset[int]:
        ours, theirs = (ancestors(self.store, node).nodes for node in (self.far, self.other))
        return ours ^ theirs


found: dict[str, dict[str, dict[str, Any]]] = {}
asked = {database: Questions(database).asked() for database in DATABASES}
for question in next(iter(asked.values())):
    found[question] = {}
    for database in DATABASES:
        node, answer = asked[database][question]
        about = {"nodes": len(answer()), "node": node, "cpu": [], "wall": []}
        found[question][database] = about
    for _, database in in_turn(ROUNDS, DATABASES):
        _, answer = asked[database][question]
        spent, began = time.process_time(), time.perf_counter()
        for _ in range(TIMES):
            answer()
        costs = found[question][database]
        costs["cpu"].append((time.process_time() - spent) / TIMES)
        costs["wall"].append((time.perf_counter() - began) / TIMES)
json.dump(found, sys.stdout)
