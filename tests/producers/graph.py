"""What begat makes of a stream: its events ingested into a fresh store, its graph read back."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store

from .lineage import UNKNOWN, Lineage, Name

Node = tuple[Any, ...]
_ENDS = frozenset({"ABORT", "FAIL", "COMPLETE"})


class Graph:
    """The graph of these events, each of which is ingested.

    Raises:
        StoreError: the store failed.
        EventError: an event cannot be read.
    """

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._events = events
        self._dump = _dump(events)
        #: By id: job, parent's id, state and end.
        self._runs = {
            run: (job, parent, state, ended or "")
            for run, _, job, parent, _, _, state, _, ended, *_ in self._dump["run"]
        }
        self._parents: dict[Node, set[Node]] = defaultdict(set)
        for child, parent in self._dump["edge"]:
            self._parents[tuple(child)].add(tuple(parent))

    def lineage(self) -> Lineage:
        """Each dataset's direct sources, each job's runs and callers."""
        ends: dict[str, Counter[str]] = defaultdict(Counter)
        callers: dict[str, set[str]] = defaultdict(set)
        for job, parent, state, _ in self._runs.values():
            ends[job][state if state in _ENDS else UNKNOWN] += 1
            if parent:
                callers[job].add(self._runs[parent][0])
        upstream: dict[Name, dict[str, frozenset[Name]]] = defaultdict(dict)
        for product, run in self._products():
            name, job = _name(product), self._runs[run][0]
            # An output of which it is said what it was made from stands on that itself.
            sources = _names(self._parents[product]) or _names(self._parents[("run", run)])
            upstream[name][job] = upstream[name].get(job, frozenset()) | sources
        return Lineage(
            upstream=dict(upstream),
            ends={job: dict(states) for job, states in ends.items()},
            parents={job: frozenset(names) for job, names in callers.items()},
        )

    def ancestry(self) -> dict[Name, frozenset[str]]:
        """By dataset: every job that had a part in what its latest run made of it.

        Unlike its direct sources this follows what each reading was bound to.
        """
        latest: dict[Name, tuple[str, Node]] = {}
        for product, run in self._products():
            made = (self._runs[run][3], product)
            latest[_name(product)] = max(made, latest.get(_name(product), made))
        return {name: self._jobs(product) for name, (_, product) in latest.items()}

    def depends_on_order(self, times: int = 3) -> bool:
        """Whether it is another graph when events come shuffled, one by one, some twice."""
        chance, many = random.Random(0), [*self._events, *self._events[::3]]
        return any(
            _dump(chance.sample(many, k=len(many)), at_once=1) != self._dump for _ in range(times)
        )

    def _products(self) -> list[tuple[Node, str]]:
        """What runs made, and the id of the run."""
        return [
            (node, run)
            for node, parents in list(self._parents.items())
            if node[0] == "product"
            for kind, run, *_ in parents
            if kind == "run"
        ]

    def _jobs(self, node: Node) -> frozenset[str]:
        seen, todo = {node}, [node]
        while todo:
            above = self._parents.get(todo.pop(), set()) - seen
            seen |= above
            todo += above
        return frozenset(self._runs[one[1]][0] for one in seen if one[0] == "run")


def _dump(events: Sequence[Mapping[str, Any]], at_once: int = 1000) -> dict[str, Any]:
    store = Store.open("sqlite://")
    try:
        for first in range(0, len(events), at_once):
            store.record(events[first : first + at_once], origin="ingested")
        return dump(store)
    finally:
        store.close()


def _name(node: Node) -> Name:
    return (node[1], node[2])


def _names(nodes: Iterable[Node]) -> frozenset[Name]:
    return frozenset(_name(node) for node in nodes if node[0] != "run")
