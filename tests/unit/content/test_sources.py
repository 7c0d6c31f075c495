from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from begat.lineage.content import MemoryStore, StatCache, digest_bytes, sources
from begat.lineage.content.manifest import File, Manifest
from begat.lineage.errors import DataError
from begat.lineage.records import Dataset

MONTHLY = "raw/month={month}/*.csv"


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.db")


def write(path: Path, text: str = "a\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_find(tmp_path: Path) -> None:
    """Files are grouped by partition, partitions and files sorted."""
    for name in ("month=2/b.csv", "month=2/a.csv", "month=1/a.csv", "month=1/a.txt", "other/a.csv"):
        write(tmp_path / "raw" / name)

    assert sources.find(MONTHLY, folder=tmp_path) == {
        "month=1": (tmp_path / "raw/month=1/a.csv",),
        "month=2": (tmp_path / "raw/month=2/a.csv", tmp_path / "raw/month=2/b.csv"),
    }


def test_find_several_keys(tmp_path: Path) -> None:
    """Several keys are joined by a slash, in the pattern's order."""
    write(tmp_path / "2013/01.csv")

    assert list(sources.find("{year}/{month}.csv", folder=tmp_path)) == ["year=2013/month=01"]


def test_find_without_keys(tmp_path: Path) -> None:
    """Without keys there is one partition, the empty one."""
    write(tmp_path / "weather.csv")

    assert list(sources.find("weather.csv", folder=tmp_path)) == [""]


def test_find_nothing(tmp_path: Path) -> None:
    """A pattern that matches nothing says how far its path goes."""
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError, match=r"no file matches .*raw/\{m\}\.csv \(in .*raw\)"):
        sources.find("raw/{m}.csv", folder=tmp_path)
    with pytest.raises(DataError, match=r"\(.* is there, .*/wrong/folder is not\); mend"):
        sources.find("wrong/folder/{m}.csv", folder=tmp_path)


def test_find_name_that_is_not_utf_8(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 could not be named in an event, and is refused."""
    write(tmp_path / os.fsdecode(b"\xff.csv"))

    with pytest.raises(DataError, match=r"udcff\.csv' is not UTF-8; rename the file"):
        sources.find("{n}.csv", folder=tmp_path)


def test_dataset_of(tmp_path: Path) -> None:
    """A source is a dataset of OpenLineage's namespace `file`."""
    assert sources.dataset_of(MONTHLY, folder=tmp_path) == Dataset(
        namespace="file", name=f"{tmp_path}/raw"
    )


def test_snapshot(tmp_path: Path, cache: StatCache) -> None:
    """A snapshot has a version for each partition: its digest, size, format and place."""
    path = write(tmp_path / "raw/month=1/a.csv")
    write(tmp_path / "raw/month=2/a.csv", "a\n22\n")
    snapshot = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache)
    first = snapshot.versions[0]

    assert [v.partition for v in snapshot.versions] == ["month=1", "month=2"]
    assert (first.digest, first.size, first.format, first.location, first.producer) == (
        digest_bytes(b"a\n1\n"),
        4,
        "csv",
        str(path),
        "",
    )


def test_snapshot_of_several_files(tmp_path: Path, cache: StatCache) -> None:
    """A partition of several files is the digest of its manifest, whatever folder it is in."""
    found = []
    for lake in ("here", "there"):
        write(tmp_path / lake / "raw/month=1/b.csv", "a\n2\n")
        write(tmp_path / lake / "raw/month=1/a.csv")
        [version] = sources.snapshot(MONTHLY, folder=tmp_path / lake, cache=cache).versions
        found.append((version.digest, version.size, version.format))
    manifest = Manifest.of(
        [
            File(name="b.csv", size=4, digest=digest_bytes(b"a\n2\n")),
            File(name="a.csv", size=4, digest=digest_bytes(b"a\n1\n")),
        ]
    )

    assert found == [(digest_bytes(manifest.to_bytes()), 8, "csv+files")] * 2


def test_renamed_file_is_another_version(tmp_path: Path, cache: StatCache) -> None:
    """The names of a partition's files are part of its version."""
    for name in ("a.csv", "b.csv"):
        write(tmp_path / "raw/month=1" / name)
    before = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions[0]
    (tmp_path / "raw/month=1/b.csv").rename(tmp_path / "raw/month=1/c.csv")
    after = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions[0]

    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.CSV", "csv"),
        ("x.jsonl", "jsonl"),
        ("x.pq", "parquet"),
        ("x.parquet", "parquet"),
        ("x", "bytes"),
    ],
)
def test_format(tmp_path: Path, cache: StatCache, name: str, expected: str) -> None:
    """The format is read from the suffix."""
    write(tmp_path / name)

    assert sources.version(name, folder=tmp_path, cache=cache).format == expected


def test_empty_file(tmp_path: Path, cache: StatCache) -> None:
    """An empty file is refused by name."""
    write(tmp_path / "raw/month=1/a.csv", "")

    with pytest.raises(DataError, match=r"month=1/a\.csv is empty \(0 bytes\)"):
        sources.snapshot(MONTHLY, folder=tmp_path, cache=cache)


def test_mixed_formats(tmp_path: Path, cache: StatCache) -> None:
    """One partition has one format."""
    write(tmp_path / "raw/month=1/a.csv")
    write(tmp_path / "raw/month=1/a.parquet")

    with pytest.raises(DataError, match=r"\[month=1\] mixes csv and parquet files"):
        sources.snapshot("raw/month={month}/*", folder=tmp_path, cache=cache)


def test_version_of_a_partitioned_source(tmp_path: Path, cache: StatCache) -> None:
    """What has partitions is no single version."""
    write(tmp_path / "raw/month=1/a.csv")

    with pytest.raises(DataError, match="has partitions"):
        sources.version(MONTHLY, folder=tmp_path, cache=cache)


@pytest.mark.parametrize("names", [["a.csv"], ["a.csv", "b.csv"]])
def test_keep(tmp_path: Path, cache: StatCache, names: list[str]) -> None:
    """What was kept can be had when the source is gone, each file and the manifest."""
    for name in names:
        write(tmp_path / "raw/month=1" / name, f"name\n{name}\n")
    [version] = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions
    store = MemoryStore()
    sources.keep(version, store)
    for name in names:
        (tmp_path / "raw/month=1" / name).unlink()

    sources.keep(version, store)
    expected = {f"name\n{name}\n".encode() for name in names}

    assert store.present([version.digest]) == {version.digest}
    assert expected <= set(store.artifacts.values())


@pytest.mark.parametrize("names", [["a.csv"], ["a.csv", "b.csv"]])
def test_keep_what_was_rewritten(tmp_path: Path, cache: StatCache, names: list[str]) -> None:
    """A source rewritten between its digest and its copy is not kept as what it was."""
    for name in names:
        write(tmp_path / "raw/month=1" / name)
    [version] = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions
    write(tmp_path / "raw/month=1/a.csv", "a\n9\n")
    store = MemoryStore()

    with pytest.raises(DataError, match="was rewritten while it was read; run again"):
        sources.keep(version, store)
    assert store.present([version.digest]) == frozenset()


def test_keep_an_added_file(tmp_path: Path, cache: StatCache) -> None:
    """A file that joins a partition between its digest and its copy is noticed."""
    for name in ("a.csv", "b.csv"):
        write(tmp_path / "raw/month=1" / name)
    [version] = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions
    write(tmp_path / "raw/month=1/c.csv")

    with pytest.raises(DataError, match="was rewritten"):
        sources.keep(version, MemoryStore())


def test_keep_restores_a_lost_file(tmp_path: Path, cache: StatCache) -> None:
    """A manifest whose files were lost is not taken for kept."""
    for name in ("a.csv", "b.csv"):
        write(tmp_path / "raw/month=1" / name, f"name\n{name}\n")
    [version] = sources.snapshot(MONTHLY, folder=tmp_path, cache=cache).versions
    store = MemoryStore()
    sources.keep(version, store)
    del store.artifacts[digest_bytes(b"name\nb.csv\n")]
    sources.keep(version, store)

    assert store.read(digest_bytes(b"name\nb.csv\n")) == b"name\nb.csv\n"


def test_manifest_round_trip() -> None:
    """A manifest comes back from its bytes; other bytes are refused."""
    manifest = Manifest.of([File(name="ä/b.csv", size=1, digest=digest_bytes(b""))])

    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    for data in (b"", b"{}", b'{"files": [{}]}', b"\xff"):
        with pytest.raises(DataError, match=r"manifest .* is malformed"):
            Manifest.from_bytes(data)


def test_open_a_missing_file(tmp_path: Path) -> None:
    """A file that is gone when it is opened is named."""
    (tmp_path / "x.csv").write_text("a")
    found = sources.version("x.csv", folder=tmp_path, cache=StatCache(tmp_path / "cache"))
    (tmp_path / "x.csv").unlink()

    with pytest.raises(DataError, match=r"x\.csv cannot be read"):
        sources.opened(found)


def test_kept_together(tmp_path: Path, cache: StatCache) -> None:
    """Many partitions are asked for at once and copied several at a time; what is there is not."""
    for month in range(6):
        (tmp_path / f"month={month}.csv").write_text(f"a\n{month}\n")
    found = sources.snapshot("month={month}.csv", folder=tmp_path, cache=cache).versions
    asked: list[int] = []

    class Counting(MemoryStore):
        """Takes bytes only when three bring some at once."""

        together = threading.Barrier(3, timeout=30)

        def present(self, digests: Iterable[str]) -> frozenset[str]:
            digests = frozenset(digests)
            asked.append(len(digests))
            return super().present(digests)

        def write(self, data: bytes | Path) -> str:
            self.together.wait()
            return super().write(data)

    store = Counting()
    sources.keep_all(found, store)
    sources.keep_all(found, store)

    assert store.artifacts.keys() == {version.digest for version in found}
    assert asked == [6, 6]


def test_nothing_is_begun_after_a_failure(tmp_path: Path, cache: StatCache) -> None:
    """Where one of many cannot be kept, its error is raised, and the others are left."""
    for month in range(200):
        (tmp_path / f"month={month:03}.csv").write_text(f"a\n{month}\n")
    found = sources.snapshot("month={month}.csv", folder=tmp_path, cache=cache).versions
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    tried: list[object] = []

    class Trying(MemoryStore):
        def write(self, data: bytes | Path) -> str:
            tried.append(data)
            return super().write(data)

    with pytest.raises(DataError, match=r"month=000\.csv"):
        sources.keep_all(found, Trying())
    assert len(tried) < 200
