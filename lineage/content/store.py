"""The artifact store: bytes under their digest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import SettingsError
from ..settings import Settings
from .kept import PAGE, Kept, Swept
from .local import LocalStore
from .references import Folder, Referring
from .s3.client import SCHEME
from .seen import Seen
from .stat import StatCache

#: What is meant as an address, however many slashes it has; folders are called otherwise.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(/|$)|s3:", re.IGNORECASE)


class ArtifactStore(Protocol):
    """Where bytes are kept by what they are: two writers of the same bytes write one artifact."""

    def write(self, data: bytes | Path) -> str:
        """Keep these bytes, or a snapshot of this file's, and return their digest.

        Either all of them are there afterwards or none. For a file, the digest
        is of the bytes that arrived here.

        Raises:
            ArtifactError: they could not be written.
            DataError: the file cannot be read.
        """
        ...

    def read(self, digest: str) -> bytes:
        """The bytes that have this digest, verified.

        Raises:
            ArtifactError: they are not here.
            CorruptArtifactError: what is here under this digest is not those bytes.
        """
        ...

    def copy(self, digest: str, to: Path) -> None:
        """Put the bytes that have this digest, verified, into a new file: by reflink, or copied.

        Raises:
            ArtifactError: they are not here.
            CorruptArtifactError: what is here under this digest is not those bytes.
            OSError: the file cannot be written, or is there already.
        """
        ...

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here and are what they should be."""
        ...

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """The digest and size that the bytes kept under `digest` really have, read past all caches.

        None if there are none. Whatever is found stays where it is.

        Raises:
            CorruptArtifactError: what is there is no bytes of the store's own: a link, a folder.
            ArtifactError: something is there and cannot be read.
        """
        ...

    def set_aside(self, digest: str) -> bytes | Path | None:
        """Move what is kept under `digest` out of the way: what it holds, or where it is now.

        None if nothing is kept there.

        Raises:
            ArtifactError: it cannot be moved.
        """
        ...

    def aside(self) -> Iterator[bytes | Path]:
        """All that was ever moved out of the way: it may be what another artifact has lost."""
        ...

    def refresh(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are really here, past what is remembered; each is young again.

        Who means to rely on what others wrote asks this. `write` does, of what is here already.
        """
        ...

    def listing(self, page: int = PAGE) -> Iterator[Sequence[Kept]]:
        """All artifacts, in pages, in no particular order.

        Raises:
            ArtifactError: they cannot be listed.
        """
        ...

    def remove(self, digests: Iterable[str], *, older: float | None = None) -> dict[str, int]:
        """Remove artifacts for good; what is younger stays.

        Args:
            digests: of what is to go.
            older: seconds that have passed since it was written. None: whatever its age, and with
                all that was set aside of it.

        Returns:
            Those that are not here any more, with the bytes that this has freed: 0 for what was
            not here before.

        Raises:
            ArtifactError: one cannot be removed.
        """
        ...

    def sweep(self, older: float, *, delete: bool) -> Swept:
        """What was left half-written so many seconds ago, which goes with `delete`.

        Raises:
            ArtifactError: it cannot be looked for.
        """
        ...


def open_store(settings: Settings) -> ArtifactStore:
    """The store that the settings name. Nothing is created before the first write.

    Raises:
        SettingsError: it is none that begat knows.
    """
    place = settings.artifacts
    if place.startswith(SCHEME):
        from .s3.notes import Objects
        from .s3.store import S3Store

        seen = Seen(settings.cache)
        kept = S3Store(place, seen)
        return Referring(kept, Objects(kept, seen))
    if "://" in place or _ADDRESS.match(place):
        raise SettingsError(
            f"BEGAT_ARTIFACTS is the path of a folder, or s3://bucket/prefix; got {place!r}"
        )
    folder = Path(place).expanduser().absolute()
    return Referring(LocalStore(folder, StatCache(settings.cache)), Folder(folder / "references"))
