"""BLAKE3 digests: the bytes hashed are the bytes read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from ..errors import ArtifactError, DataError

#: How every digest is written: the algorithm, then 64 hexadecimal digits.
PREFIX = "blake3:"
_FORM = re.compile(r"blake3:[0-9a-f]{64}")
_BLOCK = 1 << 20
#: Files of this size are worth mapping.
_LARGE = 8 << 20
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FileState:
    """What the file system says of a file: any write to it changes some of this.

    `ctime_ns` is the one that a writer cannot set back, as it can `mtime_ns`.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, result: os.stat_result) -> FileState:
        """The state that `os.stat` returned."""
        return cls(
            size=result.st_size,
            mtime_ns=result.st_mtime_ns,
            ctime_ns=result.st_ctime_ns,
            inode=result.st_ino,
            device=result.st_dev,
        )


def is_digest(text: str) -> bool:
    """Whether `text` is a digest as begat writes it.

    >>> is_digest(digest_bytes(b"")), is_digest("sha256:00")
    (True, False)
    """
    return _FORM.fullmatch(text) is not None


def digest_bytes(data: bytes | memoryview) -> str:
    """The digest of these bytes.

    >>> digest_bytes(b"")[:20]
    'blake3:af1349b9f5f9a'
    """
    return PREFIX + blake3(data).hexdigest()


def digest_file(path: Path) -> tuple[str, int]:
    """The digest of a file's bytes, and how many they are.

    Raises:
        DataError: it cannot be read, is no regular file, or kept changing while it was read.
    """
    digest, state = digest_and_state(path)
    return digest, state.size


def digest_blocks(blocks: Iterable[bytes]) -> tuple[str, int]:
    """The digest of bytes that come in blocks, and how many they are.

    >>> digest_blocks([b"a", b"b"]) == (digest_bytes(b"ab"), 2)
    True
    """
    hasher, size = blake3(), 0
    for block in blocks:
        hasher.update(block)
        size += len(block)
    return PREFIX + hasher.hexdigest(), size


def save(blocks: Iterable[bytes], to: Path) -> tuple[str, int]:
    """Put blocks into a new file, which is gone if not all of them come; as `digest_blocks`.

    Raises:
        OSError: it cannot be written, or is there already.
    """
    with to.open("xb") as file:

        def written() -> Iterator[bytes]:
            for block in blocks:
                file.write(block)
                yield block

        try:
            return digest_blocks(written())
        except BaseException:
            to.unlink(missing_ok=True)
            raise


def path_of(digest: str) -> str:
    """Where a file that is named by a digest lies: `ab/cdef…`, so that no folder has all of them.

    Raises:
        ArtifactError: this is no digest.
    """
    if not is_digest(digest):
        raise ArtifactError(f"{digest!r} is not an artifact's digest; it has the form blake3:…")
    name = digest.removeprefix(PREFIX)
    return f"{name[:2]}/{name[2:]}"


def digest_and_state(path: Path) -> tuple[str, FileState]:
    """As `digest_file`, with the state that the file had from the first byte read to the last.

    Raises:
        DataError: as `digest_file`.
    """
    for _ in range(_ATTEMPTS):
        try:
            found = _read_once(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read ({error.strerror or error}); "
                "check that it exists and that you may read it"
            ) from None
        if found is not None:
            return found
    raise DataError(f"{path} was rewritten while it was read; run again when its writer is done")


def _read_once(path: Path) -> tuple[str, FileState] | None:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        result = os.fstat(descriptor)
        if not stat.S_ISREG(result.st_mode):
            raise DataError(f"{path} is not a regular file; name the files themselves")
        before = FileState.of(result)
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            digest, size = _digest_stream(file)
        after = FileState.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return (digest, after) if before == after and size == after.size else None


def _digest_stream(file: BinaryIO) -> tuple[str, int]:
    hasher, size = blake3(), 0
    if os.fstat(file.fileno()).st_size >= _LARGE:
        from . import mapped

        size = mapped.update(hasher, file.fileno())
        file.seek(size)
    while block := file.read(_BLOCK):
        hasher.update(block)
        size += len(block)
    return PREFIX + hasher.hexdigest(), size
