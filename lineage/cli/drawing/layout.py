"""Where the boxes of a layered drawing stand, and which way its lines go.

The method of Sugiyama, Tagawa and Toda (1981): layers, order within them by barycentres,
then places. Places minimise the squared distance to neighbours; a layer's are an isotonic
regression, solved by pooling adjacent violators (Barlow et al. 1972). Nothing is random:
the same graph is laid out the same way for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain as joined
from itertools import pairwise
from typing import Final

from .order import layers, order

Size = tuple[float, float]
Point = tuple[float, float]

#: Between boxes of a layer, and between layers.
BESIDE: Final = 28.0
BELOW: Final = 46.0
#: Between lines that pass a layer.
_LANE: Final = 18.0
#: Between lines that meet a box, and from them to its corners.
_APART: Final = 16.0
_CORNER: Final = 16.0
_SWEEPS: Final = 12
#: How much a line wants to be straight: at its ends, and between them.
_END: Final = 1.0
_INSIDE: Final = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Places, in pixels from the top left corner."""

    width: float
    height: float
    #: Centres of the boxes.
    boxes: tuple[Point, ...]
    #: Of each edge, the points that it passes, from its beginning to its end.
    routes: tuple[tuple[Point, ...], ...]
    #: Centres of the labels, by the number of their edge.
    labels: Mapping[int, Point]


def lay_out(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], labels: Mapping[int, Size]
) -> Layout:
    """Lay a graph out from top to bottom.

    Args:
        sizes: width and height of each box.
        edges: beginning and end of each, by the numbers of the boxes; none twice, and none
            from a box to itself.
        labels: width and height of those that there are, by the number of their edge.
    """
    graph = _Graph(sizes, edges, labels)
    graph.sort()
    graph.place()
    return graph.layout()


class _Graph:
    """The graph with a vertex of its own for each row that an edge passes.

    Boxes are in even rows; in the odd ones between them stand the labels.
    """

    def __init__(
        self, sizes: Sequence[Size], edges: Sequence[tuple[int, int]], labels: Mapping[int, Size]
    ) -> None:
        self.boxes = len(sizes)
        self.sizes = [*sizes]
        self.row = [2 * layer for layer in layers(len(sizes), edges)]
        self.edges = edges
        self.labels: dict[int, int] = {}
        place = {node: at for at, node in enumerate(order(len(sizes), edges))}
        #: Of each edge, its vertices from the upper end to the lower.
        self.chains: list[list[int]] = []
        self.turned = [place[source] > place[target] for source, target in edges]
        for number, (source, target) in enumerate(edges):
            upper, lower = (target, source) if self.turned[number] else (source, target)
            self.chains.append(self._chain(number, upper, lower, labels.get(number)))
        self.above: list[list[tuple[int, float]]] = [[] for _ in self.sizes]
        self.below: list[list[tuple[int, float]]] = [[] for _ in self.sizes]
        for chain in self.chains:
            for upper, lower in pairwise(chain):
                weight = _INSIDE if min(upper, lower) >= self.boxes else _END
                self.below[upper].append((lower, weight))
                self.above[lower].append((upper, weight))
        self.rows: list[list[int]] = [[] for _ in range(max(self.row, default=0) + 1)]
        for vertex, row in enumerate(self.row):
            self.rows[row].append(vertex)
        self.heights = [max((self.sizes[v][1] for v in row), default=0.0) for row in self.rows]
        self.at = [0.0] * len(self.sizes)
        self.x = [0.0] * len(self.sizes)

    def _chain(self, number: int, upper: int, lower: int, label: Size | None) -> list[int]:
        chain = [upper]
        for row in range(self.row[upper] + 1, self.row[lower]):
            chain.append(len(self.sizes))
            self.row.append(row)
            self.sizes.append((_LANE, 0.0))
        if label is not None:
            # Close to its lower end: there it says what is read.
            self.sizes[chain[-1]] = label
            self.labels[number] = chain[-1]
        return [*chain, lower]

    def sort(self) -> None:
        """Order each row so that few lines cross."""
        best, fewest = self.rows, self._crossings()
        # Sweeps end where they must from where they start, so they start in several orders.
        for start in (self.rows, self._found(self.above), self._found(self.below)):
            self.rows = [[*row] for row in start]
            self._number(*self.rows)
            for sweep in range(_SWEEPS):
                crossings = self._crossings()
                if crossings < fewest:
                    best, fewest = [[*row] for row in self.rows], crossings
                down = sweep % 2 == 0
                for row in self.rows[1:] if down else self.rows[-2::-1]:
                    self._by_barycentre(row, self.above if down else self.below)
        self.rows = best

    def _found(self, neighbours: list[list[tuple[int, float]]]) -> list[list[int]]:
        """The rows in the order in which a search in depth along these neighbours meets them."""
        rows: list[list[int]] = [[] for _ in self.rows]
        against = self.below if neighbours is self.above else self.above
        todo = [vertex for row in reversed(self.rows) for vertex in row if not against[vertex]]
        seen = set()
        while todo:
            vertex = todo.pop()
            if vertex not in seen:
                seen.add(vertex)
                rows[self.row[vertex]].append(vertex)
                todo += [end for end, _ in reversed(neighbours[vertex])]
        return rows

    def _by_barycentre(self, row: list[int], neighbours: list[list[tuple[int, float]]]) -> None:
        wanted = {
            vertex: (
                sum(self.at[end] for end, _ in neighbours[vertex]) / len(neighbours[vertex])
                if neighbours[vertex]
                else self.at[vertex]
            )
            for vertex in row
        }
        row.sort(key=wanted.__getitem__)
        self._number(row)

    def _number(self, *rows: list[int]) -> None:
        # In parts of a row, so that rows of few and of many compare.
        for row in rows:
            for number, vertex in enumerate(row):
                self.at[vertex] = (number + 0.5) / len(row)

    def _crossings(self) -> int:
        crossings = 0
        for upper, lower in pairwise(self.rows):
            place = {vertex: at for at, vertex in enumerate(lower)}
            ends = (sorted(place[end] for end, _ in self.below[vertex]) for vertex in upper)
            crossings += _inversions([*joined.from_iterable(ends)])
        return crossings

    def place(self) -> None:
        """Give every vertex its x: close to its neighbours, and none upon another."""
        for row in self.rows:
            self._settle(row, dict.fromkeys(row, (0.0, 1.0)))
        both = [above + below for above, below in zip(self.above, self.below, strict=True)]
        for sweep in range(2 * _SWEEPS):
            neighbours = (self.above, self.below)[sweep % 2] if sweep < _SWEEPS else both
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                self._settle(row, {vertex: self._wanted(vertex, neighbours) for vertex in row})
        left = min((self.x[v] - self.sizes[v][0] / 2 for v in range(len(self.x))), default=0.0)
        self.x = [x - left for x in self.x]

    def _wanted(
        self, vertex: int, neighbours: list[list[tuple[int, float]]]
    ) -> tuple[float, float]:
        pulls = neighbours[vertex]
        if not pulls:
            return self.x[vertex], 0.01
        weight = sum(pull for _, pull in pulls)
        return sum(self.x[other] * pull for other, pull in pulls) / weight, weight

    def _settle(self, row: Sequence[int], wanted: Mapping[int, tuple[float, float]]) -> None:
        offset, offsets = 0.0, []
        for number, vertex in enumerate(row):
            if number:
                before = row[number - 1]
                beside = BESIDE if max(before, vertex) < self.boxes else BESIDE / 2
                offset += (self.sizes[before][0] + self.sizes[vertex][0]) / 2 + beside
            offsets.append(offset)
        targets = [
            (wanted[vertex][0] - offset, wanted[vertex][1])
            for vertex, offset in zip(row, offsets, strict=True)
        ]
        for vertex, x, offset in zip(row, isotonic(targets), offsets, strict=True):
            self.x[vertex] = x + offset

    def layout(self) -> Layout:
        """What was found."""
        tops, top = [], 0.0
        for height in self.heights:
            tops.append(top)
            top += height + BELOW / 2
        bands = [(tops[row], tops[row] + self.heights[row]) for row in self.row]
        centres = [(above + below) / 2 for above, below in bands]
        ports = self._ports()
        return Layout(
            width=max((self.x[v] + self.sizes[v][0] / 2 for v in range(len(self.x))), default=0.0),
            height=max((bottom for _, bottom in bands), default=0.0),
            boxes=tuple((self.x[v], centres[v]) for v in range(self.boxes)),
            routes=tuple(
                route[::-1] if turned else route
                for chain, turned in zip(self.chains, self.turned, strict=True)
                for route in [self._route(chain, bands, ports)]
            ),
            labels={number: (self.x[v], centres[v]) for number, v in self.labels.items()},
        )

    def _ports(self) -> dict[tuple[int, int], float]:
        """Where edges meet boxes, by box and next vertex: below or above it, if there is room."""
        found = {}
        for box in range(self.boxes):
            room = max(0.0, self.sizes[box][0] / 2 - _CORNER)
            for side in (self.above[box], self.below[box]):
                ends = sorted((end for end, _ in side), key=self.x.__getitem__)
                apart = min(_APART, 2 * room / max(1, len(ends) - 1))
                wanted = [(self.x[end] - at * apart, 1.0) for at, end in enumerate(ends)]
                left, right = self.x[box] - room, self.x[box] + room - apart * (len(ends) - 1)
                for at, (end, x) in enumerate(zip(ends, isotonic(wanted), strict=True)):
                    found[box, end] = min(max(x, left), right) + at * apart
        return found

    def _route(
        self,
        chain: Sequence[int],
        bands: Sequence[Point],
        ports: Mapping[tuple[int, int], float],
    ) -> tuple[Point, ...]:
        upper, *between, lower = chain
        points = [(ports[upper, between[0]], bands[upper][0] + self._tall(upper))]
        ends = [
            *((self.x[v], bands[v]) for v in between),
            (ports[lower, between[-1]], bands[lower]),
        ]
        for vertex, (x_after, _) in zip(between, ends[1:], strict=True):
            if not self._may_pass(vertex, (points[-1][0] + x_after) / 2):
                points += [(self.x[vertex], y) for y in dict.fromkeys(bands[vertex])]
        points.append((ports[lower, between[-1]], bands[lower][1] - self._tall(lower)))
        return tuple(points)

    def _tall(self, box: int) -> float:
        """From the far edge of a box's row to the near edge of the box: it stands in the middle."""
        return (self.heights[self.row[box]] + self.sizes[box][1]) / 2

    def _may_pass(self, vertex: int, x: float) -> bool:
        """Whether a line may cross the row of one of its vertices at x: no label is in its way."""
        if not self.row[vertex] % 2 or vertex in self.labels.values():
            return False
        return all(
            abs(self.x[label] - x) > self.sizes[label][0] / 2 + _LANE / 2
            for label in self.labels.values()
            if self.row[label] == self.row[vertex]
        )


def isotonic(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """Numbers that never fall, as close to those wanted as can be: least weighted squares.

    Args:
        wanted: values and their weights.

    >>> isotonic([(3.0, 1.0), (1.0, 1.0), (4.0, 1.0)])
    [2.0, 2.0, 4.0]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in wanted:
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, first, m), (b, second, n) = pools[-2:]
            together = first + second
            pools[-2:] = [((a * first + b * second) / together, together, m + n)]
    return [value for value, _, count in pools for _ in range(count)]


def _inversions(values: Sequence[int]) -> int:
    """How many pairs stand in the wrong order; by a tree of counts (Fenwick)."""
    tree = [0] * (max(values, default=0) + 2)
    found = 0
    for seen, value in enumerate(values):
        at, smaller = value + 1, 0
        while at:
            smaller += tree[at]
            at -= at & -at
        found += seen - smaller
        at = value + 1
        while at < len(tree):
            tree[at] += 1
            at += at & -at
    return found
