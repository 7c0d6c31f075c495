"""How fast begat digests 2 GB, beside the package it digests with."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from . import environments, measure, places
from .results import Figure
from .subject import Tell, probe

SIZE, BLOCK = 2_000_000_000, 50_000_000


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU and wall seconds of each, on a file that lies in memory."""
    tell("writing 2 GB")
    folder = places.fresh(places.WORK / "digests")
    file = folder / "2GB"
    try:
        _write(file)
        tell(f"digesting 2 GB, {rounds} times each")
        typed, command = probe("digest_speed.py", file.name, str(rounds))
        cost = measure.run(command, folder=folder, environment=environments.variables("begat"))
    finally:
        file.unlink(missing_ok=True)
    found = json.loads(cost.output)
    figures = {
        name: Figure(command=typed, cpu=times["cpu"], wall=times["wall"], extra={"bytes": SIZE})
        for name, times in found.items()
    }
    return {"digests": figures}


def _write(file: Path) -> None:
    block = os.urandom(BLOCK)
    with file.open("wb") as out:
        for number in range(SIZE // BLOCK):
            out.write(block[number:] + block[:number])
