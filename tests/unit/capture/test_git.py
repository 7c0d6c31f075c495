"""The commit, as git tells it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from begat.lineage.capture import git
from begat.lineage.events import run_event
from begat.lineage.records import Caller, RunRef
from support.openlineage import Specification


def run(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's git configuration nor a repository above the tests matters."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, on the branch `main`."""
    folder = tmp_path / "flights"
    folder.mkdir()
    run(folder, "init", "--initial-branch=main")
    (folder / "train.py").write_text("print()\n")
    run(folder, "add", ".")
    run(folder, "commit", "--message=Train")
    return folder


def test_a_clean_checkout_is_told(repository: Path, official: Specification) -> None:
    """Commit and branch are git's own, and nothing is dirty."""
    found = git.capture(repository)
    facets = {"sourceCodeLocation": found.to_facet()}
    caller = Caller(
        run=RunRef(run_id="0" * 8 + "-0000-7000-8000-" + "0" * 12, namespace="b", job="t")
    )

    assert found == git.Git(
        commit=run(repository, "rev-parse", "HEAD").strip(),
        branch="main",
        dirty=False,
        url=repository.as_uri(),
    )
    official.validate(
        run_event("START", caller=caller, time="2025-01-31T12:00:00Z", job_facets=facets)
    )


def test_a_folder_inside_is_the_repositorys(repository: Path) -> None:
    """The commit is found from any folder below."""
    (repository / "a" / "b").mkdir(parents=True)

    assert git.capture(repository / "a" / "b").commit == git.capture(repository).commit


@pytest.mark.parametrize("name", ["train.py", "new.py", "new/deep/file with space"])
def test_any_change_is_dirty(repository: Path, name: str) -> None:
    """A changed file and a new one are dirty, whatever the user's git shows by default."""
    run(repository, "config", "status.showUntrackedFiles", "no")
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text("x")

    assert git.capture(repository).dirty is True


def test_a_deletion_and_what_is_staged_are_dirty(repository: Path) -> None:
    """A file that is gone is dirty, staged or not."""
    run(repository, "rm", "train.py")

    assert git.capture(repository).dirty is True


def test_what_git_ignores_is_clean(repository: Path) -> None:
    """Files that the repository ignores do not count."""
    (repository / ".begat").mkdir()
    (repository / ".begat" / ".gitignore").write_text("*\n")

    assert git.capture(repository).dirty is False


def test_a_look_changes_nothing(repository: Path) -> None:
    """Asking for the state rewrites no index, so it disturbs no commit that is being made."""
    index = repository / ".git" / "index"
    os.utime(repository / "train.py", (1, 1))
    before = index.read_bytes()
    git.capture(repository)

    assert index.read_bytes() == before


def test_no_branch_is_told_as_none(repository: Path) -> None:
    """A detached commit has no branch."""
    run(repository, "checkout", "--detach")

    assert git.capture(repository).branch == ""


def test_a_repository_without_commits_says_so(tmp_path: Path) -> None:
    """Before the first commit there is none, and a reason."""
    run(tmp_path, "init", "--initial-branch=main")
    found = git.capture(tmp_path)

    assert (found.commit, found.branch, found.dirty) == ("", "main", False)
    assert found.reason == "the repository has no commits yet"
    assert found.to_facet() == {}


def test_no_repository_is_a_reason(tmp_path: Path) -> None:
    """Outside a repository nothing is told but why."""
    assert git.capture(tmp_path) == git.Git(reason=f"no git repository at {tmp_path} or above it")


def test_no_folder_is_a_reason(tmp_path: Path) -> None:
    """A folder that is not there is no error."""
    assert git.capture(tmp_path / "gone") == git.Git(reason=f"{tmp_path / 'gone'} is no folder")


def test_no_git_is_a_reason(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without git nothing is told but that."""
    monkeypatch.setenv("PATH", "")

    assert git.capture(repository) == git.Git(reason="git is not installed")


def test_a_repository_of_another_user_is_a_reason(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git refuses a repository for its owner, the remedy is told."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    found = git.capture(repository)

    assert found == git.Git(reason=found.reason)
    assert "which another user owns" in found.reason
    assert "--add safe.directory" in found.reason


def test_a_broken_repository_is_a_reason(repository: Path) -> None:
    """What git says of a repository that it cannot read is told in one line."""
    (repository / ".git" / "config").write_text("[broken")
    found = git.capture(repository)

    assert found == git.Git(reason=found.reason)
    assert found.reason.startswith(f"git could not tell the state of {repository}: ")
    assert "\n" not in found.reason


def test_a_git_that_hangs_is_a_reason(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that does not answer in time stops nothing."""

    def hang(command: list[str], **keywords: object) -> None:
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(subprocess, "run", hang)
    found = git.capture(repository)

    assert found == git.Git(reason=found.reason)
    assert "timed out" in found.reason


def test_variables_of_a_hook_do_not_lead_astray(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside another repository's hook the folder's own repository is told."""
    other = tmp_path / "other"
    other.mkdir()
    run(other, "init")
    expected = git.capture(repository)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))

    assert git.capture(repository) == expected


@pytest.mark.parametrize(
    ("remote", "repository_url", "uri"),
    [
        (
            "https://me:secret@host.test/team/flights.git",
            "https://host.test/team/flights.git",
            "https://host.test/team/flights.git",
        ),
        (
            "https://token@host.test:8443/flights.git?private_token=secret#x",
            "https://host.test:8443/flights.git",
            "https://host.test:8443/flights.git",
        ),
        (
            "ssh://git:secret@host.test:22/flights.git",
            "ssh://git@host.test:22/flights.git",
            "ssh://git@host.test:22/flights.git",
        ),
        (
            "git@host.test:team/flights.git",
            "git@host.test:team/flights.git",
            "ssh://git@host.test/team/flights.git",
        ),
        ("host.test:flights.git", "host.test:flights.git", "ssh://host.test/flights.git"),
        ("/srv/git/flights.git", "/srv/git/flights.git", "file:///srv/git/flights.git"),
        ("https://[broken", "", None),
        ("../flights.git", "../flights.git", None),
    ],
)
def test_a_remote_is_told_without_credentials(
    repository: Path, remote: str, repository_url: str, uri: str | None
) -> None:
    """Passwords and tokens never leave the machine; the URL that events need is a URI."""
    run(repository, "config", "remote.origin.url", remote)
    found = git.capture(repository)

    assert found.repository == repository_url
    assert found.url == (uri or repository.as_uri())


def test_origin_is_the_repository(repository: Path) -> None:
    """Of several remotes it is `origin`; without that name, the first."""
    run(repository, "remote", "add", "a", "https://host.test/a")

    assert git.capture(repository).repository == "https://host.test/a"

    run(repository, "remote", "add", "origin", "https://host.test/origin")

    assert git.capture(repository).repository == "https://host.test/origin"
