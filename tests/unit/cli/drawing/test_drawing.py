"""What a drawing is, and what it says of its nodes."""

from __future__ import annotations

import pytest

from begat.lineage.cli.drawing import Drawing, Edge, Node


def node(key: str) -> Node:
    """A task."""
    return Node(key=key, kind="task", name=key)


@pytest.mark.parametrize(
    ("keys", "edges"),
    [("aa", []), ("ab", ["ac"]), ("ab", ["ca"]), ("ab", ["aa"]), ("ab", ["ab", "ab"])],
)
def test_a_drawing_that_makes_no_sense_is_refused(keys: str, edges: list[str]) -> None:
    """Keys are unique, and edges lead from one node to another, each once."""
    with pytest.raises(ValueError, match="drawing"):
        Drawing(
            title="",
            nodes=tuple(map(node, keys)),
            edges=tuple(Edge(source=source, target=target) for source, target in edges),
        )


@pytest.mark.parametrize(
    ("marks", "state", "mark"),
    [
        ({}, "12 partitions", None),
        ({"reused": 12}, "12 partitions, reused", "reused"),
        ({"stale": 12}, "12 partitions, stale", "stale"),
        ({"reused": 10, "stale": 2}, "12 partitions, 2 stale", "stale"),
        ({"pending": 4, "stale": 8, "reused": 0}, "12 partitions, 8 stale, 4 pending", "stale"),
        ({"pending": 1, "failed": 1}, "12 partitions, 1 failed, 1 pending", "failed"),
    ],
)
def test_the_state_of_many_is_counted(marks: dict[str, int], state: str, mark: str) -> None:
    """Those that nothing has to be done about are the rest; the gravest mark decides the look."""
    many = Node(key="a", kind="task", name="a", many=12, marks=marks)  # type: ignore[arg-type]  # marks

    assert (many.state, many.mark) == (state, mark)


def test_one_is_not_counted() -> None:
    """A single task only has its state, and a single file none."""
    train = Node(key="a", kind="task", name="train", marks={"stale": 1}, lines=("Tree",))

    assert train.said == ("stale", "Tree")
    assert node("a").said == ()
