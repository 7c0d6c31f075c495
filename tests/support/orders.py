"""The same events in every order, and what the graph says then."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from begat.lineage.graph import registers
from begat.lineage.graph.store import Store

from .foreign import dataset, event, run_id

#: Places in `foreign.DATASETS`.
ORDERS, CUSTOMERS, SHOP_ORDERS, REPORT = range(4)

_PARENTS = """
WITH RECURSIVE up(node) AS (
    SELECT p.id * 4 + 1 FROM product p JOIN run r ON r.id = p.run WHERE r.uuid = :run
    UNION SELECT e.parent FROM edge e JOIN up ON e.child = up.node
)
SELECT d.name, v.partition, v.digest, COALESCE(r.uuid, '')
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE p.id * 4 + 1 IN (SELECT node FROM up) AND COALESCE(r.uuid, '') != :run
"""


def every_order(store: Store, events: Sequence[Any]) -> list[Store]:
    """One store for each order of the events, the given one among them."""
    stores = []
    for order in itertools.permutations(events):
        one = store if not stores else Store.open("sqlite://")
        for said in order:
            one.record([said], origin="ingested")
        stores.append(one)
    return stores


def above(store: Store, run: int | str) -> set[tuple[str, str, str, str]]:
    """Dataset, partition, version and maker of all that a run's outputs stand on."""
    key = run_id(run) if isinstance(run, int) else run
    with store.read() as db:
        return {tuple(row) for row in db.execute(_PARENTS, {"run": key})}


def makers(store: Store, run: int | str) -> set[str]:
    """Runs whose outputs a run's outputs stand on."""
    return {maker for *_, maker in above(store, run) if maker}


def runs(store: Store) -> dict[str, str]:
    """State of every execution."""
    with store.read() as db:
        return dict(tuple(row) for row in db.execute("SELECT uuid, state FROM run"))


def facets_of(store: Store, table: str, name: str) -> dict[str, Any]:
    """Facets of a job or a dataset that events without a run said."""
    with store.read() as db:
        [text] = db.execute(f"SELECT facets FROM {table} WHERE name = :name", {"name": name})
    return registers.bodies(text[0])


def chain(*, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Run 1 writes `first` at minute 2; run 2 reads `second` at minute 3 and writes a report."""
    return [
        event(1, "START", 1),
        event(1, "COMPLETE", 2, outputs=[first]),
        event(2, "START", 3),
        event(2, "COMPLETE", 4, inputs=[second], outputs=[dataset(REPORT, written=True)]),
    ]
