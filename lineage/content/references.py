"""Bytes that stay where they are: an artifact store that knows where to fetch them.

A version of an object in a bucket that keeps versions is never written again, so copying
it would only cost. What is kept is where it is; reading it verifies its digest.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import ArtifactError, CorruptArtifactError
from .digest import digest_blocks, digest_bytes, is_digest, path_of, save
from .kept import PAGE, Kept, Swept

if TYPE_CHECKING:
    from .store import ArtifactStore


class Notes(Protocol):
    """Where each artifact that is not here can be fetched."""

    def put(self, digest: str, location: str) -> None:
        """Note a location.

        Raises:
            ArtifactError: it could not be written.
        """
        ...

    def get(self, digests: Iterable[str]) -> dict[str, str]:
        """Locations by digest, of those that are noted."""
        ...

    def noted(self, digests: Collection[str]) -> frozenset[str]:
        """Of which of these a location is noted."""
        ...

    def drop(self, digest: str) -> None:
        """Forget a location."""
        ...


class Referring:
    """An artifact store that also has what lies elsewhere; see `ArtifactStore`.

    Args:
        store: has the bytes that are here.
        notes: say where the others are.
    """

    def __init__(self, store: ArtifactStore, notes: Notes) -> None:
        self.store = store
        self.notes = notes

    def refer(self, digest: str, location: str) -> None:
        """Keep where bytes are that nobody writes again, unless they are here.

        Args:
            digest: theirs.
            location: `s3://bucket/key?versionId=ID`.

        Raises:
            ArtifactError: it could not be noted.
        """
        if not self.store.present([digest]):
            self.notes.put(digest, location)

    def write(self, data: bytes | Path) -> str:
        """Keep these bytes, or a snapshot of this file's."""
        return self.store.write(data)

    def read(self, digest: str) -> bytes:
        """The bytes that have this digest, verified."""
        try:
            return self.store.read(digest)
        except CorruptArtifactError:
            raise
        except ArtifactError:
            if not (location := self._location(digest)):
                raise
        data = b"".join(self._fetched(digest, location))
        if digest_bytes(data) != digest:
            raise self._other(digest, location)
        return data

    def copy(self, digest: str, to: Path) -> None:
        """Put the bytes that have this digest into a new file."""
        if self.store.present([digest]):
            self.store.copy(digest, to)
        elif not (location := self._location(digest)):
            self.store.copy(digest, to)  # which says that it is nowhere
        elif save(self._fetched(digest, location), to)[0] != digest:
            to.unlink()
            raise self._other(digest, location)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here, or noted to be elsewhere: what is there is seen on reading."""
        wanted = frozenset(digests)
        found = self.store.present(wanted)
        missing = wanted - found
        return found | self.notes.noted(missing) if missing else found

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """The digest and size that the bytes really have, here or elsewhere."""
        found = self.store.rehash(digest)
        if found is not None or not (location := self._location(digest)):
            return found
        try:
            return digest_blocks(_blocks(location))
        except FileNotFoundError:
            self.notes.drop(digest)
            return None

    def set_aside(self, digest: str) -> bytes | Path | None:
        """Move what is kept here out of the way, and forget where else it is."""
        self.notes.drop(digest)
        return self.store.set_aside(digest)

    def aside(self) -> Iterator[bytes | Path]:
        """What was moved out of the way."""
        return self.store.aside()

    def refresh(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here, or noted to be elsewhere."""
        wanted = frozenset(digests)
        found = self.store.refresh(wanted)
        missing = wanted - found
        return found | self.notes.get(missing).keys() if missing else found

    def listing(self, page: int = PAGE) -> Iterator[Sequence[Kept]]:
        """All artifacts that are here."""
        return self.store.listing(page)

    def remove(self, digests: Iterable[str], *, older: float | None = None) -> dict[str, int]:
        """Remove what is here; whatever its age, forget where else it is, too."""
        wanted = list(digests)
        if older is None:
            for digest in self.notes.get(wanted):
                self.notes.drop(digest)
        return self.store.remove(wanted, older=older)

    def sweep(self, older: float, *, delete: bool) -> Swept:
        """What was left half-written here."""
        return self.store.sweep(older, delete=delete)

    def _location(self, digest: str) -> str:
        return self.notes.get([digest]).get(digest, "")

    def _fetched(self, digest: str, location: str) -> Iterator[bytes]:
        try:
            yield from _blocks(location)
        except FileNotFoundError:
            self.notes.drop(digest)
            raise ArtifactError(
                f"artifact {digest} is no more at {location}, where it was left; run again to make "
                "it anew"
            ) from None

    def _other(self, digest: str, location: str) -> CorruptArtifactError:
        self.notes.drop(digest)
        return CorruptArtifactError(
            f"{location} does not hold artifact {digest} any more; run again to make it anew"
        )


class Folder:
    """Notes as small files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, digest: str, location: str) -> None:
        """Note a location."""
        path = self._path(digest)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(8).hex()}")
            partial.write_text(location, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise ArtifactError(
                f"where artifact {digest} is cannot be noted in {self._folder} "
                f"({error.strerror}); make it writable, or point BEGAT_ARTIFACTS elsewhere"
            ) from None

    def get(self, digests: Iterable[str]) -> dict[str, str]:
        """Locations by digest."""
        if not self._folder.is_dir():
            return {}
        found = {}
        for digest in filter(is_digest, digests):
            with suppress(OSError):
                found[digest] = self._path(digest).read_text(encoding="utf-8")
        return found

    def noted(self, digests: Collection[str]) -> frozenset[str]:
        """Of which of these a location is noted."""
        if not self._folder.is_dir():
            return frozenset()
        return frozenset(one for one in filter(is_digest, digests) if self._path(one).is_file())

    def drop(self, digest: str) -> None:
        """Forget a location."""
        with suppress(OSError):
            self._path(digest).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / path_of(digest)


def _blocks(location: str) -> Iterator[bytes]:
    """The blocks of what lies elsewhere.

    Raises:
        FileNotFoundError: it is not there.
        ArtifactError: it cannot be read.
    """
    from .s3.client import Address
    from .s3.objects import Stream

    return Stream(Address.parse(location)).present()
