"""A process that watches a queue once, and is killed where a test says.

`python watching.py QUEUE PATTERN FILE POINT`; what is told is appended to FILE. POINT is one of
`received`, `recorded`, `closed`, `told`, or empty.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from begat.lineage.arrivals.batches import Batch
from begat.lineage.arrivals.sources import Message
from begat.lineage.arrivals.sqs import Queue
from begat.lineage.arrivals.watched import Watched
from begat.lineage.arrivals.watcher import Watcher
from begat.lineage.workspace import workspace


def reach(point: str, here: str) -> None:
    """Be killed as the kernel kills, if this is where."""
    if point == here:
        os.kill(os.getpid(), signal.SIGKILL)


class Killed(Queue):
    """A queue whose reader does not live long."""

    point = ""

    def receive(self, timeout: float) -> Sequence[Message]:
        """Hand out, and then."""
        found = super().receive(timeout)
        if any("Records" in one.body for one in found):
            reach(self.point, "received")
        return found

    def done(self, messages: Sequence[Message]) -> None:
        """Not even be told that it is recorded."""
        if any("Records" in one.body for one in messages):
            reach(self.point, "recorded")
        super().done(messages)


def main(queue: str, pattern: str, file: str, point: str) -> None:
    """Drain it."""
    source = Killed(queue)
    source.point = point

    def tell(batch: Batch) -> None:
        reach(point, "closed")
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(batch.to_json()) + "\n")
        reach(point, "told")

    Watcher(workspace(), [Watched.parse(pattern, folder=Path.cwd())], [source], tell=tell).drain()


if __name__ == "__main__":
    main(*sys.argv[1:])
