"""The contract of artifact stores, for every one of them; and hands that spoil what they keep.

A module that imports `TestContract` has a fixture `store`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage.content import LocalStore, MemoryStore, digest_bytes
from begat.lineage.content.s3.client import client
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import ArtifactError, CorruptArtifactError, DataError

ABSENT = digest_bytes(b"never written")


def place(store: LocalStore, digest: str) -> Path:
    name = digest.removeprefix("blake3:")
    return store.folder / name[:2] / name[2:]


def overwrite(store: ArtifactStore, digest: str, data: bytes) -> None:
    """Put other bytes where an artifact lies."""
    if isinstance(store, MemoryStore):
        store.artifacts[digest] = data
    elif isinstance(store, S3Store):
        client().put_object(**store.address(digest).arguments, Body=data)
    else:
        assert isinstance(store, LocalStore)
        place(store, digest).chmod(0o644)
        place(store, digest).write_bytes(data)


def delete(store: ArtifactStore, digest: str) -> None:
    """Remove an artifact."""
    if isinstance(store, MemoryStore):
        del store.artifacts[digest]
    elif isinstance(store, S3Store):
        client().delete_object(**store.address(digest).arguments)
    else:
        assert isinstance(store, LocalStore)
        place(store, digest).unlink()


class TestContract:
    @pytest.mark.parametrize("data", [b"", b"a", b"ab" * (1 << 20)])
    def test_read_what_was_written(self, store: ArtifactStore, data: bytes) -> None:
        """Bytes come back by the digest that writing them returned."""
        digest = store.write(data)

        assert (digest, store.read(digest)) == (digest_bytes(data), data)

    @pytest.mark.parametrize("data", [b"", b"a", b"ab" * (1 << 20)])
    def test_write_a_file(self, store: ArtifactStore, tmp_path: Path, data: bytes) -> None:
        """A file is kept as it was: rewriting it in place later changes nothing."""
        source = tmp_path / "source"
        source.write_bytes(data)
        digest = store.write(source)
        source.write_bytes(b"changed")

        assert (digest, store.read(digest)) == (digest_bytes(data), data)

    def test_write_a_missing_file(self, store: ArtifactStore, tmp_path: Path) -> None:
        """A file that is not there is the caller's error."""
        with pytest.raises(DataError, match="gone cannot be read"):
            store.write(tmp_path / "gone")

    def test_write_twice(self, store: ArtifactStore) -> None:
        """Writing the same bytes again returns the same digest."""
        assert store.write(b"a") == store.write(b"a")

    def test_present(self, store: ArtifactStore) -> None:
        """Exactly what was written is present; no question is too odd to ask."""
        digest = store.write(b"a")

        assert store.present([digest, ABSENT, digest, "blake3:../../x", ""]) == {digest}
        assert store.present([]) == frozenset()

    def test_missing(self, store: ArtifactStore) -> None:
        """An artifact that is not there is named, with what to do."""
        with pytest.raises(ArtifactError, match=f"artifact {ABSENT} is not in .*; run again"):
            store.read(ABSENT)

    @pytest.mark.parametrize("data", [b"other", b"", b"artifac", b"artifact and more"])
    def test_overwritten(self, store: ArtifactStore, data: bytes) -> None:
        """Overwritten, emptied, truncated, extended: absent, until it is written again."""
        digest = store.write(b"artifact")
        overwrite(store, digest, data)

        assert store.present([digest]) == frozenset()
        assert store.write(b"artifact") == digest
        assert (store.present([digest]), store.read(digest)) == ({digest}, b"artifact")

    def test_read_overwritten(self, store: ArtifactStore) -> None:
        """Bytes that are not those of the digest are never returned."""
        digest = store.write(b"artifact")
        overwrite(store, digest, b"ARTIFACT")

        with pytest.raises(CorruptArtifactError, match="was overwritten"):
            store.read(digest)
        with pytest.raises(ArtifactError, match="is not in"):
            store.read(digest)

    def test_written_over_an_overwritten_one(self, store: ArtifactStore, tmp_path: Path) -> None:
        """Writing restores an overwritten artifact, from bytes and from a file."""
        digest = store.write(b"artifact")
        source = tmp_path / "source"
        source.write_bytes(b"artifact")
        for data in (b"artifact", source):
            overwrite(store, digest, b"ARTIFACT")
            store.write(data)

            assert store.read(digest) == b"artifact"

    def test_copy(self, store: ArtifactStore, tmp_path: Path) -> None:
        """A copy has the bytes, is a file of its own, and replaces none."""
        digest = store.write(b"artifact")
        store.copy(digest, tmp_path / "copy")
        (tmp_path / "copy").chmod(0o644)
        (tmp_path / "copy").write_bytes(b"mine")

        assert store.read(digest) == b"artifact"
        with pytest.raises(FileExistsError):
            store.copy(digest, tmp_path / "copy")

    @pytest.mark.parametrize("data", [None, b"", b"ARTIFACT"])
    def test_copy_of_what_is_not_there(
        self, store: ArtifactStore, tmp_path: Path, data: bytes | None
    ) -> None:
        """What is gone or overwritten is copied nowhere."""
        digest = store.write(b"artifact")
        if data is None:
            delete(store, digest)
        else:
            overwrite(store, digest, data)

        with pytest.raises(ArtifactError, match=digest):
            store.copy(digest, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_listing(self, store: ArtifactStore) -> None:
        """A listing has every artifact once, with its size and age, in pages."""
        data = [b"x" * size for size in range(7)]
        written = {store.write(one): len(one) for one in data}
        pages = list(store.listing(page=3))

        assert [len(page) for page in pages] == [3, 3, 1]
        assert {one.digest: one.size for page in pages for one in page} == written
        assert all(-5 < one.age < 600 for page in pages for one in page)

    def test_remove(self, store: ArtifactStore) -> None:
        """What is removed is gone at once, for good; what was not there counts as gone."""
        first, second = store.write(b"first"), store.write(b"second")

        assert store.remove([first, ABSENT]) == {first: 5, ABSENT: 0}
        assert store.present([first, second]) == {second}
        assert store.rehash(first) is None
        assert list(store.aside()) == []
        assert (store.write(b"first"), store.read(first)) == (first, b"first")

    def test_remove_what_is_old(self, store: ArtifactStore) -> None:
        """What is younger than asked stays."""
        digest = store.write(b"a")

        assert store.remove([digest, ABSENT], older=3600.0) == {ABSENT: 0}
        assert store.read(digest) == b"a"

    def test_remove_what_was_set_aside(self, store: ArtifactStore) -> None:
        """What an artifact became by hands that spoiled it goes with it."""
        digest = store.write(b"artifact")
        overwrite(store, digest, b"artifact, edited")
        store.set_aside(digest)
        store.remove([digest])

        if not isinstance(store, MemoryStore):
            assert list(store.aside()) == []

    def test_refresh(self, store: ArtifactStore) -> None:
        """Exactly what is there is refreshed, whatever was remembered of it."""
        digest, other = store.write(b"a"), store.write(b"b")
        store.present([digest, other])
        delete(store, other)

        assert store.refresh([digest, other, ABSENT, "", "blake3:x"]) == {digest}
        assert store.refresh([]) == frozenset()

    def test_nothing_to_sweep(self, store: ArtifactStore) -> None:
        """Where no writer was killed nothing is swept, and no artifact ever is."""
        digest = store.write(b"a")

        assert store.sweep(0.0, delete=True).count == 0
        assert store.read(digest) == b"a"

    def test_deleted(self, store: ArtifactStore) -> None:
        """A deleted artifact is absent."""
        digest = store.write(b"a")
        delete(store, digest)

        assert store.present([digest]) == frozenset()
