"""Source files as one artifact."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from begat.lineage.capture import sources
from begat.lineage.content.memory import MemoryStore
from begat.lineage.errors import ArtifactError

FILES = {"pipeline.py": "import helpers.dates\n", "helpers/dates.py": "x = 1\n", "helpers/ü.py": ""}


@pytest.fixture
def store() -> MemoryStore:
    """An artifact store."""
    return MemoryStore()


def write(folder: Path, files: dict[str, str] = FILES) -> list[Path]:
    """Files below a folder."""
    paths = [folder / name for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return paths


def members(store: MemoryStore, digest: str) -> dict[str, str]:
    """What an archive holds."""
    with tarfile.open(fileobj=io.BytesIO(store.read(digest))) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
    return {name: file.read().decode() for name, file in files.items() if file}


def test_a_run_can_be_rebuilt(tmp_path: Path, store: MemoryStore) -> None:
    """The archive holds the files, under the names they are imported by."""
    digest = sources.archive(write(tmp_path), store, root=tmp_path)

    assert members(store, digest) == FILES


def test_the_same_sources_elsewhere_are_the_same_archive(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither folder, order, times nor permissions change the digest."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), str(tmp_path / "deep" / "other")])
    one = write(tmp_path / "one")
    other = write(tmp_path / "deep" / "other")
    for path in other:
        os.utime(path, (1, 1))
        path.chmod(0o600)

    assert sources.archive(one, store) == sources.archive([*reversed(other), other[0]], store)


def test_a_changed_source_is_another_archive(tmp_path: Path, store: MemoryStore) -> None:
    """Any byte of any file changes the digest."""
    files = write(tmp_path)
    before = sources.archive(files, store, root=tmp_path)
    files[1].write_text("x = 2\n")

    assert sources.archive(files, store, root=tmp_path) != before


def test_the_innermost_entry_of_the_path_counts(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package in `src/` is named as it is imported, not by its folder."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "src")])
    digest = sources.archive(write(tmp_path, {"src/team/a.py": "a", "run.py": "r"}), store)

    assert members(store, digest) == {"team/a.py": "a", "run.py": "r"}


def test_files_outside_the_path_are_kept(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that nothing imports from is kept by name, and its folder does not matter."""
    monkeypatch.setattr(sys, "path", [])
    one = sources.archive(write(tmp_path / "a", {"x.py": "x"}), store)
    other = sources.archive(write(tmp_path / "b", {"x.py": "x"}), store)
    (name,) = members(store, one)

    assert one == other
    assert name.startswith("other/")
    assert name.endswith("/x.py")


def test_two_files_of_one_name_are_both_kept(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Different files that would have one name lie beside each other."""
    folders = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setattr(sys, "path", [str(folder) for folder in folders])
    files = [write(folder, {"x.py": folder.name})[0] for folder in folders]
    found = members(store, sources.archive(files, store))

    assert sorted(found.values()) == ["a", "b"]
    assert all(name.endswith("/x.py") for name in found)


def test_two_equal_files_of_one_name_are_one(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file in two places is kept once, under its plain name."""
    folders = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setattr(sys, "path", [str(folder) for folder in folders])
    files = [write(folder, {"x.py": "same"})[0] for folder in folders]

    assert members(store, sources.archive(files, store)) == {"x.py": "same"}


def test_the_archive_is_plain(tmp_path: Path, store: MemoryStore) -> None:
    """No owner, no time, no compression: any tar reads it and any begat writes the same."""
    digest = sources.archive(write(tmp_path), store, root=tmp_path)
    with tarfile.open(fileobj=io.BytesIO(store.read(digest)), mode="r:") as tar:
        entries = list(tar)

    assert [entry.name for entry in entries] == sorted(FILES)
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname, e.mode) for e in entries} == {
        (0, 0, 0, "", "", 0o644)
    }
    assert digest == ("blake3:f8c2f949296e844c45eb37cfc93c381d1068511b8881b96b1afe9ce2d9ec26ae")


def test_no_sources_are_no_archive(store: MemoryStore) -> None:
    """A function typed into a console has no file, and nothing is kept."""
    assert sources.archive([], store) == ""


def test_a_source_that_is_gone_is_an_error(tmp_path: Path, store: MemoryStore) -> None:
    """A file that cannot be read is named: the archive would not rebuild the run."""
    with pytest.raises(ArtifactError, match=r"gone\.py cannot be read"):
        sources.archive([tmp_path / "gone.py"], store)
