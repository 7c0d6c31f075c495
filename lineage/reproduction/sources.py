"""The first-party code of recorded runs, in folders of its own: as it was kept, or the commit."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..capture.git import git
from ..content.store import ArtifactStore
from ..modules import archive, unpack
from .plan import Plan, Step

_COMMIT = re.compile("[0-9a-f]{4,64}")


class MissingCodeError(Exception):
    """The code is nowhere; the message says where it was looked for."""


def place(
    wanted: Plan, store: ArtifactStore, folder: Path, *, from_commit: bool, repository: Path
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Put the code of all steps into folders.

    Args:
        wanted: what is done again.
        store: has the archives.
        folder: they go beneath it.
        from_commit: take the recorded commit, not what was kept.
        repository: a folder of the repository that has the commit.

    Returns:
        By run id, `folder` and `only` (the top-level modules that count, all if none); and
        what of it is not what ran, one line each.

    Raises:
        MissingCodeError: neither an archive nor the commit is there.
    """
    places: dict[str, dict[str, Any]] = {}
    told: dict[str, None] = {}
    for step in wanted.steps:
        digest = step.recipe.get("sources") or ""
        kept = b"" if from_commit or not digest else archive(store, digest)
        if kept or not (digest or from_commit):
            name = digest.rpartition(":")[2][:16] or "none"
            target = folder / name
            if not target.exists():
                unpack(kept, target)
            places[step.run_id] = {"folder": str(target), "only": []}
            continue
        commit, clean = _commit(wanted, step)
        target = folder / (commit[:16] or "commit")
        if not target.exists():
            lost = "" if from_commit else f"the kept sources of {step.job} are gone, and "
            _check_out(repository, commit, target, step, lost)
        if not clean:
            told[f"the working tree was not clean at commit {commit[:12]}"] = None
        if not from_commit:
            told[f"the kept sources are gone; taken from commit {commit[:12]}"] = None
        tops = _tops(step)
        places[step.run_id] = {"folder": str(_root(target, tops)), "only": sorted(tops)}
    return places, [*told]


def _commit(wanted: Plan, step: Step) -> tuple[str, bool]:
    """The commit that has a step's code, the one it ran at or one made later; whether all of it."""
    own = step.recipe.get("commit") or ""
    if own and not step.recipe.get("dirty"):
        return own, True
    return wanted.commit or own, bool(wanted.commit or not own)


def _check_out(repository: Path, commit: str, target: Path, step: Step, lost: str) -> None:
    """The files of a commit, and nothing in the repository that has to be cleared away."""
    # Runs of others are told, and what they call a commit may be an option for git.
    if not _COMMIT.fullmatch(commit):
        raise MissingCodeError(
            f"{lost}no commit was recorded for {step.job}; commit it, and run again"
        )
    target.mkdir(parents=True)
    index = {"GIT_INDEX_FILE": str(target.with_suffix(".index"))}
    for arguments in (
        ("read-tree", commit),
        ("checkout-index", "--all", f"--prefix={target}{os.sep}"),
    ):
        try:
            done = git(_top(repository), *arguments, **index)
        except (OSError, subprocess.SubprocessError) as error:
            raise MissingCodeError(f"{lost}git could not be asked: {error}") from None
        if done.returncode != 0:
            raise MissingCodeError(
                f"{lost}commit {commit[:12]} is not in the repository of {repository}; run the "
                "command there, or fetch it"
            )


def _top(repository: Path) -> Path:
    done = git(repository, "rev-parse", "--show-toplevel")
    return Path(done.stdout.rstrip("\n")) if done.returncode == 0 else repository


def _tops(step: Step) -> set[str]:
    """Top-level modules of the functions and classes that a recipe names."""
    return {
        name.partition(".")[0]
        for name in _dotted([step.recipe.get("function", ""), step.recipe.get("parameters", {})])
    } - {"begat"}


def _dotted(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        name = value.replace(":", ".")
        if "." in name and all(part.isidentifier() for part in name.split(".")):
            yield name
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _dotted(part)
    elif isinstance(value, list):
        for part in value:
            yield from _dotted(part)


def _root(checkout: Path, tops: Iterable[str]) -> Path:
    """The folder of a checkout that was on the path: the outermost that has most of the modules."""
    here = [Path(at) for at, _, _ in os.walk(checkout)]

    def has(folder: Path) -> int:
        return sum(
            (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()
            for top in tops
        )

    return min(here, key=lambda at: (-has(at), len(at.parts), str(at)))
