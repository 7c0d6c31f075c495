"""What it costs to start begat: `begat --help` beside `python -c pass`, and what is imported."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from . import measure, pipelines
from .peers import BEGAT_PLAIN
from .results import Figure
from .subject import Collector, Tell, in_turn, probe

#: So short a process is started this often for one figure.
TIMES = 10
COMMANDS = (
    "begat --help",
    "python -c pass",
    "begat show flights@1",
    "begat plan flights.py:pipeline",
)


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU seconds of one start each, and the heavy libraries that the commands import."""
    tell("starts: a model to show")
    pipelines.run(BEGAT_PLAIN, "cold", None)
    folder, environment = BEGAT_PLAIN.folder, BEGAT_PLAIN.environment()
    for command in COMMANDS:
        measure.run(shlex.split(command), folder=folder, environment=environment)
    collector = Collector()
    for number, command in in_turn(rounds, COMMANDS):
        tell(f"starts, round {number + 1}: {command}")
        costs = [
            measure.run(shlex.split(command), folder=folder, environment=environment)
            for _ in range(TIMES)
        ]
        mean = measure.Cost(
            cpu=sum(cost.cpu for cost in costs) / TIMES,
            wall=sum(cost.wall for cost in costs) / TIMES,
            peak=max(cost.peak for cost in costs),
        )
        collector.add(command, command, mean)
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        if program != "begat":
            continue
        _, probing = probe("imports.py", *arguments)
        cost = measure.run(probing, folder=folder, environment=environment)
        collector.figures[command].extra["imports"] = json.loads(cost.output.splitlines()[-1])
    return {"start": collector.figures}
