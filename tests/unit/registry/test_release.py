from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from begat.lineage.errors import ParameterError
from begat.lineage.registry import release
from support.recorder import Recorder
from support.registered import add
from support.trips import Trips


def git(folder: Path, *words: str) -> str:
    """What git says in a folder."""
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(
        ["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(trips: Trips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one's own that has the commit of trips@1."""
    git(tmp_path, "clone", "--quiet", str(trips.folder), "clone")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.com")
    return tmp_path / "clone"


def test_tag(trips: Trips, clone: Path) -> None:
    """The tag is annotated, at the commit of the training run, with metrics and data."""
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "later")
    planned = release.plan(trips.space, "trips@1", clone, stage="Production")

    assert planned.make()
    assert git(clone, "cat-file", "-t", "trips-v1") == "tag"
    assert git(clone, "rev-parse", "trips-v1^{commit}") == git(trips.folder, "rev-parse", "HEAD")
    message = git(clone, "tag", "--list", "--format=%(contents)", "trips-v1")
    assert message.startswith("trips@1 in Production")
    assert "accuracy: 0." in message
    assert "partitions up to month=" in message


def test_again(trips: Trips, clone: Path) -> None:
    """A tag that is there at this commit stays; one elsewhere is named, and nothing is done."""
    planned = release.plan(trips.space, "trips@1", clone, stage="Production")
    planned.make()
    assert not release.plan(trips.space, "trips@1", clone, stage="Production").make()
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "later")
    git(clone, "tag", "--force", "trips-v1")

    with pytest.raises(ParameterError, match=r"tag trips-v1 is at .* without --tag"):
        release.plan(trips.space, "trips@1", clone, stage="Production")


def test_another_repository(trips: Trips, tmp_path: Path) -> None:
    """Where the commit is not known, the version cannot be tagged."""
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ParameterError, match="does not have"):
        release.plan(trips.space, "trips@1", tmp_path, stage="Production")


def test_without_commit(recorder: Recorder, tmp_path: Path) -> None:
    """What was trained from no commit cannot be tagged."""
    add(recorder)
    with pytest.raises(ParameterError, match="no commit"):
        release.plan(recorder, "delays@1", tmp_path, stage="Production")


@pytest.mark.parametrize("name", ["late flights", "-d", "a..b", "a:b", "trips.lock/"])
def test_names_that_git_refuses(recorder: Recorder, tmp_path: Path, name: str) -> None:
    """A model whose name git takes for no tag is told so before it is promoted."""
    add(recorder, name)
    with pytest.raises(ParameterError, match="git has no tag"):
        release.plan(recorder, f"{name}@1", tmp_path, stage="Production")


def test_nobody(trips: Trips, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git does not know who tags, that is told before anything is promoted."""
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "")
    with pytest.raises(ParameterError, match="git refuses to tag"):
        release.plan(trips.space, "trips@1", clone, stage="Production")
