"""The one integer node space of the edges.

A node is the id of a row and, in the last two bits, which table the row is in. So an
edge says what it joins without a look at another table.
"""

from __future__ import annotations

RUN, PRODUCT, SNAPSHOT, SEGMENT = range(4)


def run(row: int) -> int:
    """The node of a run."""
    return row * 4 + RUN


def product(row: int) -> int:
    """The node of a version as one run made it."""
    return row * 4 + PRODUCT


def snapshot(row: int) -> int:
    """The node of a snapshot."""
    return row * 4 + SNAPSHOT


def segment(row: int) -> int:
    """The node of some rows of a snapshot."""
    return row * 4 + SEGMENT


def split(node: int) -> tuple[int, int]:
    """Kind and row id of a node.

    >>> split(product(7)) == (PRODUCT, 7)
    True
    """
    return node % 4, node // 4
