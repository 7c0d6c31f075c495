"""Collecting garbage: `begat gc` over many small artifacts, beside a walk that unlinks them.

Most of them nobody speaks of; every tenth is pinned, and stays. Both find the files again, in the
page cache; the walk looks at each file's age, as a collection has to, and asks nobody.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from begat.lineage.content.digest import PREFIX, digest_bytes
from begat.lineage.graph.store import Store

from . import environments, measure, places
from .results import Figure
from .subject import Collector, Tell, in_turn, probe

FEW, MANY = 10_000, 100_000
#: One in so many is kept.
KEPT = 10
COMMAND = "begat gc --delete --min-age 0 --wait 0 --json"
GC, WALK = "begat gc", "a walk with os.unlink"


def what(who: str, count: int) -> str:
    """A figure's name."""
    return f"{who}, {count:,} artifacts"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU, seconds and peak memory of both, for few and many."""
    collector = Collector()
    typed, walk = probe("unlinks.py", "artifacts")
    environment = environments.variables("begat")
    for number, (who, count) in in_turn(rounds, [(w, c) for c in (FEW, MANY) for w in (GC, WALK)]):
        tell(f"gc, round {number + 1}: {who}, {count:,} artifacts")
        folder = places.fresh(places.WORK / "gc")
        lay(folder, count)
        command = shlex.split(COMMAND) if who == GC else [*walk[:-1], str(folder / "kept")]
        cost = measure.run(command, folder=folder, environment=environment)
        if who == GC and json.loads(cost.output)["deleted"] != count - count // KEPT:
            raise measure.CommandError(f"{COMMAND} deleted something else: {cost.output[:500]}")
        figure = collector.add(what(who, count), COMMAND if who == GC else typed, cost)
        figure.extra["artifacts"] = count
    return {"gc": collector.figures}


def lay(folder: Path, count: int) -> None:
    """A home with so many artifacts, and a list of those that are pinned."""
    home = folder / ".begat"
    home.mkdir()
    store = Store.open(f"sqlite:///{home / 'begat.db'}")
    pinned = []
    for number in range(count):
        data = b"%d" % number
        digest = digest_bytes(data)
        name = digest.removeprefix(PREFIX)
        file = home / "artifacts" / name[:2] / name[2:]
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o444)
        os.write(descriptor, data)
        os.close(descriptor)
        if number % KEPT == 0:
            pinned.append({"digest": digest})
    with store.write() as db:
        db.executemany("INSERT INTO pin VALUES (:digest, 'x', 'bench', '2024')", pinned)
    store.close()
    kept = "\n".join(one["digest"].removeprefix(PREFIX) for one in pinned)
    (folder / "kept").write_text(f"{home / 'artifacts'}\n{kept}\n")
