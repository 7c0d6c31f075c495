"""dbt: the shop project, run by OpenLineage's wrapper `dbt-ol` in both its modes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from . import environments, places, processes

#: What each stream's wrapper is told: read dbt's artifacts at the end, or its log meanwhile.
MODES: Mapping[str, tuple[str, ...]] = {
    "dbt": (),
    "dbt-structured": ("--consume-structured-logs",),
}
#: The commands of a stream, in order, and how each exits.
STEPS: tuple[tuple[str, int], ...] = (
    ("seed", 0),
    ("run --exclude tag:broken", 0),
    ("snapshot", 0),
    ("test --exclude tag:broken", 0),
    ("run --exclude tag:broken", 0),
    ("run --select tag:broken", 1),
    ("test --select tag:broken", 1),
)


def run(out: Path, tell: Callable[[str], None]) -> list[Path]:
    """Run the project once a mode, in a copy of its own; the streams.

    Raises:
        ProducerError: a step did not exit as it was to.
        subprocess.CalledProcessError: dbt could not be installed.
    """
    tell("dbt: environment")
    environments.make("dbt")
    made = []
    for name, mode in MODES.items():
        work, stream = out / "work" / name, out / f"{name}.ndjson"
        shutil.rmtree(work, ignore_errors=True)
        shop = copy(work)
        stream.unlink(missing_ok=True)
        env = environments.variables("dbt", stream)
        for step, exits in STEPS:
            tell(f"{name}: dbt {step}")
            command = [str(program()), *mode, *step.split()]
            processes.call(command, env=env, cwd=shop, log=work / "log.txt", exits=exits)
        made.append(stream)
    return made


def copy(work: Path) -> Path:
    """A copy of the project to run it in."""
    return Path(shutil.copytree(places.SHOP, work / "shop"))


def program() -> Path:
    """The wrapper in dbt's environment."""
    return environments.make("dbt").with_name("dbt-ol")
