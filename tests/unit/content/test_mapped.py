from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from begat.lineage.content import digest, mapped
from begat.lineage.content.digest import digest_bytes, digest_file

PAGE = mmap.PAGESIZE


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of two pages, and every file is large."""
    monkeypatch.setattr(mapped, "WINDOW", 2 * PAGE)
    monkeypatch.setattr(digest, "_LARGE", 1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file of three windows, and a descriptor that reads it."""
    path = tmp_path / "data"
    path.write_bytes(os.urandom(6 * PAGE))
    descriptor = os.open(path, os.O_RDONLY)
    yield path, descriptor
    os.close(descriptor)


class Hasher:
    """Keeps the bytes, and does something else after each part."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.data = b""
        self._then = then

    def update(self, data: mmap.mmap) -> None:
        self.data += bytes(data)
        self._then()


@pytest.mark.parametrize("size", [1, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1, 5 * PAGE])
def test_digest(tmp_path: Path, size: int) -> None:
    """A mapped file's digest is that of its bytes, at and around the size of a window."""
    data = os.urandom(size)
    path = tmp_path / "data"
    path.write_bytes(data)

    assert digest_file(path) == (digest_bytes(data), size)


def test_all_is_mapped(opened: tuple[Path, int]) -> None:
    """A file that nobody writes is fed whole, and no lease is left on it."""
    path, descriptor = opened
    hasher = Hasher()
    fed = mapped.update(hasher, descriptor)
    with path.open("r+b"):  # would wait for a lease
        pass

    assert (fed, hasher.data) == (6 * PAGE, path.read_bytes())


def test_file_of_a_writer(opened: tuple[Path, int]) -> None:
    """A file that is open for writing is not mapped, but read."""
    path, descriptor = opened
    with path.open("r+b"):
        fed = mapped.update(Hasher(), descriptor)
        found = digest_file(path)

    assert (fed, found) == (0, (digest_bytes(path.read_bytes()), 6 * PAGE))


def test_writer_is_held_back(opened: tuple[Path, int]) -> None:
    """Who comes to write has to wait, and no part is mapped after the one he waited for."""
    path, descriptor = opened
    come = f"import os; os.open({str(path)!r}, os.O_WRONLY | os.O_NONBLOCK)"

    def write() -> None:
        done = subprocess.run([sys.executable, "-c", come], capture_output=True, check=False)
        tried.append(b"BlockingIOError" in done.stderr)

    tried: list[bool] = []
    fed = mapped.update(Hasher(write), descriptor)
    write()

    assert (fed, tried) == (2 * PAGE, [True, False])


def test_rest_is_read(opened: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be mapped any more is read: the digest is of all bytes."""
    path, _ = opened
    genuine = mapped.update

    def first_window(hasher: mapped.Hasher, descriptor: int) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", lambda _: os.stat_result((0,) * 6 + (2 * PAGE, 0, 0, 0)))
            return genuine(hasher, descriptor)

    monkeypatch.setattr(mapped, "update", first_window)

    assert digest_file(path) == (digest_bytes(path.read_bytes()), 6 * PAGE)


@pytest.mark.parametrize("error", [OSError("no such device"), ValueError("length is greater")])
def test_what_cannot_be_mapped_is_read(
    opened: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Some file systems give a lease and map nothing."""
    path, _ = opened

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(mapped.mmap, "mmap", refuse)

    assert digest_file(path) == (digest_bytes(path.read_bytes()), 6 * PAGE)
