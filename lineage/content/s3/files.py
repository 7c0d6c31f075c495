"""Sources in S3: objects whose addresses match a pattern."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ...errors import ArtifactError, DataError, WorldError
from ..digest import digest_blocks, save
from ..files import Found
from ..patterns import Pattern
from ..references import Referring
from ..seen import Seen
from .client import Address, in_parallel
from .objects import ChangedError, Object, Ranged, Stream, head, listing

if TYPE_CHECKING:
    from ..store import ArtifactStore

#: Bytes that are asked for at a time of an object of which only a part is read.
BUFFER = 64 << 10
#: How often an object that is overwritten while it is read is read again.
ATTEMPTS = 3


class S3Files:
    """Objects in buckets; see `files.Files`.

    Where a bucket keeps versions, the bytes of a version stay there: only where they are is
    kept. From other buckets they are copied.

    Args:
        seen: knows digests of objects by what a listing says of them.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._listed: dict[str, Object] = {}

    def find(self, pattern: Pattern) -> Iterator[tuple[dict[str, str], str]]:
        """Every object that matches, as one listing of its bucket has them."""
        address = Address.parse(pattern.path)
        if address.version or not pattern.varies:
            one = head(address)
            if one is not None:
                self._listed[pattern.path] = one
                yield {}, pattern.path
            return
        for one in listing(address.bucket, Address.parse(pattern.prefix).key):
            path = str(one.address)
            values = pattern.match(path)
            if values is not None:
                self._listed[path] = one
                yield values, path

    def digests(self, paths: Sequence[str]) -> list[Found]:
        """Each object as it is now: read once for each state that it is listed with."""
        objects = {path: self._object(path) for path in paths}
        known = self._seen.digests([_key(one) for one in objects.values()])
        asked = [path for path, one in objects.items() if _key(one) not in known]
        read = dict(in_parallel(lambda path: self._read(objects[path]), asked))
        self._seen.remember(
            [
                (*_key(one), found.digest, Address.parse(found.location).version)
                for one, found in read.values()
            ]
        )
        found = {path: state for path, (_, state) in read.items()}
        for path, one in objects.items():
            if path not in found:
                digest, version = known[_key(one)]
                location = str(one.address._replace(version=version))
                found[path] = Found(digest, one.size, location)
        return [found[path] for path in paths]

    def open(self, path: str) -> BinaryIO:
        """An open object, of which no more is read than is asked for."""
        one = self._object(path)
        return cast(BinaryIO, io.BufferedReader(Ranged(one), BUFFER))

    def keep(self, path: str, store: ArtifactStore) -> tuple[str, int]:
        """Keep where a version's bytes are, or a copy of an object's."""
        address = Address.parse(path)
        try:
            with tempfile.TemporaryDirectory(prefix="begat-") as folder:
                copy = Path(folder, "object")
                stream = Stream(address, kind=WorldError)
                digest, size = save(stream, copy)
                if not stream.version or not isinstance(store, Referring):
                    return store.write(copy), size
                store.refer(digest, str(address._replace(version=stream.version)))
                return digest, size
        except ChangedError:
            raise DataError(f"{path} was overwritten while it was read; run again") from None
        except OSError as error:
            raise ArtifactError(
                f"{path} cannot be copied to {tempfile.gettempdir()} ({error.strerror or error}); "
                "free space there, or point TMPDIR elsewhere"
            ) from None

    def _object(self, path: str) -> Object:
        one = self._listed.get(path) or head(Address.parse(path))
        if one is None:
            raise DataError(f"{path} is not there; run again, or write it again")
        return one

    def _read(self, one: Object) -> tuple[Object, Found]:
        for _ in range(ATTEMPTS):
            stream = Stream(one.address, one.etag, kind=WorldError)
            try:
                digest, size = digest_blocks(stream)
            except ChangedError:
                again = head(one.address)
                if again is None:
                    break
                one = again
            else:
                location = str(one.address._replace(version=stream.version))
                return one, Found(digest, size, location)
        raise DataError(
            f"{one.address} was overwritten or removed while it was read; run again when nobody "
            "writes it"
        )


def _key(one: Object) -> tuple[str, str]:
    return str(one.address), f"{one.size} {one.etag} {one.modified}"
