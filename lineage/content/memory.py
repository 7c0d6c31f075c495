"""The artifact store in memory, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import ArtifactError, CorruptArtifactError, DataError
from .digest import digest_bytes
from .kept import PAGE, Kept, Swept


class MemoryStore:
    """Artifacts in a dict, gone with the process; see `ArtifactStore`."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._written: dict[str, float] = {}
        #: The bytes under each digest. A test may change or delete them.
        self.artifacts: dict[str, bytes] = {}
        self._aside: list[bytes] = []

    def write(self, data: bytes | Path) -> str:
        """Keep these bytes, or this file's."""
        if isinstance(data, Path):
            try:
                data = data.read_bytes()
            except OSError as error:
                raise DataError(
                    f"{error.filename} cannot be read ({error.strerror}); check that it exists"
                ) from None
        digest = digest_bytes(data)
        self.artifacts[digest] = data
        self._written[digest] = self._clock()
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes that have this digest, verified."""
        try:
            data = self.artifacts[digest]
        except KeyError:
            raise ArtifactError(
                f"artifact {digest} is not in memory; run again to make it anew"
            ) from None
        if digest_bytes(data) != digest:
            del self.artifacts[digest]
            raise CorruptArtifactError(
                f"artifact {digest} in memory was overwritten; run again to make it anew"
            )
        return data

    def copy(self, digest: str, to: Path) -> None:
        """Put the bytes that have this digest into a new file."""
        data = self.read(digest)
        with to.open("xb") as file:
            file.write(data)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here and are what they should be."""
        return frozenset(
            digest
            for digest in digests
            if digest in self.artifacts and digest_bytes(self.artifacts[digest]) == digest
        )

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """The digest and size of what is kept under `digest`."""
        data = self.artifacts.get(digest)
        return None if data is None else (digest_bytes(data), len(data))

    def set_aside(self, digest: str) -> bytes | Path | None:
        """Move what is kept under `digest` out of the way."""
        moved = self.artifacts.pop(digest, None)
        if moved is not None:
            self._aside.append(moved)
        return moved

    def aside(self) -> Iterator[bytes | Path]:
        """What was set aside."""
        yield from self._aside

    def refresh(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here; each is young again."""
        here = self.present(digests)
        self._written |= dict.fromkeys(here, self._clock())
        return here

    def listing(self, page: int = PAGE) -> Iterator[Sequence[Kept]]:
        """All artifacts, a page at a time."""
        found = [
            Kept(digest=digest, size=len(data), age=self._age(digest))
            for digest, data in self.artifacts.items()
        ]
        yield from (found[start : start + page] for start in range(0, len(found), page))

    def remove(self, digests: Iterable[str], *, older: float | None = None) -> dict[str, int]:
        """Remove artifacts for good."""
        return {
            digest: len(self.artifacts.pop(digest, b""))
            for digest in digests
            if digest not in self.artifacts or older is None or self._age(digest) >= older
        }

    def sweep(self, older: float, *, delete: bool) -> Swept:
        """Nothing: what is written here is written at once."""
        del older, delete
        return Swept()

    def _age(self, digest: str) -> float:
        return self._clock() - self._written.get(digest, 0.0)
