"""A release as git knows it: an annotated tag at the commit that a version was trained from."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..capture.git import git
from ..errors import ParameterError
from ..workspace import Workspace
from . import recorded
from .current import find


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A tag that can be made."""

    #: `returns-v3`.
    name: str
    commit: str
    message: str
    folder: Path

    def make(self) -> bool:
        """Make the tag; false if it is there already.

        Raises:
            ParameterError: git refuses it.
        """
        if _commit(self.folder, f"refs/tags/{self.name}") == self.commit:
            return False
        words = ("tag", "--annotate", "--message", self.message, self.name, self.commit)
        _run(self.folder, *words)
        return True


def plan(space: Workspace, ref: str, folder: Path, *, stage: str) -> Release:
    """The tag of a model version; nothing is made yet.

    Its message has the version's metrics, its data, and the digest of the model file.

    Args:
        space: where the registry is.
        ref: the version.
        folder: in the repository.
        stage: that it is promoted to.

    Raises:
        ParameterError: no commit is recorded, or the repository does not have it, or has such a
            tag elsewhere.
        RefError: it names no model version.
        StoreError: the store failed.
    """
    found = find(space, ref)
    name = f"{found.version.model}-v{found.version.version}"
    # `check-ref-format` lets a dash come first, and `git tag` takes that for an option.
    sound = _git(folder, "check-ref-format", f"refs/tags/{name}").returncode == 0
    if name.startswith("-") or not sound:
        raise ParameterError(
            f"git has no tag called {name!r}; give the model a name that git takes, or promote "
            "without --tag"
        )
    of, known = found.version, recorded.of_version(space.store, found.version)
    commit = known.commit or known.trained_at
    if not commit:
        raise ParameterError(
            f"{of} cannot be tagged: its training run recorded no commit; train from a repository"
        )
    if _commit(folder, commit) != commit:
        raise ParameterError(
            f"{of} was trained from commit {commit[:12]}, which the repository of {folder} does "
            "not have; fetch it (`git fetch --unshallow`), or go to its repository"
        )
    there = _commit(folder, f"refs/tags/{name}")
    if there not in ("", commit):
        raise ParameterError(
            f"the tag {name} is at {there[:12]}, and {of} was trained from {commit[:12]}; "
            f"`git tag --delete {name}`, or promote without --tag"
        )
    if not there:
        _run(folder, "var", "GIT_COMMITTER_IDENT")
    lines = [f"{of} in {stage}", ""]
    lines += [
        f"{metric}: {value:.6g}"
        for metric, value in known.body.get("metrics", {}).items()
        if value is not None
    ]
    lines += [
        f"data: {dataset}, {count} partition{'' if count == 1 else 's'}"
        + (f" up to {known.data.latest[dataset]}" if known.data.latest.get(dataset) else "")
        for dataset, count in known.data.datasets.items()
    ]
    lines += [f"model: {of.digest}", f"registered by {known.registered_by}, {known.created_at}"]
    return Release(name=name, commit=commit, message="\n".join(lines), folder=folder)


def _commit(folder: Path, name: str) -> str:
    """The commit that something names; empty if it names none here."""
    try:
        done = git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _run(folder: Path, *words: str) -> None:
    done = _git(folder, *words)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise ParameterError(f"git refuses to tag in {folder}: {said}; mend that, and tag again")


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return git(folder, *words)
    except (OSError, subprocess.SubprocessError) as error:
        raise ParameterError(f"git could not be run in {folder}: {error}") from None
