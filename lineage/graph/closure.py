"""Everything a node stands on, and everything that stands on it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import sql
from .nodes import PRODUCT, RUN
from .store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """Nodes that reach each other along edges, the ones asked for among them."""

    nodes: frozenset[int]
    #: Some of it is not known: a run's events or a snapshot's rows have not arrived.
    truncated: bool

    @property
    def runs(self) -> list[int]:
        """Row ids of its runs."""
        return self._rows(RUN)

    @property
    def products(self) -> list[int]:
        """Row ids of its products."""
        return self._rows(PRODUCT)

    def _rows(self, kind: int) -> list[int]:
        return sorted(node // 4 for node in self.nodes if node % 4 == kind)


def ancestors(store: Store, *nodes: int) -> Closure:
    """What these nodes stand on.

    Truncated if a run in it is known by name only, or rows of a snapshot are missing.

    Raises:
        StoreError: the store failed.
    """
    return _closure(store, nodes, "ancestors", "unknown_above")


def descendants(store: Store, *nodes: int) -> Closure:
    """What stands on these nodes.

    Truncated if rows of a snapshot are missing that could hold one of its versions.

    Raises:
        StoreError: the store failed.
    """
    return _closure(store, nodes, "descendants", "unknown_below")


def _closure(store: Store, start: tuple[int, ...], reach: str, unknown: str) -> Closure:
    kept = sql.statements()
    with store.read() as db:
        found = [node for (node,) in db.execute(kept[reach], {"nodes": json.dumps(start)})]
        missing = db.execute(kept[unknown], {"nodes": json.dumps(found)}).fetchone()
    return Closure(nodes=frozenset(found), truncated=missing is not None)
