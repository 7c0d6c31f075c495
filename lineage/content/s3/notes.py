"""Where bytes that stay elsewhere are, noted as small objects beside the artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import ArtifactError
from ..digest import is_digest, path_of
from ..seen import Seen
from .client import Address, client, in_parallel, translated
from .store import S3Store


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
