"""Where the benchmarks keep things: all in `.bench/` beside the sources, which git ignores."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BENCH = ROOT / ".bench"
#: One environment a peer.
VENVS = BENCH / "venvs"
#: One folder a peer, made anew for each cold run.
WORK = BENCH / "work"
#: What those folders are copies of.
TEMPLATES = BENCH / "templates"
#: All twelve months, and the lookups.
LAKE = BENCH / "lake"
#: Lineage stores of made-up histories, kept as long as nothing would fill them otherwise.
GRAPHS = BENCH / "graphs"
HOME = BENCH / "home"
SERVERS = BENCH / "servers"
RESULTS = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def copy(source: Path, target: Path) -> Path:
    """The target as a copy of the source, and nothing else."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
