"""Where things stand: laws that hold for any graph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.cli.drawing.layout import Layout, Size, isotonic, lay_out
from begat.lineage.cli.drawing.order import layers, order

Graph = tuple[list[Size], list[tuple[int, int]], dict[int, Size]]
sizes = st.tuples(st.floats(40, 300), st.floats(20, 90))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Boxes, edges (some of them in circles), and labels of some edges."""
    boxes = draw(st.lists(sizes, min_size=1, max_size=12))
    ends = st.tuples(*[st.integers(0, len(boxes) - 1)] * 2).filter(lambda ends: ends[0] != ends[1])
    edges = draw(st.lists(ends, unique=True, max_size=20)) if len(boxes) > 1 else []
    labelled = draw(st.sets(st.sampled_from(range(len(edges))))) if edges else set()
    return boxes, edges, {edge: draw(sizes) for edge in sorted(labelled)}


def apart(one: tuple[float, float, Size], other: tuple[float, float, Size]) -> bool:
    """Whether two boxes, by centre and size, do not touch."""
    (x0, y0, (w0, h0)), (x1, y1, (w1, h1)) = one, other
    return abs(x0 - x1) >= (w0 + w1) / 2 - 1e-6 or abs(y0 - y1) >= (h0 + h1) / 2 - 1e-6


@given(graphs())
def test_nothing_lies_upon_another(graph: Graph) -> None:
    """Boxes and labels keep apart, inside the drawing."""
    boxes, edges, labels = graph
    found = lay_out(boxes, edges, labels)
    placed = [(x, y, size) for (x, y), size in zip(found.boxes, boxes, strict=True)]
    placed += [(x, y, labels[edge]) for edge, (x, y) in found.labels.items()]
    together = [
        (one, other)
        for at, one in enumerate(placed)
        for other in placed[:at]
        if not apart(one, other)
    ]

    assert together == []
    assert all(
        x - wide / 2 >= -1e-6
        and x + wide / 2 <= found.width + 1e-6
        and y - tall / 2 >= -1e-6
        and y + tall / 2 <= found.height + 1e-6
        for x, y, (wide, tall) in placed
    )


def on_edge(point: tuple[float, float], box: tuple[float, float], size: Size) -> bool:
    """Whether a point lies on the upper or lower side of a box."""
    across, along = abs(point[0] - box[0]), abs(point[1] - box[1])
    return across <= size[0] / 2 + 1e-6 and along == pytest.approx(size[1] / 2)


@given(graphs())
def test_lines_lead_from_box_to_box(graph: Graph) -> None:
    """Each begins at its own box and ends at its own, and only ever goes down, or only up."""
    boxes, edges, labels = graph
    found = lay_out(boxes, edges, labels)
    for (source, target), route in zip(edges, found.routes, strict=True):
        heights = [y for _, y in route]

        assert on_edge(route[0], found.boxes[source], boxes[source])
        assert on_edge(route[-1], found.boxes[target], boxes[target])
        assert heights in (sorted(heights), sorted(heights, reverse=True))


@given(graphs())
def test_lines_pass_no_box_and_no_label_of_others(graph: Graph) -> None:
    """Where a line passes a row of boxes or labels, it stands still beside them."""
    boxes, edges, labels = graph
    found = lay_out(boxes, edges, labels)
    for number, (ends, route) in enumerate(zip(edges, found.routes, strict=True)):
        inner = route[1:-1]
        for box, (x, y) in enumerate(found.boxes):
            if box not in ends:
                assert all(apart((px, py, (0, 0)), (x, y, boxes[box])) for px, py in inner)
        for label, (x, y) in found.labels.items():
            if label != number:
                assert all(apart((px, py, (0, 0)), (x, y, labels[label])) for px, py in inner)


def crossings(found: Layout) -> int:
    """How often lines of a drawing cross, by their ends in each row."""
    lines = [line for route in found.routes for line in pairwise(route)]
    return sum(
        (a[0] - c[0]) * (b[0] - d[0]) < 0
        for at, (a, b) in enumerate(lines)
        for c, d in lines[:at]
        if a[1] == c[1] and b[1] == d[1]
    )


def test_a_pipeline_has_no_crossings() -> None:
    """Train goes to evaluate and register, and what is held out to evaluate: side by side."""
    edges = [(0, 3), (1, 3), (2, 3), (3, 4), (4, 5), (4, 6), (5, 6), (5, 7), (6, 7), (7, 8)]
    found = lay_out([(100, 40)] * 9, edges, {4: (60, 16), 5: (60, 16)})

    assert crossings(found) == 0


def test_a_chain_is_straight() -> None:
    """What follows from one another stands below one another."""
    found = lay_out([(100, 40), (200, 40), (60, 40)], [(0, 1), (1, 2)], {})

    assert {round(x, 6) for x, _ in found.boxes} == {100.0}
    assert {round(x, 6) for route in found.routes for x, _ in route} == {100.0}


def test_nothing_is_laid_out_as_nothing() -> None:
    """A drawing may be empty."""
    assert lay_out([], [], {}) == Layout(width=0, height=0, boxes=(), routes=(), labels={})


def test_many_are_laid_out_in_rows() -> None:
    """A thousand boxes that one leads to, and that lead to one, are one row."""
    last = 1001
    edges = [(0, box) for box in range(1, last)] + [(box, last) for box in range(1, last)]
    found = lay_out([(100, 40)] * (last + 1), edges, {})

    assert len({y for _, y in found.boxes}) == 3


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 10)), max_size=12))
def test_isotonic(wanted: list[tuple[float, float]]) -> None:
    """The numbers never fall, keep the weighted sum, and stay as they are where they rise."""
    found = isotonic(wanted)
    rising = sorted(value for value, _ in wanted)

    assert found == sorted(found)
    assert sum(x * weight for x, (_, weight) in zip(found, wanted, strict=True)) == pytest.approx(
        sum(value * weight for value, weight in wanted), abs=1e-6
    )
    assert isotonic([(value, 1.0) for value in rising]) == rising


@given(graphs())
def test_order(graph: Graph) -> None:
    """Each node is there once, and after those that lead to it where that can be."""
    boxes, edges, _ = graph
    forward = [(min(ends), max(ends)) for ends in edges]
    found = order(len(boxes), forward)

    assert sorted(found) == list(range(len(boxes)))
    assert sorted(order(len(boxes), edges)) == list(range(len(boxes)))
    assert all(found.index(source) < found.index(target) for source, target in forward)


@given(graphs())
def test_layers(graph: Graph) -> None:
    """No two ends of an edge are in one layer; without circles every edge leads down."""
    boxes, edges, _ = graph
    forward = [(min(ends), max(ends)) for ends in edges]
    found, turned = layers(len(boxes), forward), layers(len(boxes), edges)

    assert all(found[source] < found[target] for source, target in forward)
    assert all(turned[source] != turned[target] for source, target in edges)
    assert min(found) == min(turned) == 0


def roots(edges: Sequence[tuple[int, int]]) -> set[int]:
    """What nothing leads to."""
    return {source for source, _ in edges} - {target for _, target in edges}


def test_what_is_needed_late_stands_late() -> None:
    """A source stands right above the first that reads it."""
    edges = [(0, 1), (1, 2), (2, 3), (4, 3)]

    assert roots(edges) == {0, 4}
    assert layers(5, edges) == [0, 1, 2, 3, 2]
