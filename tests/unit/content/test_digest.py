from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content import digest
from begat.lineage.errors import DataError


@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_equal_bytes_equal_digests(a: bytes, b: bytes) -> None:
    """Two digests are equal exactly when the bytes are."""
    assert (digest.digest_bytes(a) == digest.digest_bytes(b)) == (a == b)


@given(st.binary())
def test_form(data: bytes) -> None:
    """Every digest is one that `is_digest` knows, and of a view as of its bytes."""
    found = digest.digest_bytes(memoryview(data))

    assert (digest.is_digest(found), found) == (True, digest.digest_bytes(data))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_file(tmp_path: Path, size: int) -> None:
    """A file's digest is that of its bytes, at and around the size of a block."""
    data = os.urandom(size)
    path = tmp_path / "data"
    path.write_bytes(data)

    assert digest.digest_file(path) == (digest.digest_bytes(data), size)


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is the caller's error, and named."""
    with pytest.raises(DataError, match=r"gone\.csv cannot be read \(No such file"):
        digest.digest_file(tmp_path / "gone.csv")


def test_not_a_file(tmp_path: Path) -> None:
    """A folder and a pipe that nobody writes to are refused, not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is not a regular file"):
        digest.digest_file(tmp_path / "pipe")
    with pytest.raises(DataError, match="is not a regular file"):
        digest.digest_file(tmp_path)


def test_rewritten_once_while_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file rewritten while it is read is read again, and the digest is of what it became."""
    path = tmp_path / "data"
    path.write_bytes(b"old")
    rewrites = iter([b"newer"])
    monkeypatch.setattr(digest, "_digest_stream", _interfering(path, rewrites))

    assert digest.digest_file(path) == (digest.digest_bytes(b"newer"), 5)


def test_rewritten_for_ever_while_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is never the same twice is refused instead of read for ever."""
    path = tmp_path / "data"
    path.write_bytes(b"0")
    rewrites = (b"x" * n for n in range(2, 1000))
    monkeypatch.setattr(digest, "_digest_stream", _interfering(path, rewrites))

    with pytest.raises(DataError, match="data was rewritten while it was read; run again"):
        digest.digest_file(path)


def _interfering(path: Path, rewrites):  # type: ignore[no-untyped-def]  # wraps a private function
    genuine = digest._digest_stream

    def stream(file):  # type: ignore[no-untyped-def]  # as the function it stands in for
        found = genuine(file)
        for data in rewrites:
            path.write_bytes(data)
            break
        return found

    return stream
