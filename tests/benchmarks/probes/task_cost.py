"""CPU milliseconds a trivial task: bare Prefect, begat's decorator, begat without Prefect.

    python task_cost.py TASKS ROUNDS

One process, blocks in turn: what Prefect's threads do late falls on both alike. Prints JSON:
milliseconds a task for each block.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import prefect

from begat.lineage import DatasetVersion, plain
from begat.lineage.content.digest import digest_bytes
from begat.tasks import task, tracked

TASKS, ROUNDS = int(sys.argv[1]), int(sys.argv[2])


def work(part: DatasetVersion, factor: int = 2) -> int:
    return len(part.digest) * factor


bare, ours, plainly = prefect.task(work), task(work), plain.task(work)


def parts(first: int, count: int) -> list[DatasetVersion]:
    """As many versions, all different: nothing is reused."""
    return [
        DatasetVersion(
            namespace="file",
            name="/lake/part",
            partition=f"number={number}",
            digest=digest_bytes(f"{number}".encode()),
            size=3,
        )
        for number in range(first, first + count)
    ]


def milliseconds(call: Callable[[DatasetVersion], Any], given: list[DatasetVersion]) -> float:
    """CPU a call."""
    began = time.process_time()
    for part in given:
        call(part)
    return 1000 * (time.process_time() - began) / len(given)


found: dict[str, list[float]] = {"bare": [], "begat": [], "plain": [], "function": []}


@tracked
@prefect.flow(name="trivial")
def trivial() -> None:
    for call in (bare, ours):
        milliseconds(call, parts(-20, 20))
    for number in range(ROUNDS):
        given = parts(number * TASKS, TASKS)
        turn = [("bare", bare), ("begat", ours)]
        for name, call in turn if number % 2 == 0 else reversed(turn):
            found[name].append(milliseconds(call, given))


trivial()
with plain.flow("plain"):
    milliseconds(plainly, parts(-20, 20))
    for number in range(ROUNDS):
        given = parts(number * TASKS, TASKS)
        found["function"].append(milliseconds(work, given))
        found["plain"].append(milliseconds(plainly, given))
sys.stdout.write(json.dumps(found))
