"""What a loaded pipeline rests on: files, folders and variables, as they were."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import DataError

from . import circumstances

if TYPE_CHECKING:
    from begat.lineage.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """Each by its path or name, with a digest of what it was."""

    #: With where it really lies; empty for a file that was looked for and is not there.
    files: Mapping[str, str]
    #: Of the names in them.
    folders: Mapping[str, str]
    #: Of their values; empty for one that is not set.
    variables: Mapping[str, str]

    def hold(self, space: Workspace) -> bool:
        """Whether all of it is as it was."""
        return (
            all(variable(os.environ, name) == known for name, known in self.variables.items())
            and all(
                circumstances.listing(folder, space.settings) == known
                for folder, known in self.folders.items()
            )
            and self._same_files(space)
        )

    def _same_files(self, space: Workspace) -> bool:
        there = [file for file, known in self.files.items() if known]
        try:
            return digests(there, space) == {file: self.files[file] for file in there} and not any(
                os.path.lexists(file) for file in self.files.keys() - set(there)
            )
        except DataError:  # one of them is gone
            return False


def digests(files: list[str], space: Workspace) -> dict[str, str]:
    """Digest by file, and where it really lies: code may look for others beside it there.

    Raises:
        DataError: one of them is not there.
    """
    found = space.cache.digests([Path(file) for file in files])
    return {
        file: f"{digest} {os.path.realpath(file)}"
        for file, (digest, _) in zip(files, found, strict=True)
    }


def variable(environment: Mapping[str, str], name: str) -> str:
    """The digest of a variable's value; empty if it is not set."""
    value = environment.get(name)
    return "" if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"))
