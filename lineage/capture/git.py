"""The commit that a folder is at, as the `git` command tells it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..events import facets

if TYPE_CHECKING:
    import subprocess

#: A repository so large or a disk so slow that git takes longer is told as not known.
_TIMEOUT = 10.0
#: Set inside git hooks, they would point to another repository than the folder's.
_LOCAL_VARIABLES = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
}
_STATUS = (
    "status",
    "--porcelain=v2",
    "--branch",
    "--untracked-files=normal",
    "--ignore-submodules=none",
)
_REMOTES = ("config", "--null", "--get-regexp", r"^remote\..*\.url$")
#: `[user@]host:path`, which is no URL: no `//` behind the colon, and no `/` before it.
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^/:@]{2,}):(?!//)(?P<path>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Git:
    """What is checked out; empty, with the reason, where that cannot be known."""

    #: 40 (or 64) hexadecimal digits.
    commit: str = ""
    #: URL of the remote `origin`, else of another one, without credentials.
    repository: str = ""
    #: Empty when no branch is checked out.
    branch: str = ""
    #: Whether anything is changed or new that git does not ignore; None if not known.
    dirty: bool | None = None
    #: Why there is no commit.
    reason: str = ""
    #: URI that leads to the repository, for readers that accept nothing else.
    url: str = ""

    def to_facet(self) -> facets.Facet:
        """`sourceCodeLocation`; empty without a commit."""
        if not self.commit:
            return {}
        return facets.source_code_location(
            url=self.url, repository=self.repository, commit=self.commit, branch=self.branch
        )


def capture(folder: Path) -> Git:
    """What is checked out in `folder` or above it; never raises."""
    import subprocess

    try:
        status = git(folder, *_STATUS)
    except FileNotFoundError:
        if not folder.is_dir():
            return Git(reason=f"{folder} is no folder")
        return Git(reason="git is not installed")
    except (OSError, subprocess.SubprocessError) as error:
        return Git(reason=f"git could not be asked about {folder}: {error}")
    if status.returncode != 0:
        return Git(reason=_reason(folder, status.stderr))
    heads, dirty = _parse(status.stdout)
    repository = _repository(folder)
    commit = "" if heads.get("oid") == "(initial)" else heads.get("oid", "")
    branch = heads.get("head", "")
    return Git(
        commit=commit,
        repository=repository,
        branch="" if branch == "(detached)" else branch,
        dirty=dirty,
        reason="" if commit else "the repository has no commits yet",
        url=_uri(repository) or folder.absolute().as_uri(),
    )


def email(folder: Path) -> str:
    """What git calls whoever works in `folder`; empty if it does not say. Never raises."""
    import subprocess

    try:
        return git(folder, "config", "user.email").stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def without_credentials(remote: str) -> str:
    """A remote's URL without password or token.

    >>> without_credentials("https://me:secret@example.org/team/flights.git?token=x")
    'https://example.org/team/flights.git'
    >>> without_credentials("git@example.org:team/flights.git")
    'git@example.org:team/flights.git'
    """
    if "://" not in remote:
        return remote
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(remote)
    except ValueError:  # no URL after all, so nobody knows what in it is secret
        return ""
    user, _, host = parts.netloc.rpartition("@")
    # In ssh URLs the user (git@) is part of the address; elsewhere it may be a token.
    kept = user.partition(":")[0] if parts.scheme in ("ssh", "git+ssh", "ssh+git") else ""
    return urlunsplit((parts.scheme, f"{kept}@{host}" if kept else host, parts.path, "", ""))


def git(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, in English and without a prompt.

    Args:
        folder: where.
        arguments: git's.
        variables: of the environment.

    Raises:
        OSError: git is not installed.
        subprocess.SubprocessError: it takes too long.
    """
    import subprocess

    inherited = {key: value for key, value in os.environ.items() if key not in _LOCAL_VARIABLES}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        # Messages are parsed, and a look must not take the lock that a commit needs.
        env=inherited
        | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
        | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=_TIMEOUT,
        check=False,
    )


def _parse(status: str) -> tuple[dict[str, str], bool]:
    heads: dict[str, str] = {}
    dirty = False
    for line in status.splitlines():
        if line.startswith("# branch."):
            key, _, value = line.removeprefix("# branch.").partition(" ")
            heads[key] = value
        elif line and not line.startswith("#"):
            dirty = True
    return heads, dirty


def _repository(folder: Path) -> str:
    import subprocess

    try:
        found = git(folder, *_REMOTES)
    except (OSError, subprocess.SubprocessError):
        return ""
    entries = (entry.partition("\n") for entry in found.stdout.split("\0") if entry)
    remotes = {key: value for key, _, value in entries}
    first = next(iter(remotes.values()), "")
    return without_credentials(remotes.get("remote.origin.url", first))


def _uri(remote: str) -> str:
    from urllib.parse import quote

    if "://" in remote:
        return quote(remote, safe=":/?#[]@!$&'()*+,;=%~")
    if remote.startswith("/"):
        return Path(remote).as_uri()
    if found := _SCP.fullmatch(remote):
        user = f"{found['user']}@" if found["user"] else ""
        return f"ssh://{user}{found['host']}/{quote(found['path'].lstrip('/'))}"
    return ""


def _reason(folder: Path, stderr: str) -> str:
    if "not a git repository" in stderr:
        return f"no git repository at {folder} or above it"
    if "dubious ownership" in stderr:
        return (
            f"git refuses the repository of {folder}, which another user owns; "
            "allow it with: git config --global --add safe.directory FOLDER"
        )
    return f"git could not tell the state of {folder}: {stderr.strip().partition(chr(10))[0]}"
