"""The artifact store in a bucket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import ArtifactError, CorruptArtifactError
from ..digest import PREFIX, digest_blocks, digest_bytes, is_digest, path_of, save
from ..local import snapshot
from ..seen import Seen
from .client import SCHEME, Address, client, in_parallel, is_changed, translated
from .objects import BLOCK, WHOLE, Stream, head, listing

#: From so many bytes on a file goes there in parts, each with a checksum of its own.
PARTS = 16 << 20
#: So many objects are listed rather than asked for one by one.
MANY = 2000


class S3Store:
    """Artifacts as objects `PREFIX/ab/cdef…`, named by their digest; see `ArtifactStore`.

    An object is there whole or not at all. That one is there is asked once and noted here;
    whether it is what it should be is seen when it is read.

    Args:
        url: `s3://bucket` or `s3://bucket/prefix`.
        seen: remembers which are there.
    """

    def __init__(self, url: str, seen: Seen) -> None:
        address = Address.parse(url)
        self.bucket, self.prefix = address.bucket, address.key.strip("/")
        self.url = f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")
        self._seen = seen

    def write(self, data: bytes | Path) -> str:
        """Keep these bytes, or a snapshot of this file's."""
        if isinstance(data, bytes):
            digest = digest_bytes(data)
            self._put(digest, data)
        else:
            with _aside(data) as (copy, digest):
                self._put_file(digest, copy)
        self._seen.add(self.url, [digest])
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes that have this digest, verified."""
        data = b"".join(self._fetched(digest, WHOLE))
        if digest_bytes(data) != digest:
            raise self._overwritten(digest)
        return data

    def copy(self, digest: str, to: Path) -> None:
        """Put the bytes that have this digest, verified, into a new file."""
        if save(self._fetched(digest), to)[0] != digest:
            to.unlink()
            raise self._overwritten(digest)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here; asked of the server once."""
        wanted = frozenset(filter(is_digest, digests))
        known = self._seen.of(self.url, wanted)
        asked = wanted - known
        found = asked.intersection(self.named()) if len(asked) > MANY else self._asked(asked)
        self._seen.add(self.url, found)
        return known | found

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """The digest and size of what is kept under `digest`, read from the server."""
        try:
            return digest_blocks(self._stream(self.address(digest)))
        except FileNotFoundError:
            self._seen.drop(self.url, digest)
            return None

    def set_aside(self, digest: str) -> bytes | Path | None:
        """Move what is kept under `digest` to `set-aside/`; what it holds."""
        address = self.address(digest)
        self._seen.drop(self.url, digest)
        try:
            data = b"".join(self._stream(address))
        except FileNotFoundError:
            return None
        moved = self.at(f"set-aside/{address.key.replace('/', '')[-64:]}-{os.urandom(16).hex()}")
        with translated(f"{address} cannot be set aside", ArtifactError):
            client().put_object(**moved.arguments, Body=data)
            client().delete_object(**address.arguments)
        return data

    def aside(self) -> Iterator[bytes | Path]:
        """What was set aside."""
        for key in self._keys("set-aside/"):
            yield b"".join(self._stream(Address(self.bucket, key)))

    def address(self, digest: str) -> Address:
        """Where an artifact is.

        Raises:
            ArtifactError: this is no digest.
        """
        return self.at(path_of(digest))

    def text(self, address: Address) -> str:
        """What a small object says; empty if it is not there."""
        try:
            return b"".join(self._stream(address)).decode()
        except FileNotFoundError:
            return ""

    def named(self, below: str = "") -> Iterator[str]:
        """The digests that objects below the store's prefix are named by."""
        start = len(self.at(below).key)
        names = (PREFIX + key[start:].replace("/", "") for key in self._keys(below))
        return filter(is_digest, names)

    def at(self, name: str) -> Address:
        """Where something below the store's own prefix is."""
        return Address(self.bucket, f"{self.prefix}/{name}".lstrip("/"))

    def _fetched(self, digest: str, block: int = BLOCK) -> Iterator[bytes]:
        try:
            yield from Stream(self.address(digest), block=block).present()
        except FileNotFoundError:
            self._seen.drop(self.url, digest)
            raise ArtifactError(
                f"artifact {digest} is not in {self.url}; run again to make it anew"
            ) from None

    def _overwritten(self, digest: str) -> CorruptArtifactError:
        self.set_aside(digest)
        return CorruptArtifactError(
            f"artifact {digest} in {self.url} was overwritten and has been set aside; "
            "run again to make it anew"
        )

    def _stream(self, address: Address) -> Iterator[bytes]:
        return Stream(address).present()

    def _put(self, digest: str, data: bytes) -> None:
        address = self.address(digest)
        with translated(f"an artifact cannot be written to {address}", ArtifactError):
            try:
                client().put_object(
                    **address.arguments, Body=data, Metadata=_said(digest), IfNoneMatch="*"
                )
            except Exception as error:
                if not is_changed(error):
                    raise
                if not self._is_there(digest):
                    self._make_way(digest)
                    client().put_object(**address.arguments, Body=data, Metadata=_said(digest))

    def _put_file(self, digest: str, path: Path) -> None:
        if path.stat().st_size < PARTS:
            self._put(digest, path.read_bytes())
            return
        from boto3.s3.transfer import TransferConfig

        if self._is_there(digest):
            return
        self._make_way(digest)
        address = self.address(digest)
        # In parts it comes there as a whole too, and whoever else writes it writes the same.
        with translated(f"an artifact cannot be written to {address}", ArtifactError):
            client().upload_file(
                str(path),
                address.bucket,
                address.key,
                ExtraArgs={"ChecksumAlgorithm": "CRC32", "Metadata": _said(digest)},
                Config=TransferConfig(multipart_threshold=PARTS, multipart_chunksize=PARTS),
            )

    def _make_way(self, digest: str) -> None:
        """Set aside what is not this artifact: another process may just have written it."""
        found = self.rehash(digest)
        if found is not None and found[0] != digest:
            self.set_aside(digest)

    def _is_there(self, digest: str) -> bool:
        found = head(self.address(digest), ArtifactError)
        if found is None or found.said == _said(digest):
            return found is not None
        # Another tool wrote it, which may have copied a whole store here: its bytes tell.
        read = self.rehash(digest)
        return read is not None and read[0] == digest

    def _asked(self, digests: Iterable[str]) -> frozenset[str]:
        found = in_parallel(self._is_there, list(digests))
        return frozenset(digest for digest, there in found if there)

    def _keys(self, prefix: str) -> Iterator[str]:
        for one in listing(self.bucket, self.at(prefix).key, kind=ArtifactError):
            yield one.address.key


def _said(digest: str) -> dict[str, str]:
    """What is said of an artifact beside its bytes: that they are these."""
    return {"digest": digest}


@contextmanager
def _aside(source: Path) -> Iterator[tuple[Path, str]]:
    """A snapshot of a file, which nobody rewrites while it is sent, and its digest."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="begat-")
        copy = Path(folder.name, "snapshot")
        with folder:
            digest = snapshot(source, copy)
            yield copy, digest
    except OSError as error:
        raise ArtifactError(
            f"{source} cannot be copied to {tempfile.gettempdir()} ({error.strerror or error}); "
            "free space there, or point TMPDIR elsewhere"
        ) from None
