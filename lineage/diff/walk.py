"""What stands behind one thing and not behind another, without reading what both stand on.

Both ancestries are walked at once, and neither goes on where they have met. Snapshots hold
their rows in chunks, and a chunk that two snapshots share is one node: so of ten thousand
partitions only the chunks that differ are looked into.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..graph.connection import Connection
from ..graph.nodes import PRODUCT, RUN, SEGMENT, SNAPSHOT

_EDGES = """
SELECT child, parent FROM edge
WHERE child IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes))
"""
# For each node by itself, what stands on it; of that only the starts are wanted.
_UPWARDS = """
WITH RECURSIVE up(origin, node) AS (
    SELECT CAST(value AS BIGINT), CAST(value AS BIGINT) FROM json_each(:nodes)
    UNION SELECT up.origin, e.child FROM up, edge e WHERE e.parent = up.node
        AND e.child NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:without))
)
SELECT DISTINCT origin FROM up WHERE node IN (SELECT CAST(value AS BIGINT) FROM json_each(:starts))
"""
_DOWNWARDS = """
WITH RECURSIVE down(node) AS (
    SELECT CAST(value AS BIGINT) FROM json_each(:starts)
    UNION SELECT e.parent FROM edge e, down WHERE e.child = down.node
        AND e.parent NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:without))
)
SELECT node FROM down
"""
_UNKNOWN = """
SELECT 1 FROM run WHERE state = '' AND id IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
UNION SELECT 1 FROM snapshot WHERE known = 0
    AND id IN (SELECT CAST(value AS BIGINT) FROM json_each(:snapshots))
UNION SELECT 1 FROM segment WHERE known = 0
    AND id IN (SELECT CAST(value AS BIGINT) FROM json_each(:segments))
"""
#: Nodes looked at to find, somewhere in what both stand on, what all of it has in common.
SAMPLE = 1_500
#: For more nodes than this, one walk down is cheaper than a walk up for each.
FEW = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where an ancestry begins."""

    nodes: frozenset[int]
    #: Nodes through which it does not go.
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Differing:
    """What only one of two ancestries holds."""

    old: frozenset[int]
    new: frozenset[int]
    #: Some runs of what both hold: examples, not all.
    shared_runs: tuple[int, ...]
    #: Some of it has not arrived.
    truncated: bool
    parents: Mapping[int, list[int]] = field(repr=False)

    def reach(
        self,
        start: Iterable[int],
        *,
        past_runs: bool = True,
        without: frozenset[int] = frozenset(),
    ) -> set[int]:
        """What these nodes stand on, as far as it was walked, themselves included.

        Args:
            start: nodes of either side.
            past_runs: also what the runs read that are reached.
            without: nodes through which nothing is reached.
        """
        return _reach(self.parents, start, past_runs=past_runs, without=without)


def differing(db: Connection, old: Start, new: Start) -> Differing:
    """What stands behind one of two starts only."""
    parents: dict[int, list[int]] = {}
    seen = [set(old.nodes), set(new.nodes)]
    fronts = [set(old.nodes), set(new.nodes)]
    while any(fronts):
        met = seen[0] & seen[1]
        fronts = [front - met for front in fronts]
        load(db, parents, fronts[0] | fronts[1])
        for side, start in enumerate((old, new)):
            reached = {parent for node in fronts[side] for parent in parents[node]}
            fronts[side] = reached - seen[side] - start.without
            seen[side] |= fronts[side]
    shared = seen[0] & seen[1]
    sample = _sample(db, shared)
    # What is behind something that both hold is behind both, also where it was reached by
    # another way first.
    shared |= _reach(parents, shared | (sample & (seen[0] | seen[1])))
    for side, other in ((0, new), (1, old)):
        if shared:
            products = {n for n in seen[side] - shared if n % 4 == PRODUCT}
            shared |= _reach(parents, behind(db, products, other))
    only = [frozenset(nodes - shared) for nodes in seen]
    return Differing(
        old=only[0],
        new=only[1],
        shared_runs=tuple(sorted(n for n in shared | sample if n % 4 == RUN)),
        truncated=_truncated(db, only[0] | only[1]),
        parents=parents,
    )


def behind(db: Connection, nodes: Iterable[int], start: Start) -> set[int]:
    """Which of these nodes stand behind a start."""
    asked = set(nodes)
    if not asked:
        return set()
    given = {
        "nodes": _list(asked),
        "starts": _list(start.nodes),
        "without": _list(start.without),
    }
    found = db.execute(_UPWARDS if len(asked) <= FEW else _DOWNWARDS, given)
    return asked & {node for (node,) in found}


def everything(db: Connection, start: Start) -> set[int]:
    """All that stands behind a start."""
    given = {"starts": _list(start.nodes), "without": _list(start.without)}
    return {node for (node,) in db.execute(_DOWNWARDS, given)}


def _sample(db: Connection, shared: set[int]) -> set[int]:
    """Some of what is behind shared nodes, to the bottom.

    Tables that every row was looked up in are found here.
    """
    parents: dict[int, list[int]] = {}
    # The last goes first: rows of snapshots, before whole snapshots.
    stack = sorted(shared, key=lambda node: (node % 4 in (SEGMENT, PRODUCT), node))
    while stack and len(parents) < SAMPLE:
        top = [stack.pop() for _ in range(min(32, len(stack)))]
        fresh = [node for node in dict.fromkeys(top) if node not in parents]
        load(db, parents, fresh)
        stack += [parent for node in fresh for parent in parents[node]]
    return set(parents)


def load(db: Connection, parents: dict[int, list[int]], nodes: Iterable[int]) -> None:
    """Add to `parents` what these nodes stand on directly."""
    wanted = [node for node in nodes if node not in parents]
    parents.update((node, []) for node in wanted)
    for child, parent in db.execute(_EDGES, {"nodes": _list(wanted)}):
        parents[child].append(parent)


def _reach(
    parents: Mapping[int, list[int]],
    start: Iterable[int],
    *,
    past_runs: bool = True,
    without: frozenset[int] = frozenset(),
) -> set[int]:
    seen: set[int] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        if node not in seen and node not in without:
            seen.add(node)
            if past_runs or node % 4 != RUN:
                todo += parents.get(node, ())
    return seen


def _truncated(db: Connection, nodes: Iterable[int]) -> bool:
    rows: dict[int, list[int]] = {RUN: [], SNAPSHOT: [], SEGMENT: [], PRODUCT: []}
    for node in nodes:
        rows[node % 4].append(node // 4)
    given = {"runs": rows[RUN], "snapshots": rows[SNAPSHOT], "segments": rows[SEGMENT]}
    listed = {name: _list(ids) for name, ids in given.items()}
    return db.execute(_UNKNOWN, listed).fetchone() is not None


def _list(nodes: Iterable[int]) -> str:
    return json.dumps(sorted(nodes))
