"""How much faster two Dask processes prepare and featurize than one.

Eight partitions of half a million rows together, on workers that have imported everything: what
is measured is the work and what Prefect, Dask and begat add to it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import lake, measure, places, servers
from .peers import BEGAT
from .results import Figure
from .subject import Collector, Tell, in_turn, probe

PARTITIONS, TIMES = 8, 3
#: What is measured, by the number of processes.
PROCESSES = {1: "one Dask process", 2: "two Dask processes"}
#: featurize keeps a few rows, so that training is short.
PIPELINE = "narrow.py:pipeline"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """Wall seconds of prepare and featurize; CPU seconds of everything."""
    collector = Collector()
    tell("task runners: starting Prefect's server")
    with servers.prefect("begat", name="runners") as server:
        for number, workers in in_turn(rounds, tuple(PROCESSES)):
            tell(f"task runners, round {number + 1}: {PROCESSES[workers]}")
            folder = places.fresh(places.WORK / "runners")
            _lay(folder)
            typed, command = probe("task_runners.py", str(workers), PIPELINE)
            environment = BEGAT.environment(server.url) | {"PREFECT_HOME": str(folder / ".prefect")}
            cost = measure.run(command, folder=folder, environment=environment)
            seconds = json.loads((folder / "seconds.json").read_text())
            collector.add(PROCESSES[workers], typed, replace(cost, wall=seconds))
    return {"runners": collector.figures}


def _lay(folder: Path) -> None:
    peers = places.HERE / "peers"
    for path in (peers / "work.py", peers / "begat" / "narrow.py", peers / "begat" / "flights.py"):
        shutil.copy(path, folder)
    lake.lay(folder, ())
    header, *rows = (
        lake.raw(lake.make().parent, lake.MONTHS[0]).read_bytes().splitlines(keepends=True)
    )
    for number in range(PARTITIONS):
        target = lake.raw(folder, f"part-{number:03}")
        target.parent.mkdir(parents=True)
        # A last line makes each another file.
        target.write_bytes(b"".join([header, *(rows * TIMES), rows[number]]))
