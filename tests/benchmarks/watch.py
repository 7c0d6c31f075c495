"""Notifications that a watcher takes: from a queue to whom it tells, beside bare inserts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import environments, measure, places
from .results import Figure
from .subject import Tell, probe

NOTIFICATIONS = 5_000
WATCH, BARE = "begat watch", "json and sqlite3"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU and wall seconds of each."""
    tell(f"{NOTIFICATIONS} notifications, {rounds} times each")
    folder = places.fresh(places.WORK / "watch")
    typed, command = probe("watch.py", str(NOTIFICATIONS), str(rounds))
    cost = measure.run(command, folder=folder, environment=environments.variables("begat"))
    found = json.loads(cost.output)
    figures = {
        name: Figure(
            command=typed,
            cpu=times["cpu"],
            wall=times["wall"],
            extra={"events": NOTIFICATIONS},
        )
        for name, times in found.items()
    }
    return {"watch": figures}
