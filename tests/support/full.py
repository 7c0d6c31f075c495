"""Run a pipeline on a file system that is full from some place on, and again when it is not.

    python -m support.full PROJECT HOME PLACE

HOME becomes a small file system of its own, so the process has a mount namespace of its own.
The disk fills while the pipeline has stopped at PLACE. Prints JSON: exit code, the last lines
on stderr and the half-written files of both runs, and what the second one did.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .gate import Begat, begat, gate
from .small import Small, damage, is_progress, states

_MOUNT = ("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs")


def fill(folder: Path) -> Path:
    """Take all the space there is; the file that has it."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return filler


def ended(command: Begat, home: Path) -> dict[str, Any]:
    """How a run ended."""
    code, out, err = command.end()
    return {
        "code": code,
        "report": json.loads(out) if out else None,
        "said": [line for line in err if line and not is_progress(line)],
        "damage": [str(path) for path in damage(home)],
    }


def main(project: str, folder: str, place: str) -> None:
    """Do both runs, and tell."""
    small, home = Small(Path(project)), Path(folder)
    subprocess.run([*_MOUNT, folder], check=True)
    os.chdir(small.folder)
    environment = {**os.environ, "BEGAT_HOME": folder, "OMP_NUM_THREADS": "1"}
    command = ("run", small.name, "--plain", "--json")
    with gate(place) as stop, begat(*command, environment=environment) as first:
        stop.wait()
        filler = fill(home)
        stop.open()
        full = ended(first, home)
    filler.unlink()
    with begat(*command, environment=environment) as second:
        again = ended(second, home)
    with begat("db", "check", environment=environment) as check:
        sound = check.end()[0] == 0
    found = {"full": full, "again": again, "states": dict(states(home)), "sound": sound}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
