"""Where a source's files lie: in local folders, or in S3."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from ..errors import DataError
from .patterns import Pattern
from .s3.client import SCHEME
from .seen import Seen
from .stat import StatCache

if TYPE_CHECKING:
    from .store import ArtifactStore


class Found(NamedTuple):
    """A file as it is now."""

    digest: str
    size: int
    #: Where these very bytes are, if that is more than its path says.
    location: str


class Files(Protocol):
    """A kind of place that sources lie in."""

    def find(self, pattern: Pattern) -> Iterator[tuple[dict[str, str], str]]:
        """Every file that matches, with the values of its keys; in no particular order.

        Raises:
            DataError: they cannot be listed.
        """
        ...

    def digests(self, paths: Sequence[str]) -> list[Found]:
        """Each file as it is now, in the order given.

        Raises:
            DataError: one cannot be read, or kept changing while it was read.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """An open file, of which no more is read than is asked for.

        Raises:
            DataError: it cannot be opened.
        """
        ...

    def keep(self, path: str, store: ArtifactStore) -> tuple[str, int]:
        """Keep a file's bytes; the digest of those that arrived, and their number.

        Raises:
            DataError: it cannot be read.
            ArtifactError: the store cannot take it.
        """
        ...


def files_of(path: str, cache: StatCache) -> Files:
    """The kind of place that a path or an address leads to.

    Args:
        path: local, or `s3://…`.
        cache: knows digests of what has not changed.
    """
    if path.startswith(SCHEME):
        from .s3.files import S3Files

        return S3Files(Seen(cache.path))
    return LocalFiles(cache)


class LocalFiles:
    """Files in local folders; see `Files`."""

    def __init__(self, cache: StatCache) -> None:
        self._cache = cache

    def find(self, pattern: Pattern) -> Iterator[tuple[dict[str, str], str]]:
        """Every file that matches."""
        return pattern.find()

    def digests(self, paths: Sequence[str]) -> list[Found]:
        """Each file as it is now."""
        found = zip(paths, self._cache.digests(paths), strict=True)
        return [Found(digest, size, path) for path, (digest, size) in found]

    def open(self, path: str) -> BinaryIO:
        """An open file."""
        try:
            return Path(path).open("rb")
        except OSError as error:
            raise DataError(
                f"{path} cannot be read ({error.strerror}); check that it exists"
            ) from None

    def keep(self, path: str, store: ArtifactStore) -> tuple[str, int]:
        """Keep a file's bytes."""
        digest = store.write(Path(path))
        try:
            return digest, os.stat(path).st_size
        except OSError as error:
            raise DataError(
                f"{path} was removed while it was read ({error.strerror}); run again"
            ) from None
