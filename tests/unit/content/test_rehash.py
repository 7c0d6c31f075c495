"""What an artifact store really holds, past all caches."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from begat.lineage.content.digest import digest_bytes
from begat.lineage.content.local import LocalStore
from begat.lineage.content.memory import MemoryStore
from begat.lineage.content.stat import StatCache
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import ArtifactError, CorruptArtifactError

GONE = digest_bytes(b"gone")


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.db")


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, cache: StatCache) -> ArtifactStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store", cache)


def path_of(store: LocalStore, digest: str) -> Path:
    name = digest.removeprefix("blake3:")
    return store.folder / name[:2] / name[2:]


def test_sound(store: ArtifactStore) -> None:
    """What is kept has its digest and size; what is not there has none."""
    digest = store.write(b"content")

    assert store.rehash(digest) == (digest, 7)
    assert store.rehash(GONE) is None


def test_changed_behind_the_cache(tmp_path: Path, cache: StatCache) -> None:
    """Bytes that the stat cache takes for the right ones are hashed all the same, and stay."""
    store = LocalStore(tmp_path / "store", cache)
    digest = store.write(b"content")
    path = path_of(store, digest)
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    cache.remember(path, digest)
    believed = store.present([digest])

    assert believed == {digest}
    assert store.rehash(digest) == (digest_bytes(b"CONTENT"), 7)
    assert path.read_bytes() == b"CONTENT"


IMPOSTORS: dict[str, Callable[[Path, Path], object]] = {
    "a folder": lambda path, _: path.mkdir(),
    "a link to": lambda path, kept: path.symlink_to(kept),
    "a link": lambda path, _: path.symlink_to(path),
    "something that is no file": lambda path, _: os.mkfifo(path),
}


@pytest.mark.parametrize("what", IMPOSTORS)
def test_something_else_in_its_place(tmp_path: Path, cache: StatCache, what: str) -> None:
    """What is no file of the store's own is told, a link to the right bytes too, and moved."""
    store = LocalStore(tmp_path / "store", cache)
    digest = store.write(b"content")
    path = path_of(store, digest)
    path.rename(tmp_path / "kept")
    IMPOSTORS[what](path, tmp_path / "kept")

    with pytest.raises(CorruptArtifactError, match=f"^{what} .*lies where the file"):
        store.rehash(digest)
    assert store.set_aside(digest) is not None
    assert store.rehash(digest) is None


def test_unreadable_folder(
    tmp_path: Path, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be looked at is not called missing."""
    store = LocalStore(tmp_path / "store", cache)
    digest = store.write(b"content")

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "lstat", refuse)

    with pytest.raises(ArtifactError, match=r"cannot be looked at \(Permission denied\)"):
        store.rehash(digest)


def test_set_aside(store: ArtifactStore) -> None:
    """What is set aside is no longer there, and is handed over."""
    digest = store.write(b"content")
    moved = store.set_aside(digest)
    assert moved is not None

    assert store.rehash(digest) is None
    assert store.set_aside(digest) is None
    assert store.write(moved) == digest


def test_aside(store: ArtifactStore) -> None:
    """All that was set aside can be looked through, and written again."""
    digests = {store.write(b"one"), store.write(b"other")}
    for digest in digests:
        store.set_aside(digest)

    assert {store.write(content) for content in store.aside()} == digests
