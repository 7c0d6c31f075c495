"""Objects are restored from files, records, misplaced bytes and runs; the rest is given up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from begat.lineage import verify as checks
from begat.lineage.errors import ArtifactError
from begat.lineage.verify import Report
from begat.lineage.verify.repair import Repair
from begat.lineage.workspace import Workspace
from support.spoiling import Spoiler

REF = "rides@1"


def verify(space: Workspace, ref: str = REF) -> Report:
    """What a verification says."""
    with checks.verification(space, ref) as done:
        return done.report


def sources(spoil: Spoiler) -> str:
    """The digest of the archive of the first runs' sources."""
    return str(spoil.facet(spoil.run("rides.train"), "begat_recipe")["sources"])


def delete(spoil: Spoiler, dataset: str, partition: str = "") -> None:
    """Delete an artifact."""
    spoil.path(spoil.digest(dataset, partition)).unlink()


def test_everything_back(space: Workspace, spoil: Spoiler) -> None:
    """Kept files, swapped artifacts, chains of intermediates, model and list of packages."""
    before = spoil.artifacts()
    delete(spoil, "planes.csv")
    delete(spoil, "raw", "month=2013-03")
    spoil.swap(*(spoil.digest("prepared", f"month=2013-0{month}") for month in (1, 2)))
    delete(spoil, "prepared", "month=2013-03")
    delete(spoil, "features", "month=2013-03")
    spoil.write(spoil.digest("model"), b"half")
    delete(spoil, "evaluation")
    spoil.path(spoil.facet(spoil.run("rides.train"), "begat_packages")["digest"]).unlink()
    report = checks.repair(space, REF)

    assert (report.sound, report.refused, len(report.repaired)) == (True, (), 9)
    assert spoil.artifacts() == before


def irreplaceable(spoil: Spoiler, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two raw months whose files were exchanged, and whose lake is gone."""
    monkeypatch.setattr("begat.lineage.verify.recovery._digest_at", lambda *_: "")
    months = tuple(spoil.digest("raw", f"month=2013-0{month}") for month in (1, 2))
    spoil.swap(*months)
    return months


def test_swapped(space: Workspace, spoil: Spoiler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of two exchanged artifacts are restored from each other's place, not one of them."""
    before = spoil.artifacts()
    irreplaceable(spoil, monkeypatch)
    report = checks.repair(space, REF)

    assert (report.sound, report.refused, len(report.repaired)) == (True, (), 2)
    assert spoil.artifacts() == before


def test_set_aside_before(
    space: Workspace, spoil: Spoiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run or a killed repair has set aside is found there."""
    before = spoil.artifacts()
    months = irreplaceable(spoil, monkeypatch)
    for digest in months:
        assert not space.artifacts.present([digest])
    report = checks.repair(space, REF)

    assert (report.sound, report.refused) == (True, ())
    assert spoil.artifacts() == before


def test_restored_by_another(
    space: Workspace, spoil: Spoiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another repair restores meanwhile is neither taken away nor given up."""
    before = spoil.artifacts()
    irreplaceable(spoil, monkeypatch)
    with checks.verification(space, REF) as done:
        late = Repair(space=space, found=done)
        assert checks.repair(Workspace(space.settings), REF).sound
        late.objects(checks.quiet)

    assert (late.refused, len(late.repaired)) == ([], 2)
    assert spoil.artifacts() == before
    assert {state for (state,) in spoil.sql("SELECT state FROM presence")} == {"present"}


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_no_file(space: Workspace, spoil: Spoiler, tmp_path: Path, kind: str) -> None:
    """A link or a folder in an artifact's place is found, and gives way to the artifact."""
    digest = spoil.digest("model")
    path = spoil.path(digest)
    before = spoil.artifacts()
    kept = path.rename(tmp_path / "kept")
    path.symlink_to(kept) if kind == "link" else path.mkdir()
    [found] = verify(space).findings
    report = checks.repair(space, REF)

    assert (found.digest, found.state) == (digest, "changed")
    assert f"a {kind}" in found.says
    assert (report.sound, path.is_symlink()) == (True, False)
    assert spoil.artifacts() == before


def test_no_folder(space: Workspace, spoil: Spoiler) -> None:
    """Where the whole folder of artifacts is gone, as of a disk that is not mounted: refused."""
    shutil.rmtree(spoil.home / "artifacts")

    with pytest.raises(ArtifactError, match="mount it"):
        checks.repair(space, REF)
    assert spoil.one("SELECT COUNT(*) FROM presence") == "0"


def test_other_parameters(space: Workspace, spoil: Spoiler) -> None:
    """A run that was given other parameters is done again with those."""
    before = spoil.artifacts()
    rows = spoil.sql(
        "SELECT v.digest FROM version v JOIN dataset d ON d.id = v.dataset "
        "WHERE d.name IN ('rides/features', 'rides/model')"
    )
    for digest in {digest for (digest,) in rows}:
        spoil.path(digest).unlink()
    report = checks.repair(space, "")

    assert (report.sound, report.refused) == (True, ())
    assert spoil.artifacts() == before


def test_nothing_is_recorded(space: Workspace, spoil: Spoiler) -> None:
    """Doing a run again leaves no event, no run and no artifact behind but what was gone."""
    delete(spoil, "features", "month=2013-01")
    before = spoil.sql("SELECT COUNT(*) FROM event"), spoil.sql("SELECT COUNT(*) FROM run")
    checks.repair(space, REF)

    assert (
        spoil.sql("SELECT COUNT(*) FROM event"),
        spoil.sql("SELECT COUNT(*) FROM run"),
    ) == before
    assert not list(spoil.home.glob("rerun-*"))


def test_given_up(space: Workspace, spoil: Spoiler) -> None:
    """What cannot be made again is marked as lost with the reason; nothing takes its place."""
    prepared = spoil.digest("prepared", "month=2013-01")
    spoil.path(sources(spoil)).unlink()
    spoil.write(prepared, b"other bytes")
    report = checks.repair(space, REF)
    lost = spoil.sql("SELECT digest FROM presence WHERE state = 'lost'")
    [aside] = (spoil.home / "artifacts" / "set-aside").iterdir()

    assert {one.state for one in report.findings} == {"lost"}
    assert [
        one.recovery.says.partition(" (")[2]
        for one in report.findings
        if one.recovery and one.digest == prepared
    ] == ["rides.prepare) made it: a repair could not do it again"]
    assert set(lost) == {(prepared,), (sources(spoil),)}
    assert [reason for reason in report.refused if "code function: clean" in reason]
    assert [reason for reason in report.refused if "its kept sources are gone, and" in reason]
    assert (spoil.path(prepared).exists(), aside.read_bytes()) == (False, b"other bytes")


def test_lost_and_found(space: Workspace, spoil: Spoiler) -> None:
    """What was given up and is there again is no longer marked as lost."""
    path = spoil.path(sources(spoil))
    content = path.read_bytes()
    path.unlink()
    checks.repair(space, REF)
    path.write_bytes(content)
    report = checks.repair(space, REF)

    assert report.sound
    assert spoil.sql("SELECT state FROM presence") == [("present",)]


def test_file_was_changed(space: Workspace, spoil: Spoiler, trained: Path) -> None:
    """A kept file is not taken again from a location where other bytes are now."""
    digest = spoil.digest("raw", "month=2013-01")
    path = trained.parent / "raw" / "month=2013-01" / "a.csv"
    before = path.read_bytes()
    spoil.path(digest).unlink()
    path.write_bytes(before + b"1,AA,N1,0\n")
    try:
        report = checks.repair(space, REF)
    finally:
        path.write_bytes(before)

    assert [(one.digest, one.state) for one in report.findings] == [(digest, "lost")]
    assert not spoil.path(digest).exists()


def test_other_libraries(space: Workspace, spoil: Spoiler, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of other library versions is not done again, and the versions are named."""
    delete(spoil, "features", "month=2013-01")
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    report = checks.repair(space, REF)

    assert [reason for reason in report.refused if "-> 3.99.0" in reason]
    assert [one.state for one in report.findings] == ["lost"]


def test_not_deterministic(
    space: Workspace, spoil: Spoiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that writes other bytes than it did restores nothing."""
    digest = spoil.digest("features", "month=2013-01")
    spoil.path(digest).unlink()
    before = spoil.artifacts()
    monkeypatch.setattr("begat.lineage.content.tables.to_parquet", lambda frame: b"other")
    report = checks.repair(space, REF)

    assert [reason for reason in report.refused if reason.endswith("and wrote other bytes")]
    assert spoil.artifacts() == before
