"""The artifact store in a folder of the local file system."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from ..errors import ArtifactError, CorruptArtifactError, DataError
from .digest import PREFIX, digest_bytes, digest_file, is_digest, path_of
from .kept import FRESH, PAGE, Kept, Swept
from .stat import StatCache

_BLOCK = 1 << 20
#: Linux's request to share a file's blocks until one of the two is written, ioctl_ficlone(2).
_FICLONE = 0x40049409


class LocalStore:
    """Artifacts as read-only files `ab/cdef…`, named by their digest.

    A write goes to `partial/` first and is renamed when it is complete and on
    disk. What is found overwritten is moved to `set-aside/` and counts as absent.

    Args:
        folder: created at the first write.
        stat_cache: spares reading files that have not changed.
    """

    def __init__(self, folder: Path, stat_cache: StatCache) -> None:
        self.folder = folder
        self._cache = stat_cache

    def write(self, data: bytes | Path) -> str:
        """Keep these bytes, or a reflink or copy of this file; see `ArtifactStore`."""
        if isinstance(data, bytes):
            digest = digest_bytes(data)
            if not self.refresh([digest]):
                with self._partial() as (descriptor, partial):
                    _write_all(descriptor, data)
                    self._publish(descriptor, partial, digest)
            return digest
        with self._partial() as (descriptor, partial):
            digest = _snapshot(data, descriptor, partial)
            if not self.refresh([digest]):
                self._publish(descriptor, partial, digest)
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes that have this digest, verified; see `ArtifactStore`."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise ArtifactError(
                f"artifact {digest} is not in {self.folder}; run again to make it anew"
            ) from None
        except OSError as error:
            raise ArtifactError(
                f"artifact {digest} in {self.folder} cannot be read ({error.strerror}); "
                "make it readable, or remove it and run again"
            ) from None
        if digest_bytes(data) != digest:
            self._set_aside(path)
            raise CorruptArtifactError(
                f"artifact {digest} in {self.folder} was overwritten and has been set aside; "
                "run again to make it anew"
            )
        return data

    def copy(self, digest: str, to: Path) -> None:
        """Put the bytes that have this digest into a new file; see `ArtifactStore`."""
        path = self._path(digest)
        if not path.is_file():
            raise ArtifactError(
                f"artifact {digest} is not in {self.folder}; run again to make it anew"
            )
        try:
            found = snapshot(path, to)
        except DataError as error:
            raise ArtifactError(str(error)) from None
        if found != digest:
            to.unlink()
            self._set_aside(path)
            raise CorruptArtifactError(
                f"artifact {digest} in {self.folder} was overwritten and has been set aside; "
                "run again to make it anew"
            )

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here and are what they should be; see `ArtifactStore`."""
        wanted = {digest: self._path(digest) for digest in digests if is_digest(digest)}
        here = {digest: path for digest, path in wanted.items() if path.exists()}
        sound = {digest for digest, found in self._found(here).items() if found == digest}
        for digest in here.keys() - sound:
            self._set_aside(here[digest])
        return frozenset(sound)

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """What is kept under `digest` really is, read from the disk; see `ArtifactStore`."""
        path = self._path(digest)
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArtifactError(
                f"{path} cannot be looked at ({error.strerror}); check that you may read it"
            ) from None
        if not stat.S_ISREG(mode):
            raise CorruptArtifactError(
                f"{_kind(path, mode)} lies where the file {path} should; set it aside"
            )
        _forget_pages(path)
        try:
            return digest_file(path)
        except DataError as error:
            raise ArtifactError(str(error)) from None

    def set_aside(self, digest: str) -> bytes | Path | None:
        """Move what is kept under `digest` to `set-aside/`; see `ArtifactStore`."""
        path = self._path(digest)
        if not os.path.lexists(path):
            return None
        moved = self._set_aside(path)
        if moved is None:
            raise ArtifactError(
                f"{path} cannot be moved to set-aside/; make {self.folder} writable"
            )
        return moved

    def aside(self) -> Iterator[bytes | Path]:
        """What is in `set-aside/`; see `ArtifactStore`."""
        yield from sorted(path for path in (self.folder / "set-aside").glob("*") if path.is_file())

    def refresh(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are here; each is young again, see `ArtifactStore`."""
        here = self.present(digests)
        return frozenset(digest for digest in here if self._touch(digest))

    def listing(self, page: int = PAGE) -> Iterator[Sequence[Kept]]:
        """All artifacts, a page at a time; see `ArtifactStore`."""
        now = self._now()
        found: list[Kept] = []
        for first in range(256):
            folder = self.folder / f"{first:02x}"
            for name, size, written in _files(folder):
                digest = f"{PREFIX}{folder.name}{name}"
                if is_digest(digest):
                    found.append(Kept(digest=digest, size=size, age=now - written))
                if len(found) == page:
                    yield found
                    found = []
        if found:
            yield found

    def remove(self, digests: Iterable[str], *, older: float | None = None) -> dict[str, int]:
        """Remove artifacts for good; see `ArtifactStore`."""
        now = self._now() if older else 0.0
        gone: dict[str, int] = {}
        for digest in digests:
            path = str(self._path(digest))  # os is faster than pathlib, and they are many
            try:
                if older is None:
                    self._remove_traces(digest)
                there = os.lstat(path)
                if older and now - there.st_mtime < older:
                    continue
                os.unlink(path)
            except FileNotFoundError:
                gone[digest] = 0
            except OSError as error:
                raise ArtifactError(
                    f"artifact {digest} in {self.folder} cannot be removed ({error.strerror}); "
                    "make the folder writable"
                ) from None
            else:
                gone[digest] = there.st_size
        return gone

    def sweep(self, older: float, *, delete: bool) -> Swept:
        """What lies in `partial/` and nobody writes any more; see `ArtifactStore`."""
        now = self._now()
        count = freed = 0
        for name, size, written in _files(self.folder / "partial"):
            if now - written >= older:
                if delete:
                    with suppress(OSError):
                        (self.folder / "partial" / name).unlink()
                count, freed = count + 1, freed + size
        return Swept(count=count, bytes=freed)

    def _remove_traces(self, digest: str) -> None:
        """Remove what an artifact once was, and somebody overwrote."""
        for left in (self.folder / "set-aside").glob(f"{digest.removeprefix(PREFIX)}-*"):
            left.unlink(missing_ok=True)

    def _touch(self, digest: str) -> bool:
        """Make an artifact young again; False if it has just gone."""
        path = self._path(digest)
        try:
            if time.time() - path.stat().st_mtime >= FRESH:
                os.utime(path)
                self._cache.remember(path, digest)
        except FileNotFoundError:
            return False
        except PermissionError:  # another user wrote it
            with suppress(ArtifactError), self._partial() as (descriptor, partial):
                if _snapshot(path, descriptor, partial) == digest:
                    self._publish(descriptor, partial, digest)
        return True

    def _now(self) -> float:
        """The time, by the clock that stamps these files: that of a server, if they lie on one."""
        with suppress(ArtifactError), self._partial() as (descriptor, _):
            return os.fstat(descriptor).st_mtime
        return time.time()

    def _found(self, paths: Mapping[str, Path]) -> dict[str, str]:
        """The digest that each file really has; none for one that cannot be read."""
        try:
            hashed = self._cache.digests(list(paths.values()))
        except DataError:
            if len(paths) == 1:
                return {}
            # One of them has just gone or is unreadable: ask for each by itself.
            singly = [self._found({digest: path}) for digest, path in paths.items()]
            return {digest: found for answer in singly for digest, found in answer.items()}
        return {digest: found for digest, (found, _) in zip(paths, hashed, strict=True)}

    def _path(self, digest: str) -> Path:
        return self.folder / path_of(digest)

    @contextmanager
    def _partial(self) -> Iterator[tuple[int, Path]]:
        """A new file that is gone at the end of the block unless it was published."""
        partial = self.folder / "partial" / f"{os.getpid()}-{os.urandom(16).hex()}"
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                yield descriptor, partial
            finally:
                os.close(descriptor)
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise ArtifactError(
                f"an artifact cannot be written to {self.folder} ({error.strerror or error}); "
                "free space there and make it writable, or point BEGAT_ARTIFACTS elsewhere"
            ) from None

    def _publish(self, descriptor: int, partial: Path, digest: str) -> None:
        path = self._path(digest)
        path.parent.mkdir(exist_ok=True)
        os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o444)
        os.fsync(descriptor)
        partial.replace(path)
        _sync_folder(path.parent)
        self._cache.remember(path, digest)

    def _set_aside(self, path: Path) -> Path | None:
        # In a folder that begat may only read, what is wrong stays where it is: every read and
        # every `present` finds it wrong again.
        with suppress(OSError):
            folder = self.folder / "set-aside"
            folder.mkdir(exist_ok=True)
            return path.replace(folder / f"{path.parent.name}{path.name}-{os.urandom(16).hex()}")
        return None


def _files(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Name, size and time of the files in a folder; of those that go meanwhile, nothing."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        there = entry.stat(follow_symlinks=False)
                        yield entry.name, there.st_size, there.st_mtime
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArtifactError(f"{folder} cannot be listed ({error.strerror}); mend it") from None


def _kind(path: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return f"a link to {os.readlink(path)}"
    return "a folder" if stat.S_ISDIR(mode) else "something that is no file"


def _forget_pages(path: Path) -> None:
    """Let the next read come from the disk: memory may hold what the disk has lost."""
    if not hasattr(os, "posix_fadvise"):  # not every system has it
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def snapshot(source: Path, copy: Path) -> str:
    """Make `copy`, which must not be there yet, a reflink or copy of a file; its digest.

    Raises:
        DataError: the file cannot be read.
        OSError: the copy cannot be written.
    """
    descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        return _snapshot(source, descriptor, copy)
    finally:
        os.close(descriptor)


def _snapshot(source: Path, descriptor: int, partial: Path) -> str:
    """Make the open file a snapshot of `source`, and return the digest of what arrived."""
    try:
        file = open(source, "rb", buffering=0)  # noqa: SIM115 - the next line closes it
    except OSError as error:
        raise DataError(
            f"{source} cannot be read ({error.strerror}); check that it exists"
        ) from None
    with closing(file):
        try:
            fcntl.ioctl(descriptor, _FICLONE, file.fileno())
        except OSError:
            return _copy(file, descriptor)
    return digest_file(partial)[0]


def _copy(file: BinaryIO, descriptor: int) -> str:
    hasher = blake3()
    while block := _read_block(file):
        hasher.update(block)
        _write_all(descriptor, block)
    return PREFIX + hasher.hexdigest()


def _read_block(file: BinaryIO) -> bytes:
    try:
        return file.read(_BLOCK)
    except OSError as error:
        raise DataError(f"{file.name} cannot be read ({error.strerror}); mend it") from None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
