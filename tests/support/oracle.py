"""Answers by brute force: over the dump of the graph, by natural keys, one edge at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from begat.lineage.graph import (
    Lineage,
    ModelNode,
    Path,
    RunNode,
    SnapshotNode,
    Store,
    VersionNode,
    names,
)
from begat.lineage.graph.dump import dump
from begat.lineage.records import Dataset

#: A node of the dump: its kind, and its natural key.
Name = tuple[Any, ...]
#: A node as answers show it.
Shown = tuple[str, ...]


def shown(node: Any) -> Shown:
    """The natural key of an answer's node."""
    if isinstance(node, RunNode):
        return ("run", node.run_id)
    if isinstance(node, VersionNode):
        return ("version", node.dataset, node.partition, node.digest, node.producer or "")
    if isinstance(node, SnapshotNode):
        return ("snapshot", node.dataset, node.key.rpartition("@")[2])
    assert isinstance(node, ModelNode)
    return ("model", f"{node.model}@{node.version}")


def depths(found: Lineage) -> dict[Shown, int]:
    """Nodes and depths of an answer."""
    nodes = [shown(node) for node in found.nodes]
    assert len(nodes) == len(set(nodes)), "a node is there twice"
    return {shown(node): node.depth for node in found.nodes}


def edges(found: Lineage | Iterable[Lineage]) -> set[tuple[Shown, Shown]]:
    """Edges of an answer, or of all its pages."""
    pages = [found] if isinstance(found, Lineage) else [*found]
    key = {node.key: shown(node) for page in pages for node in page.nodes}
    return {(key[edge.child], key[edge.parent]) for page in pages for edge in page.edges}


def hops(found: Path) -> list[tuple[Shown, Shown]]:
    """The edges of a path, child first."""
    nodes = [shown(node) for node in found.nodes]
    pairs = list(pairwise(nodes))
    return pairs if found.direction == "up" else [(b, a) for a, b in pairs]


@dataclass
class Oracle:
    """The graph in plain sets."""

    edges: set[tuple[Name, Name]]
    runs: dict[str, dict[str, Any]]
    snapshots: dict[Name, tuple[str, int, int]]
    segments: dict[Name, int]
    models: list[dict[str, Any]]
    products: set[Name]

    @classmethod
    def of(cls, store: Store) -> Oracle:
        """What a store holds."""
        said = dump(store)
        with store.read() as db:
            models = [dict(row) for row in db.execute("SELECT * FROM model_version")]
        columns = ("uuid", "namespace", "job", "parent", "root", "kind", "state", "started_at")
        runs = {
            row[0]: {**dict(zip(columns, row, strict=False)), "ended_at": row[8], "reuse": row[14]}
            for row in said["run"]
        }
        # The snapshot of a binding is called by its run and what it names.
        bound = {
            ("snapshot", ns, name, f"run:{run}/{partition}/{version}"): (
                *("binding", ns, name, partition, version, run),
            )
            for run, ns, name, partition, version, _ in said["binding"]
        }

        def named(node: Any) -> Name:
            return bound.get(tuple(node), tuple(node))

        return cls(
            edges={(named(child), named(parent)) for child, parent in said["edge"]},
            runs=runs,
            snapshots={
                ("snapshot", ns, name, lineage): (content, partitions, known)
                for ns, name, lineage, content, partitions, known in said["snapshot"]
            },
            segments={
                ("segment", ns, name, chunk): known for ns, name, chunk, known in said["segment"]
            },
            models=models,
            products={("product", *row) for row in said["product"]},
        )

    # --- what answers show ---------------------------------------------------------------

    def shown(self, name: Name) -> Shown | None:
        """A node as answers show it; None if it is told by those behind it."""
        kind, *key = name
        if kind == "run":
            return ("run", key[0])
        if kind == "product":
            return ("version", dataset(key), key[2], key[3], key[4])
        below = {parent for child, parent in self.edges if child == name}
        if kind == "binding":
            return None if below else ("version", dataset(key), key[2], "", "")
        if kind == "segment":
            return None
        _, partitions, known = self.snapshots[name]
        gap = any(not self.segments.get(one, 1) for one in below)
        if known and not gap and partitions <= names.FOLDED:
            return None
        return ("snapshot", dataset(key), key[2])

    # --- closures ------------------------------------------------------------------------

    def reach(
        self,
        start: Iterable[Name],
        way: str,
        *,
        depth: int | None = None,
        stop: Callable[[Name], bool] = lambda _: False,
        there: Callable[[Name], bool] = lambda _: True,
    ) -> dict[Name, int]:
        """Depths of all that is reached: edges are looked at until nothing changes."""
        first = set(start)
        found = dict.fromkeys(first, 0)
        changed = True
        while changed:
            changed = False
            for child, parent in self.edges:
                here, other = (child, parent) if way == "up" else (parent, child)
                if here not in found or (stop(here) and here not in first):
                    continue
                far = found[here] + cost(child, parent, way)
                if (depth is not None and far > depth) or not there(other):
                    continue
                if far < found.get(other, far + 1):
                    found[other] = far
                    changed = True
        return found

    def depths(
        self,
        reached: dict[Name, int],
        way: str,
        as_of: str = "~",
        stopped: Collection[Name] = (),
    ) -> dict[Shown, int]:
        """What an answer shows of it; a model is not reached by way of what stopped."""
        found: dict[Shown, int] = {}
        for name, depth in reached.items():
            if (key := self.shown(name)) is not None:
                found[key] = min(depth, found.get(key, depth))
        for model, runs in self._models(as_of) if way == "down" else ():
            if near := [reached[run] for run in runs if run in reached and run not in stopped]:
                found[model] = min(near)
        return found

    def shown_edges(self, reached: dict[Name, int], way: str) -> set[tuple[Shown, Shown]]:
        """Edges between what is shown, through what is not."""
        inside = {(c, p) for c, p in self.edges if c in reached and p in reached}
        found: set[tuple[Shown, Shown]] = set()
        for name in reached:
            if (key := self.shown(name)) is None:
                continue
            seen, todo = set(), [name]
            while todo:
                at = todo.pop()
                for child, parent in inside:
                    if child != at or parent in seen:
                        continue
                    seen.add(parent)
                    below = self.shown(parent)
                    if below is None:
                        todo.append(parent)
                    elif below != key:
                        found.add((key, below))
        if way == "down":
            for model, runs in self._models():
                found |= {(model, ("run", run[1])) for run in runs if run in reached}
        return found

    def gaps(self, reached: Iterable[Name], way: str) -> set[str]:
        """Why what was reached may not be all."""
        reached = set(reached)
        found = set()
        if any(name[0] == "run" and not self.runs[name[1]]["state"] for name in reached):
            found.add("runs")
        if way == "up":
            unknown = [name for name, said in self.snapshots.items() if not said[2]]
            unknown += [name for name, known in self.segments.items() if not known]
            if reached & set(unknown):
                found.add("snapshots")
        else:
            places = {name[1:3] for name in reached if name[0] == "product"}
            hidden = {name[1:3] for name, said in self.snapshots.items() if not said[2]}
            hidden |= {name[1:3] for name, known in self.segments.items() if not known}
            if places & hidden:
                found.add("snapshots")
        return found

    def inside(self, run: str) -> set[Name]:
        """A run and all inside it, and whose work they reused."""
        found, todo = set(), [run]
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += [uuid for uuid, row in self.runs.items() if row["parent"] == at]
        found |= {reuse for run in found if (reuse := self.runs[run]["reuse"])}
        return {("run", one) for one in found}

    def made_by(self, runs: Iterable[Name]) -> set[Name]:
        """What these runs made."""
        uuids = {run[1] for run in runs}
        return {name for name in self.products if name[5] and name[5] in uuids}

    def was_there(self, name: Name, as_of: str) -> bool:
        """Whether it had happened by then."""
        uuid = name[1] if name[0] == "run" else name[5] if name[0] == "product" else ""
        row = self.runs.get(uuid)
        if row is None:
            return True
        time = row["started_at"] if name[0] == "run" else row["ended_at"]
        return not time or time <= as_of

    def _models(self, as_of: str = "~") -> list[tuple[Shown, set[Name]]]:
        return [
            (
                ("model", f"{row['model']}@{row['version']}"),
                {("run", row["run_id"]), ("run", row["training_run_id"])},
            )
            for row in self.models
            if row["created_at"] <= as_of
        ]


def dataset(key: Iterable[Any]) -> str:
    """A dataset's name as answers have it."""
    namespace, name, *_ = key
    return str(Dataset(namespace=namespace, name=name))


def cost(child: Name, parent: Name, way: str) -> int:
    """1 for an edge into another run, or past one; else 0."""
    if (parent if way == "up" else child)[0] == "run":
        return 1
    return int(child[0] == "product" and parent[0] != "run")
