"""Where bytes that stay elsewhere are, noted as small objects beside the artifacts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from ...errors import ArtifactError
from ..digest import is_digest, path_of
from ..seen import Seen
from .client import PARALLEL, Address, client, in_parallel, translated
from .objects import PAGE
from .store import MANY, S3Store


class Objects:
    """Notes as objects `PREFIX/references/ab/cdef…`; see `references.Notes`.

    Args:
        store: beside whose artifacts they lie.
        seen: remembers them, so that each is asked for once.
    """

    def __init__(self, store: S3Store, seen: Seen) -> None:
        self._store = store
        self._seen = seen
        self._place = f"{store.url}/references"

    def put(self, digest: str, location: str) -> None:
        """Note a location."""
        address = self._address(digest)
        with translated(f"{address} cannot be written", ArtifactError):
            client().put_object(**address.arguments, Body=location.encode())
        self._remember({digest: location})

    def get(self, digests: Iterable[str]) -> dict[str, str]:
        """Locations by digest."""
        wanted = [(self._place, digest) for digest in digests if is_digest(digest)]
        seen = self._seen.digests(wanted)
        known = {digest: location for (_, digest), (location, _) in seen.items()}
        asked = in_parallel(self._get, [digest for _, digest in wanted if digest not in known])
        found = {digest: location for digest, location in asked if location}
        self._remember(found)
        return known | found

    def noted(self, digests: Collection[str]) -> frozenset[str]:
        """Of which of these a location is noted: where notes are few, one listing tells."""
        wanted = [(self._place, digest) for digest in digests if is_digest(digest)]
        known = frozenset(digest for _, digest in self._seen.digests(wanted))
        asked = frozenset(digest for _, digest in wanted) - known
        if len(asked) <= PARALLEL:
            return known | self.get(asked).keys()
        names = self._store.named("references/")
        first = frozenset(islice(names, PAGE))
        if len(first) < PAGE:
            return known | asked & first
        if len(asked) > MANY:
            return known | asked & first.union(names)
        return known | asked & first | self.get(asked - first).keys()

    def drop(self, digest: str) -> None:
        """Forget a location."""
        address = self._address(digest)
        self._seen.forget(self._place, digest)
        with translated(f"{address} cannot be removed", ArtifactError):
            client().delete_object(**address.arguments)

    def _remember(self, found: Mapping[str, str]) -> None:
        self._seen.remember([(self._place, digest, found[digest], "") for digest in found])

    def _get(self, digest: str) -> str:
        return self._store.text(self._address(digest))

    def _address(self, digest: str) -> Address:
        return self._store.at(f"references/{path_of(digest)}")
