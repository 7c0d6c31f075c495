"""An environment of the recorded packages, made with uv where uv finds them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

#: Lines of what uv says that a message repeats.
_LINES = 3
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!_-]+")


class RebuildError(Exception):
    """The environment cannot be built; the message says why."""


def rebuild(
    folder: Path, packages: Mapping[str, str], python: str, *, without: Collection[str] = ()
) -> tuple[str, dict[str, str]]:
    """Build an environment, by the user's own settings of uv: index, cache, offline or not.

    begat itself is this one, whichever was installed: it is what compares.

    Args:
        folder: where; made new.
        packages: version by distribution.
        python: Python's version.
        without: names of the distributions that are the pipeline's own: their code is kept.

    Returns:
        Its interpreter, and variables that let it find this begat.

    Raises:
        RebuildError: uv is not installed, or has no such package or Python.
    """
    left_out = {"begat", *(re.sub(r"[-_.]+", "-", name).lower() for name in without)}
    wanted = [f"{name}=={version}" for name, version in packages.items() if name not in left_out]
    for one in wanted:
        # Runs of others are told, and what they call a package may be an option for uv.
        if not _PINNED.fullmatch(one):
            raise RebuildError(f"{one!r} is no package's name and version")
    folder.mkdir(parents=True)
    listed = folder / "requirements.txt"
    listed.write_text("\n".join([*wanted, ""]))
    interpreter = folder / "venv" / "bin" / "python"
    _uv("venv", "--quiet", "--python", python, str(folder / "venv"))
    if wanted:
        _uv(
            *("pip", "install", "--quiet", "--no-deps", "--python", str(interpreter)),
            *("--requirements", str(listed)),
        )
    return str(interpreter), {"PYTHONPATH": str(_own(folder / "begat"))}


def _own(folder: Path) -> Path:
    """A folder for the path that holds this begat and nothing else."""
    (folder / "begat").mkdir(parents=True)
    import begat

    for place in begat.__path__:
        for part in ("flows", "lineage", "tasks"):
            if (Path(place) / part).is_dir() and not (folder / "begat" / part).exists():
                (folder / "begat" / part).symlink_to((Path(place) / part).resolve())
    for entry in sys.path:
        for found in Path(entry or ".").glob("begat-*.dist-info"):
            if not (folder / found.name).exists():
                (folder / found.name).symlink_to(found.resolve())
    return folder


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    program = shutil.which("uv") or (str(beside) if beside.exists() else "")
    if not program:
        raise RebuildError("uv is not installed, and the environment is built with it")
    # It would take the environment that this process runs in for the one to install into.
    inherited = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [program, *arguments],
        env=inherited,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise RebuildError(f"uv {arguments[0]}: {' '.join(said[:_LINES])}")
