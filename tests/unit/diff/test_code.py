"""Code, task by task, and the commits between."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.content import MemoryStore
from begat.lineage.diff import code
from begat.lineage.diff.reading import Reader
from begat.lineage.diff.sides import Side
from begat.lineage.diff.tasks import Task
from begat.lineage.diff.walk import Start


def commits(folder: Path, old: str, new: str) -> dict[str, list[str]]:
    """The commits that a diff tells."""
    sides = (
        Side(
            name=commit,
            kind="model",
            run_id="",
            start=Start(nodes=frozenset()),
            primary={"begat_recipe": {"commit": commit, "dirty": False}},
        )
        for commit in (old, new)
    )
    reader = Reader(artifacts=MemoryStore(), limit=0)
    found: dict[str, list[str]] = code.code([], *sides, reader, folder)["commits"]
    return found


def entry(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is told of one task whose recipes these are."""
    side = Side(name="", kind="model", run_id="", start=Start(nodes=frozenset()))
    facets = [None if recipe is None else {"begat_recipe": recipe} for recipe in (old, new)]
    task = Task(name="train", old=facets[0], new=facets[1], runs=(1, 1))
    reader = Reader(artifacts=MemoryStore(), limit=0)
    found = code.code([task], side, side, reader, Path("/"))["tasks"]
    return found[0] if found else None


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, list[str]]:
    """A repository with three commits."""
    git(tmp_path, "init", "--quiet")
    made = []
    for number in range(3):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", f"Change {number}")
        made.append(git(tmp_path, "rev-parse", "HEAD"))
    return tmp_path, made


def test_commits(repository: tuple[Path, list[str]]) -> None:
    """The commits between are those that only one side has, newest first, one line each."""
    folder, made = repository
    forth = commits(folder, made[0], made[2])
    back = commits(folder, made[2], made[0])

    assert [line.partition(" ")[2] for line in forth["added"]] == ["Change 2", "Change 1"]
    assert forth["removed"] == []
    assert back == {"added": [], "removed": forth["added"]}


def test_no_commits(repository: tuple[Path, list[str]], tmp_path_factory: Any) -> None:
    """Without a repository, or with commits that it does not have, none are told."""
    folder, made = repository
    none: dict[str, list[str]] = {"added": [], "removed": []}

    assert commits(tmp_path_factory.mktemp("bare"), made[0], made[1]) == none
    assert commits(folder, made[0], "f" * 40) == none
    assert commits(folder, made[0], "--output=/dev/full") == none
    assert commits(folder, made[0], made[0]) == none


def test_functions() -> None:
    """Functions are told without the argument that they are reached by, each once."""
    old = {"functions": {"function: f": "1", "function: g": "1", "estimator: g": "1"}}
    new = {"functions": {"function: f": "2", "function: h": "1"}}
    found = entry(old, new)

    assert found is not None
    assert found["functions"] == {"changed": ["f"], "added": ["h"], "removed": ["g"]}
    assert found["diff"] == ""


def test_version_of_begats_own_task() -> None:
    """A task of begat itself changes by its version number."""
    found = entry({"version": 1, "functions": {}}, {"version": 2, "functions": {}})

    assert found is not None
    assert found["version"] == {"old": 1, "new": 2}
    assert entry({"version": 1}, {"version": 1}) is None


def test_task_of_one_side() -> None:
    """A task that only one side has is told as such."""
    found = entry(None, {"functions": {"f": "1"}})

    assert found is not None
    assert found["side"] == "new"


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
