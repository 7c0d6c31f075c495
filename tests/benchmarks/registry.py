"""Registering, promoting and taking back: begat's registry and MLflow's, both on SQLite."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import environments, measure, places
from .results import Figure
from .subject import Tell, in_turn, probe

VERSIONS, MOVES = 200, 50
#: What is done, and how often.
ACTS = {"register": VERSIONS, "promote": MOVES, "rollback": MOVES}
OURS, THEIRS = "begat", "MLflow"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU seconds of each act, of all that a process does."""
    arguments = (str(VERSIONS), str(MOVES))
    typed, command = probe("registry.py", *arguments)
    script = places.HERE / "peers" / "mlflow" / "registry.py"
    theirs = f"python tests/benchmarks/peers/mlflow/registry.py {' '.join(arguments)}"
    ways = [
        (OURS, typed, command, "begat"),
        (THEIRS, theirs, ["python", str(script), *arguments], "mlflow"),
    ]
    figures: dict[str, Figure] = {}
    for number, (name, said, run, kind) in in_turn(rounds, ways):
        tell(f"registry, round {number + 1}: {name}")
        folder = places.fresh(places.WORK / "registry")
        cost = measure.run(run, folder=folder, environment=environments.variables(kind))
        for act, cpu in json.loads(cost.output.splitlines()[-1]).items():
            figure = figures.setdefault(
                f"{name}: {act}", Figure(command=said, extra={"events": ACTS[act]})
            )
            figure.cpu.append(cpu)
            figure.wall.append(cost.wall)
    return {"registry": figures}
