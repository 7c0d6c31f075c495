"""Whether the memory of prepare and featurize grows with the number of partitions.

The same pipeline over N and 4 N months of flights. featurize keeps a few rows, so that what train
and evaluate hold is small either way: the peak is prepare's and featurize's.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import lake, measure, places, servers
from .peers import BEGAT
from .results import Figure
from .subject import Collector, Tell, in_turn

FEW = 6
#: Rounds at most: peaks differ little.
MOST = 3
COMMAND = "begat run narrow.py:pipeline --json"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """Peak resident memory of a cold run with N and 4 N partitions."""
    collector = Collector()
    tell("memory: starting Prefect's server")
    with servers.prefect("begat", name="memory") as server:
        for number, count in in_turn(min(rounds, MOST), (FEW, 4 * FEW)):
            name = f"{count} partitions"
            tell(f"memory, round {number + 1}: {name}")
            folder = places.fresh(places.WORK / "memory")
            _lay(folder, count)
            environment = BEGAT.environment(server.url) | {"PREFECT_HOME": str(folder / ".prefect")}
            cost = measure.run(shlex.split(COMMAND), folder=folder, environment=environment)
            collector.add(name, COMMAND, cost)
    return {"memory": collector.figures}


def _lay(folder: Path, count: int) -> None:
    peers = places.HERE / "peers"
    for path in (peers / "work.py", peers / "begat" / "narrow.py", peers / "begat" / "flights.py"):
        shutil.copy(path, folder)
    lake.lay(folder, ())
    for number in range(count):
        target = lake.raw(folder, f"part-{number:03}")
        target.parent.mkdir(parents=True)
        # One month again and again, all of a size; a last line makes each another file.
        text = lake.raw(lake.make().parent, lake.MONTHS[0]).read_bytes()
        target.write_bytes(text + text.splitlines(keepends=True)[number + 1])
