"""What a partition of several files is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from ..errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class File:
    """One file of a partition.

    Args:
        name: its path below the partition's folder, with `/` between the parts.
        size: bytes.
        digest: of its bytes, under which the artifact store has them.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The files of a partition, by name. The digest of `to_bytes()` is the version's."""

    files: tuple[File, ...]

    @classmethod
    def of(cls, files: Iterable[File]) -> Manifest:
        """The manifest of these files, in whatever order they were found."""
        return cls(files=tuple(sorted(files, key=attrgetter("name", "size", "digest"))))

    @property
    def size(self) -> int:
        """Bytes, all files together."""
        return sum(file.size for file in self.files)

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same files, the same bytes, wherever they lie."""
        files = [
            {"digest": file.digest, "name": file.name, "size": file.size} for file in self.files
        ]
        return json.dumps({"files": files}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """The manifest that `to_bytes` wrote.

        Raises:
            DataError: these bytes are no manifest.
        """
        try:
            files = json.loads(data)["files"]
            return cls.of(
                File(name=file["name"], size=file["size"], digest=file["digest"]) for file in files
            )
        except (ValueError, TypeError, KeyError):
            raise DataError(
                "the manifest of a partition of several files is malformed; digest the source again"
            ) from None
