"""A closure laid out in memory: what reaches what, and which data came in from outside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import closure, nodes, queries
from .connection import Row
from .nodes import RUN
from .store import Store

_EDGES = """
SELECT child, parent FROM edge WHERE child IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes))
"""
_READINGS = """
SELECT run, node, argument, facets FROM reading
WHERE run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs)) ORDER BY run, argument, node
"""
_PRODUCTS = """
SELECT p.id, p.run, d.namespace, d.name, v.partition, v.digest, v.rows, v.size, v.format, v.kind
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:products))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """That a run read a node, under an argument."""

    run: int
    node: int
    argument: str
    facets: dict[str, Any]

    @property
    def is_lookup(self) -> bool:
        """Whether it was read beside the data, not as data."""
        return self.argument.split(".")[0].split("[")[0] == "lookups"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ancestry:
    """What some nodes stand on."""

    runs: list[Row]
    #: Rows of versions as runs made them, by node.
    products: dict[int, Row]
    readings: list[Reading]
    truncated: bool
    _parents: dict[int, list[int]] = field(repr=False)

    @classmethod
    def of(cls, store: Store, *start: int) -> Ancestry:
        """The ancestry of these nodes.

        Raises:
            StoreError: the store failed.
        """
        with store.read() as db:
            reached = closure.ancestors(store, *start)
            parents: dict[int, list[int]] = {}
            for child, parent in db.execute(_EDGES, _list("nodes", reached.nodes)):
                parents.setdefault(child, []).append(parent)
            return cls(
                runs=queries.runs(db, reached.runs),
                products={
                    nodes.product(row["id"]): row
                    for row in db.execute(_PRODUCTS, _list("products", reached.products))
                },
                readings=[
                    Reading(
                        run=row["run"],
                        node=row["node"],
                        argument=row["argument"],
                        facets=queries.facets_of(row),
                    )
                    for row in db.execute(_READINGS, _list("runs", reached.runs))
                ],
                truncated=reached.truncated,
                _parents=parents,
            )

    @property
    def raw(self) -> set[int]:
        """Nodes of the versions that no tracked run made."""
        return {node for node, row in self.products.items() if not row["run"]}

    def reach(self, *start: int, past_runs: bool = True, without: int = -1) -> set[int]:
        """What these nodes stand on, themselves included.

        Args:
            start: nodes of this ancestry.
            past_runs: also what the runs read that are reached.
            without: a node through which nothing is reached.
        """
        seen: set[int] = set()
        todo = [node for node in start if node != without]
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if past_runs or node % 4 != RUN:
                todo += [parent for parent in self._parents.get(node, ()) if parent != without]
        return seen

    def lookups(self) -> set[int]:
        """Raw versions that were read as lookups only."""
        kinds: dict[bool, set[int]] = {True: set(), False: set()}
        for reading in self.readings:
            kinds[reading.is_lookup] |= self.reach(reading.node, past_runs=False)
        return self.raw & (kinds[True] - kinds[False])

    def locations(self) -> dict[int, str]:
        """Where the bytes of what was read were found, by node."""
        return {
            reading.node: reading.facets["location"]
            for reading in self.readings
            if "location" in reading.facets
        }


def _list(name: str, values: Iterable[int]) -> dict[str, str]:
    return {name: json.dumps(sorted(values))}
