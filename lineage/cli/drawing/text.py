"""Text: a node a line, with lines beside them that lead from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from . import Drawing, Mark, Node
from .letters import clean, shortened
from .order import order

_SYMBOLS: Final = {"source": "○", "data": "○", "task": "●", "model": "◆"}
#: Names are no wider than this, so that what follows stands in a column.
_NAME: Final = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the drawing; one without a name only leads on."""

    rails: str
    name: str = ""
    said: str = ""
    mark: Mark | None = None

    def __str__(self) -> str:
        return f"{self.rails}{self.name}{self.said}".rstrip()


def render(drawing: Drawing) -> str:
    """The drawing as lines of text, from top to bottom."""
    heading = "  ".join(filter(None, (clean(drawing.title), clean(drawing.subtitle))))
    return "\n".join([heading, *map(str, lines(drawing)), ""])


def lines(drawing: Drawing) -> list[Line]:
    """The lines below its title, each node after those that lead to it."""
    rows = [*_rows(drawing)]
    wide = max((len(rails) for rails, _ in rows), default=0) + 2
    names = {node.key: shortened(clean(node.name), _NAME) for node in drawing.nodes}
    column = max(map(len, names.values()), default=0) + 2
    read: dict[str, list[str]] = {}
    for edge in drawing.edges:
        if clean(edge.label):
            read.setdefault(edge.target, []).append(f"← {edge.label}")
    return [
        Line(rails=rails)
        if node is None
        else Line(
            rails=rails.ljust(wide),
            name=names[node.key].ljust(column),
            said="  ".join(map(clean, (*node.said, *read.get(node.key, ())))),
            mark=node.mark,
        )
        for rails, node in rows
    ]


def _rows(drawing: Drawing) -> Iterator[tuple[str, Node | None]]:
    numbers = {node.key: number for number, node in enumerate(drawing.nodes)}
    edges = [(numbers[edge.source], numbers[edge.target]) for edge in drawing.edges]
    sequence = order(len(numbers), edges)
    place = {node: at for at, node in enumerate(sequence)}
    leads_to: dict[int, list[int]] = {}
    for source, target in sorted(set(edges), key=lambda edge: place[edge[1]]):
        if place[source] < place[target]:
            leads_to.setdefault(source, []).append(target)
    #: By column, the node that the line there leads to; -1 for none.
    columns: list[int] = []
    for number in sequence:
        own = [at for at, target in enumerate(columns) if target == number]
        if len(own) > 1:
            yield _branch(columns, own, "┴╯"), None
            for at in own[1:]:
                columns[at] = -1
        column = own[0] if own else _free(columns, 0)
        columns[column] = number
        yield _rails(columns, column, _SYMBOLS[drawing.nodes[number].kind]), drawing.nodes[number]
        targets = leads_to.get(number, [])
        columns[column] = targets[0] if targets else -1
        opened = [column]
        for target in targets[1:]:
            opened.append(_free(columns, column + 1))
            columns[opened[-1]] = target
        if len(opened) > 1:
            yield _branch(columns, opened, "┬╮"), None
        while columns and columns[-1] < 0:
            columns.pop()


def _free(columns: list[int], least: int) -> int:
    for at in range(least, len(columns)):
        if columns[at] < 0:
            return at
    columns.append(-1)
    return len(columns) - 1


def _rails(columns: list[int], column: int, symbol: str) -> str:
    return " ".join(
        symbol if at == column else "│" if target >= 0 else " " for at, target in enumerate(columns)
    )


def _branch(columns: list[int], own: list[int], ends: str) -> str:
    """A line from the first of these columns to the last, across those between."""
    drawn = ""
    for at, target in enumerate(columns):
        inside = own[0] < at < own[-1]
        if at == own[0]:
            drawn += "├"
        elif at in own:
            drawn += ends[at == own[-1]]
        elif inside:
            drawn += "┼" if target >= 0 else "─"
        else:
            drawn += "│" if target >= 0 else " "
        drawn += "─" if own[0] <= at < own[-1] else " "
    return drawn.rstrip()
