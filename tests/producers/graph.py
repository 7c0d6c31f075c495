"""What begat makes of a stream: its events ingested into a fresh store, its graph read back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store

from .lineage import Lineage, Name

Node = tuple[Any, ...]


def lineage(events: Sequence[Mapping[str, Any]]) -> Lineage:
    """What the graph of these events says.

    Raises:
        StoreError: the store failed.
        EventError: an event cannot be read.
    """
    store = Store.open("sqlite://")
    try:
        store.record(events, origin="ingested")
        return _read(dump(store))
    finally:
        store.close()


def _read(found: Mapping[str, Any]) -> Lineage:
    jobs = {run[0]: run[2] for run in found["run"]}
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    callers: dict[str, set[str]] = defaultdict(set)
    for _, _, job, parent, _, _, state, *_ in found["run"]:
        ends[job][state] += 1
        if parent:
            callers[job].add(jobs[parent])
    below: dict[Node, set[Node]] = defaultdict(set)
    for child, parent in found["edge"]:
        below[tuple(child)].add(tuple(parent))
    upstream: dict[Name, dict[str, frozenset[Name]]] = defaultdict(dict)
    for product, parents in list(below.items()):
        if product[0] == "product":
            for run in (parent for parent in parents if parent[0] == "run"):
                job, name = jobs[run[1]], (product[1], product[2])
                # An output that says itself what it was made from stands on that, too.
                direct = {(one[1], one[2]) for one in parents if one[0] != "run"}
                read = {(one[1], one[2]) for one in below[run] if one[0] != "run"}
                before = upstream[name].get(job, frozenset())
                upstream[name][job] = before | (direct or read)
    return Lineage(
        upstream=dict(upstream),
        ends={job: dict(states) for job, states in ends.items()},
        parents={job: frozenset(names) for job, names in callers.items()},
    )
