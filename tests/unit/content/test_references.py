"""Notes of where bytes are that are not here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from begat.lineage.content.references import Folder
from begat.lineage.errors import ArtifactError
from support.stores import ABSENT

PLACES = [f"s3://bucket/key?versionId={n}" for n in range(8)]


def test_notes(tmp_path: Path) -> None:
    """A note is there until it is dropped; what is no digest has none."""
    notes = Folder(tmp_path / "references")
    before = notes.get([ABSENT, ""])
    assert notes.noted([ABSENT, ""]) == frozenset()
    notes.put(ABSENT, PLACES[0])

    assert notes.noted([ABSENT, ""]) == {ABSENT}
    assert (before, notes.get([ABSENT, ""])) == ({}, {ABSENT: PLACES[0]})
    notes.drop(ABSENT)
    notes.drop(ABSENT)
    assert notes.get([ABSENT]) == {}


def test_noted_by_many_at_once(tmp_path: Path) -> None:
    """Whoever notes the same artifact at once succeeds, and one of the notes is kept whole."""
    notes = Folder(tmp_path / "references")
    with ThreadPoolExecutor(len(PLACES)) as pool:
        for _ in range(50):
            list(pool.map(lambda place: notes.put(ABSENT, place), PLACES))

    assert notes.get([ABSENT])[ABSENT] in PLACES
    assert len([path for path in (tmp_path / "references").rglob("*") if path.is_file()]) == 1


def test_cannot_be_noted(tmp_path: Path) -> None:
    """A folder that cannot be written is named."""
    (tmp_path / "references").write_text("a file")

    with pytest.raises(
        ArtifactError, match=r"cannot be noted in .*references \(.*make it writable"
    ):
        Folder(tmp_path / "references").put(ABSENT, PLACES[0])
