"""Asking whether anything changed among 20,000 files of 10 kB: `begat plan` and `dvc status`.

Both know the files: begat has run a pipeline over them, DVC has added them. 100 partitions of 200
files; each file is a small table. Nothing changes between the runs.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import environments, measure, places
from .results import Figure
from .subject import Collector, Tell, in_turn

PARTITIONS, FILES, ROWS = 100, 200, 500
PLAN, STATUS = "begat plan bulk.py:pipeline --json", "dvc status"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """What the two commands cost."""
    tell("20,000 files: writing them")
    folder = places.fresh(places.WORK / "recheck")
    environment = environments.variables("begat")
    theirs = environments.variables(
        "dvc",
        DVC_SITE_CACHE_DIR=str(folder / ".site"),
        DVC_GLOBAL_CONFIG_DIR=str(folder / ".global"),
    )
    shutil.copy(places.HERE / "peers" / "begat" / "bulk.py", folder)
    _write(folder / "lake")
    # A copy for DVC: each finds only what it wrote itself.
    (folder / "dvc").mkdir()
    shutil.copytree(folder / "lake", folder / "dvc" / "lake")
    tell("20,000 files: begat runs a pipeline over them")
    measure.run(
        shlex.split("begat run bulk.py:pipeline --plain"), folder=folder, environment=environment
    )
    tell("20,000 files: DVC adds them")
    for command in ("dvc init --no-scm --quiet", "dvc add --quiet lake", STATUS):
        measure.run(shlex.split(command), folder=folder / "dvc", environment=theirs)
    measure.run(shlex.split(PLAN), folder=folder, environment=environment)
    collector = Collector()
    ways = [
        ("begat plan", PLAN, folder, environment),
        ("dvc status", STATUS, folder / "dvc", theirs),
    ]
    for number, (name, command, where, variables) in in_turn(rounds, ways):
        tell(f"20,000 files, round {number + 1}: {command}")
        cost = measure.run(shlex.split(command), folder=where, environment=variables)
        _check_nothing_to_do(name, cost.output)
        collector.add(name, command, cost)
    return {"recheck": collector.figures}


def _write(lake: Path) -> None:
    for partition in range(PARTITIONS):
        folder = lake / f"day={partition:03}"
        folder.mkdir(parents=True)
        for file in range(FILES):
            # Eight figures and two commas, eighteen bytes and more a row.
            rows = (
                f"{partition:03}{file:03}{row:03},{row * 7919 % 10007:05},{row % 2}\n"
                for row in range(ROWS)
            )
            (folder / f"{file:03}.csv").write_text("id,value,odd\n" + "".join(rows))


def _check_nothing_to_do(name: str, output: str) -> None:
    if ('"stale": 0' if name == "begat plan" else "up to date") not in output:
        raise measure.CommandError(f"{name} found something to do: {output[:500]}")
