"""Which code differs, task by task; and the commits between, where a repository tells."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import sources
from .reading import Reader
from .sides import Side
from .tasks import Task

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TIMEOUT = 10.0
#: Commits that are listed on each side.
COMMITS = 100


def code(
    tasks: Iterable[Task], old: Side, new: Side, reader: Reader, folder: Path
) -> dict[str, Any]:
    """Everything about code that differs.

    Returns:
        `tasks`, those whose code differs, each with `task`, `functions {changed, added, removed}`
        and `diff` (empty if the sources are gone), and where they differ `version` (of begat's
        own task), `function` and `side` (the only side that has such a task); then `old` and
        `new` with `commit, dirty, repository`, and `commits {added, removed}`, one line each.
    """
    archives = sources.Archives(reader=reader)
    changed = [entry for task in tasks if (entry := _task(task, archives)) is not None]
    sides = [_commit(side) for side in (old, new)]
    return {
        "tasks": changed,
        "old": sides[0],
        "new": sides[1],
        "commits": _commits(folder, sides[0]["commit"], sides[1]["commit"]),
    }


def _task(task: Task, archives: sources.Archives) -> dict[str, Any] | None:
    if task.old is None or task.new is None:
        side = "new" if task.old is None else "old"
        return {"task": task.name, "side": side, "functions": _labels({}, {}), "diff": ""}
    first, second = task.part("functions")
    before, after = task.recipes
    entry: dict[str, Any] = {
        "task": task.name,
        "functions": _labels(first, second),
        "diff": "",
    }
    for name in ("version", "function"):
        if before.get(name) != after.get(name):
            entry[name] = {"old": before.get(name), "new": after.get(name)}
    labels = [label for found in entry["functions"].values() for label in found]
    if not labels and len(entry) == 3:
        return None
    kept = [archives.get(recipe.get("sources", ""), task.name) for recipe in (before, after)]
    if labels and kept[0] is not None and kept[1] is not None:
        entry["diff"] = sources.difference(kept[0], kept[1], labels)
    return entry


def _labels(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[str]]:
    """Labels without the argument through which they are reached."""
    return {
        "changed": _names(name for name in old if name in new and old[name] != new[name]),
        "added": _names(name for name in new if name not in old),
        "removed": _names(name for name in old if name not in new),
    }


def _names(labels: Iterable[str]) -> list[str]:
    return sorted({label.partition(": ")[2] or label for label in labels})


def _commit(side: Side) -> dict[str, Any]:
    recipe = side.primary.get("begat_recipe", {})
    source = side.primary.get("job.sourceCodeLocation", {})
    return {
        "commit": recipe.get("commit") or source.get("version"),
        "dirty": recipe.get("dirty"),
        "repository": source.get("repoUrl") or source.get("url"),
    }


def _commits(folder: Path, old: str | None, new: str | None) -> dict[str, list[str]]:
    """Commits that only one side has, newest first; none if `folder` is in no such repository."""
    found: dict[str, list[str]] = {"added": [], "removed": []}
    if not old or not new or old == new or not all(map(_COMMIT.fullmatch, (old, new))):
        return found
    # Set inside git hooks, they would point to another repository than the folder's.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    for kind, span in (("added", f"{old}..{new}"), ("removed", f"{new}..{old}")):
        try:
            done = subprocess.run(
                ["git", "log", f"--max-count={COMMITS}", "--format=%h %s", span, "--"],
                cwd=folder,
                env=inherited | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return found
        if done.returncode:
            return found
        found[kind] = done.stdout.splitlines()
    return found
