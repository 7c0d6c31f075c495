"""A graph to look at: what a command draws, as text, Mermaid, DOT or SVG.

A `Drawing` says what there is: nodes, what each is called, how many partitions it stands
for and in which state they are, and which leads to which. The renderers, one module each,
decide how that looks; all of them take any name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

#: source: data from outside; data: what a task wrote; task; model: a registered version.
Kind = Literal["source", "data", "task", "model"]
#: The gravest first.
Mark = Literal["failed", "stale", "pending", "reused"]

MARKS: Final[tuple[Mark, ...]] = get_args(Mark)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A box; one for all partitions of a dataset, or all runs of a task."""

    #: Names it inside its drawing.
    key: str
    kind: Kind
    name: str
    #: How many it stands for.
    many: int = 1
    #: Of what, in the singular.
    unit: str = "partition"
    #: How many of them are in each state; those in none are left out.
    marks: Mapping[Mark, int] = field(default_factory=dict)
    #: What else there is to say, one line each.
    lines: tuple[str, ...] = ()

    @property
    def mark(self) -> Mark | None:
        """The gravest of its marks: how it is drawn."""
        return next((mark for mark in MARKS if self.marks.get(mark)), None)

    @property
    def state(self) -> str:
        """How many and in which state, in words; empty for one that is in none.

        >>> Node(key="p", kind="task", name="p", many=12, marks={"stale": 2, "reused": 10}).state
        '12 partitions, 2 stale'
        >>> Node(key="p", kind="task", name="p", many=3, marks={"reused": 3}).state
        '3 partitions, reused'
        >>> Node(key="p", kind="task", name="p", marks={"pending": 1}).state
        'pending'
        """
        counts = {mark: self.marks[mark] for mark in MARKS if self.marks.get(mark)}
        said = [f"{self.many:,} {self.unit}s"] if self.many > 1 else []
        if len(counts) == 1 and [*counts.values()] == [self.many]:
            return ", ".join([*said, *counts])
        # Those that nothing has to be done about are the rest.
        told = [f"{count:,} {mark}" for mark, count in counts.items() if mark != "reused"]
        return ", ".join([*said, *told])

    @property
    def said(self) -> tuple[str, ...]:
        """All that stands under its name."""
        return tuple(filter(None, (self.state, *self.lines)))

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "key": self.key,
            "kind": self.kind,
            "name": self.name,
            "many": self.many,
            "marks": {mark: self.marks[mark] for mark in MARKS if self.marks.get(mark)},
            "lines": [*self.lines],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What leads to what, by their keys."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """Nodes in the order they are to be read, and edges between them.

    Raises:
        ValueError: two nodes have one key, or an edge leads to none, to where it begins, or
            where another leads.
    """

    title: str
    subtitle: str = ""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        keys = {node.key for node in self.nodes}
        if len(keys) < len(self.nodes):
            raise ValueError("two nodes of a drawing have one key")
        if any(edge.source not in keys or edge.target not in keys for edge in self.edges):
            raise ValueError("an edge of a drawing leads to no node")
        ends = {(edge.source, edge.target) for edge in self.edges if edge.source != edge.target}
        if len(ends) < len(self.edges):
            raise ValueError("an edge of a drawing is there twice, or leads to where it begins")

    @property
    def ids(self) -> dict[str, str]:
        """By key, a name for each node that every format takes."""
        return {node.key: f"n{number}" for number, node in enumerate(self.nodes)}

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [
                {"source": edge.source, "target": edge.target, "label": edge.label}
                for edge in self.edges
            ],
        }


def render(drawing: Drawing, form: str) -> str:
    """The drawing as `text`, `mermaid`, `dot` or `svg`; ends with a line break."""
    module = importlib.import_module(f".{form}", __name__)
    text: str = module.render(drawing)
    return text
