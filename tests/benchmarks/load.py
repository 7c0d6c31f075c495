"""What it costs that a loaded model holds rows against its signature before it predicts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import environments, measure, places
from .results import Figure
from .subject import Tell, probe

#: Rows of a batch, and how many batches a round predicts.
BATCHES = {1: 200, 10_000: 20}
BEGAT, BARE = "begat", "bare estimator"


def name(way: str, rows: int) -> str:
    """What a figure is called."""
    return f"{way}, {BATCHES[rows]} batches of {rows:,}"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU and wall seconds of predictions from one row and from 10,000, checked and bare."""
    tell(f"predictions of a loaded model, {rounds} times each")
    folder = places.fresh(places.WORK / "load")
    typed, command = probe("load_cost.py", str(rounds))
    environment = environments.variables("begat") | {"OMP_NUM_THREADS": "1"}
    cost = measure.run(command, folder=folder, environment=environment)
    found = json.loads(cost.output)
    figures = {
        name(way, rows): Figure(command=typed, cpu=times["cpu"], wall=times["wall"])
        for rows in BATCHES
        for way, times in found[str(rows)].items()
    }
    return {"load": figures}
