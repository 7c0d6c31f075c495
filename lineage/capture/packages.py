"""The installed distributions, from the names of their folders: no metadata file is opened."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..content.digest import digest_bytes
from ..events import facets
from ..events.canonical import canonical

#: In the order in which one folder's are preferred.
LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt")

_FOLDER = re.compile(
    r"(?P<name>[A-Za-z0-9][^-]*(?:-[^0-9-][^-]*)*)-(?P<version>[^-]+)"
    r"(?:\.dist-info|(?:-py[0-9.]+)?\.egg-info)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Packages:
    """What is installed where the process runs."""

    #: Of `to_json()`.
    digest: str
    #: Normalised name → version.
    distributions: dict[str, str]
    #: `3.12.4`, and what implements it, `cpython`.
    python: str
    implementation: str
    #: Name, release and machine, as the kernel tells them.
    os: str
    #: The nearest lock file, and the digest of its bytes; empty if there is none.
    lock_path: str = ""
    lock_digest: str = ""

    def to_json(self) -> bytes:
        """The distributions as canonical JSON: the artifact that `digest` names."""
        return canonical(self.distributions).encode()

    def to_facet(self, *, inline: bool = True) -> facets.Facet:
        """`begat_packages`.

        Args:
            inline: name every distribution, beside the digest of the list.
        """
        body: dict[str, Any] = {
            "digest": self.digest,
            "python": self.python,
            "implementation": self.implementation,
            "os": self.os,
        }
        if self.lock_path:
            body["lock"] = {"path": self.lock_path, "digest": self.lock_digest}
        if inline:
            body["distributions"] = self.distributions
        return facets.packages(body)


@functools.cache
def capture(folder: Path | None = None) -> Packages:
    """What is installed, looked up once a process.

    Args:
        folder: where the lock file is looked for, and upwards; the working folder by default.
    """
    found = distributions(sys.path)
    kernel = os.uname()
    lock_path, lock_digest = _lock_file(folder or Path.cwd())
    return Packages(
        digest=digest_bytes(canonical(found).encode()),
        distributions=found,
        python=sys.version.partition(" ")[0],
        implementation=sys.implementation.name,
        os=f"{kernel.sysname} {kernel.release} {kernel.machine}",
        lock_path=lock_path,
        lock_digest=lock_digest,
    )


def distributions(path: list[str]) -> dict[str, str]:
    """Name → version of all distributions on `path`; where one is there twice, the first."""
    found: dict[str, str] = {}
    for entry in path:
        for name, version in sorted(_in_folder(entry or ".")):
            found.setdefault(name, version)
    return dict(sorted(found.items()))


def _in_folder(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = os.listdir(folder)
    except OSError:  # a zip archive, or an entry that is not there
        return
    for name in names:
        if match := _FOLDER.fullmatch(name):
            yield re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"]


def _lock_file(folder: Path) -> tuple[str, str]:
    folder = folder.absolute()
    for parent in (folder, *folder.parents):
        for name in LOCK_FILES:
            path = parent / name
            try:
                return str(path), digest_bytes(path.read_bytes())
            except OSError:
                continue
        if (parent / ".git").exists():  # what lies above belongs to something else
            break
    return "", ""
