from __future__ import annotations

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from begat.lineage.content import stat
from begat.lineage.content.digest import digest_bytes
from begat.lineage.content.stat import StatCache
from begat.lineage.errors import DataError


def later() -> int:
    """A clock by which every file of a test is old."""
    return time.time_ns() + 3600 * 10**9


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.db", clock=later)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    genuine = stat.digest_and_state

    def spy(path: Path):  # type: ignore[no-untyped-def]  # as the function it stands in for
        names.append(path.name)
        return genuine(path)

    monkeypatch.setattr(stat, "digest_and_state", spy)
    return names


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_digests_in_order(cache: StatCache, tmp_path: Path) -> None:
    """Digests come in the order of the paths, whether they were known or not."""
    a, b = write(tmp_path / "a", b"a"), write(tmp_path / "b", b"bb")
    cache.digests([b])

    assert cache.digests([a, b, a]) == [
        (digest_bytes(b"a"), 1),
        (digest_bytes(b"bb"), 2),
        (digest_bytes(b"a"), 1),
    ]


def test_reads_once(cache: StatCache, tmp_path: Path, reads: list[str]) -> None:
    """An unchanged file is read once, by whichever instance asks."""
    path = write(tmp_path / "a", b"a")
    cache.digests([path])
    StatCache(cache.path, clock=later).digests([path])

    assert reads == ["a"]


def test_same_size_rewrite_with_mtime_restored(cache: StatCache, tmp_path: Path) -> None:
    """Bytes changed with size and mtime restored are noticed, by ctime."""
    path = write(tmp_path / "a", b"old")
    before = path.stat()
    cache.digests([path])
    with path.open("r+b") as file:
        file.write(b"new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()

    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert cache.digests([path]) == [(digest_bytes(b"new"), 3)]


def test_racy_file_is_not_trusted(tmp_path: Path, reads: list[str]) -> None:
    """A file that changed a moment before it was read is read again the next time."""
    path = write(tmp_path / "a", b"a")
    cache = StatCache(tmp_path / "cache.db", clock=lambda: path.stat().st_ctime_ns + 1)
    cache.digests([path])
    cache.digests([path])

    assert reads == ["a", "a"]


def test_remember(tmp_path: Path, reads: list[str]) -> None:
    """What its writer remembers is known without reading, however young it is."""
    path = write(tmp_path / "a", b"a")
    cache = StatCache(tmp_path / "cache.db")
    cache.remember(path, digest_bytes(b"a"))

    assert (cache.digests([path]), reads) == ([(digest_bytes(b"a"), 1)], [])


def test_replaced_file(cache: StatCache, tmp_path: Path) -> None:
    """A file replaced by another of the same size and times is another inode."""
    path = write(tmp_path / "a", b"old")
    times = path.stat()
    cache.digests([path])
    other = write(tmp_path / "b", b"new")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)

    assert cache.digests([path]) == [(digest_bytes(b"new"), 3)]


def test_missing_file(cache: StatCache, tmp_path: Path) -> None:
    """A file that was known and is gone is an error, not its old digest."""
    path = write(tmp_path / "a", b"a")
    cache.digests([path])
    path.unlink()

    with pytest.raises(DataError, match="a cannot be read"):
        cache.digests([path])


def test_damaged_cache_is_replaced(cache: StatCache, tmp_path: Path, reads: list[str]) -> None:
    """A cache file that is no database is thrown away, and the next one works."""
    path = write(tmp_path / "a", b"a")
    cache.path.write_bytes(b"no database" * 1000)

    assert [cache.digests([path])[0][0] for _ in range(3)] == [digest_bytes(b"a")] * 3
    assert len(reads) < 3


def test_unusable_cache_is_ignored(tmp_path: Path) -> None:
    """Without a folder, with another table, or locked: files are hashed, nothing is raised."""
    path = write(tmp_path / "a", b"a")
    (tmp_path / "folder.db").mkdir()
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE file_1 (unrelated)")
    connection.close()

    for place in ("no/such/folder.db", "folder.db", "other.db"):
        cache = StatCache(tmp_path / place, clock=later)
        cache.remember(path, digest_bytes(b"a"))

        assert cache.digests([path]) == [(digest_bytes(b"a"), 1)]


def test_names_that_are_not_utf_8(cache: StatCache, tmp_path: Path) -> None:
    """A file name of arbitrary bytes is hashed like any other."""
    path = write(tmp_path / os.fsdecode(b"\xff"), b"a")

    assert cache.digests([path]) == [(digest_bytes(b"a"), 1)]


def test_threads(cache: StatCache, tmp_path: Path) -> None:
    """Threads share one cache."""
    paths = [write(tmp_path / str(n), b"%d" % n) for n in range(40)]
    expected = [(digest_bytes(b"%d" % n), len(str(n))) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.digests(paths), range(16)))

    assert found == [expected] * 16
