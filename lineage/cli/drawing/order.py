"""Which node comes after which, also where some of them go in circles."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def order(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Nodes 0 … count - 1, each after those that lead to it; else the lower number first.

    Where edges go in circles, the lowest number that is left goes first. An edge leads
    back if its end does not come after its beginning.

    >>> order(4, [(0, 2), (1, 2), (2, 3), (3, 2)])
    [0, 1, 2, 3]
    """
    after: list[list[int]] = [[] for _ in range(count)]
    waits_for = [0] * count
    for source, target in edges:
        if source != target:
            after[source].append(target)
            waits_for[target] += 1
    ready = [node for node in range(count) if not waits_for[node]]
    left = dict.fromkeys(range(count))
    found = []
    while left:
        node = heapq.heappop(ready) if ready else next(iter(left))
        if node not in left:
            continue
        del left[node]
        found.append(node)
        for target in after[node]:
            waits_for[target] -= 1
            if not waits_for[target] and target in left:
                heapq.heappush(ready, target)
    return found


def layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node, from 0: one below all that lead to it, and close above its own.

    Edges that lead back are as if they were turned round.

    >>> layers(4, [(0, 2), (2, 3), (1, 3)])
    [0, 1, 1, 2]
    """
    sequence = order(count, edges)
    place = {node: at for at, node in enumerate(sequence)}
    forward = [
        (source, target) if place[source] < place[target] else (target, source)
        for source, target in edges
        if source != target
    ]
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in forward:
        before[target].append(source)
        after[source].append(target)
    found = [0] * count
    for node in sequence:
        found[node] = max((found[other] + 1 for other in before[node]), default=0)
    # What nothing leads to stands where it is needed, not all at the top.
    for node in reversed(sequence):
        if not before[node] and after[node]:
            found[node] = min(found[other] for other in after[node]) - 1
    return found
