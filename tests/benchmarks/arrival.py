"""From an object that lands to the start of a flow run: whose time is it?

`begat watch` without a quiet period; a queue, a Prefect server and a worker as a user has them.
Wall seconds: what takes them is waiting, more than work.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from begat.tasks.server import prefect_server
from support.landing import World, deployed
from support.sqs import ministack
from support.worker import until

from . import places
from .results import Figure
from .subject import Tell

OURS, WHOLE = "until Prefect is told", "until the flow starts"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """Wall seconds of both, of each arrival."""
    folder = places.fresh(places.WORK / "arrival")
    os.environ["PREFECT_HOME"] = str(folder / "prefect")
    ours, whole = [], []
    with ministack() as queues, prefect_server():
        from prefect.settings import PREFECT_API_URL

        environment = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value()}
        project = folder / "project"
        project.mkdir()
        with (
            deployed(queues, environment, f"sqlite:///{folder}/begat.db", project) as world,
            world.watching(quiet=0) as watcher,
        ):
            for number in range(rounds):
                tell(f"arrival {number + 1} of {rounds}")
                told, started = _arrival(world, watcher, number)
                ours.append(told)
                whole.append(started)
    typed = "begat watch pipeline.py:pipeline --queue QUEUE --quiet-period 0"
    return {
        "arrival": {
            OURS: Figure(command=typed, wall=ours),
            WHOLE: Figure(command="prefect worker start --pool POOL --type process", wall=whole),
        }
    }


def _arrival(world: World, watcher: Any, number: int) -> tuple[float, float]:
    done = len(world.flow_runs())
    landed = time.time()
    world.put(f"2020-{number + 1:02}", number + 100)
    while json.loads(watcher.stdout.readline())["event"] != "batch":
        pass
    told = time.time()
    until(lambda: len(world.flow_runs()) > done)
    latest = max(datetime.fromisoformat(run["start_time"]) for run in world.flow_runs())
    return told - landed, latest.astimezone(UTC).timestamp() - landed
