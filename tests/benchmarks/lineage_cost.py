"""What lineage costs a task: 500 trivial tasks of a Prefect flow, with begat and without."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import measure, places, servers
from .peers import BEGAT
from .results import Figure
from .subject import Tell, probe

TASKS = 500


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU seconds of `TASKS` tasks: bare, begat, and each again without Prefect.

    The process's own CPU; the server does the same for both.
    """
    tell("500 trivial tasks: starting Prefect's server")
    folder = places.fresh(places.WORK / "tasks")
    with servers.prefect("begat", name="tasks") as server:
        tell(f"500 trivial tasks, {rounds} times each")
        typed, command = probe("task_cost.py", str(TASKS), str(rounds))
        environment = BEGAT.environment(server.url) | {
            "BEGAT_HOME": str(folder / ".begat"),
            "PREFECT_HOME": str(folder / ".prefect"),
        }
        cost = measure.run(command, folder=folder, environment=environment)
    found: dict[str, list[float]] = json.loads(cost.output.splitlines()[-1])
    names = {
        "bare": "bare Prefect task",
        "begat": "begat task in a Prefect flow",
        "function": "bare function",
        "plain": "begat task, plain adapter",
    }
    figures = {
        name: Figure(command=typed, cpu=[each * TASKS / 1000 for each in found[key]])
        for key, name in names.items()
    }
    return {"tasks": figures}
