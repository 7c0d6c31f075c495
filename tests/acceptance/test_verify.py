"""`begat verify` as a user runs it, after somebody has tampered with what was recorded."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from support import spoiling
from support.project import Project
from support.spoiling import Spoiler

REF = "rides@1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The pipeline, trained once."""
    folder = tmp_path_factory.mktemp("rides")
    name = spoiling.write(folder)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BEGAT_")}
    project = Project(folder, {**kept, "OMP_NUM_THREADS": "1"})
    (folder / ".begat").mkdir()
    project.begat("run", name, "--plain")
    return project


@pytest.fixture
def spoil(trained: Project, tmp_path: Path) -> Spoiler:
    """What spoils a copy of the trained pipeline's home."""
    return Spoiler(shutil.copytree(trained.folder / ".begat", tmp_path / "spoilt"))


@pytest.fixture
def project(trained: Project, spoil: Spoiler, tmp_path: Path) -> Project:
    """A folder without the pipeline's code, where commands find the copy."""
    return Project(tmp_path, {**trained.environment, "BEGAT_HOME": str(spoil.home)})


def verify(project: Project, *arguments: str, code: int = 1) -> dict[str, Any]:
    """What `begat verify` says, which has to end with `code`."""
    said = project.begat("verify", *arguments, "--json", code=code).stdout
    printed: dict[str, Any] = json.loads(said)
    assert printed["sound"] is (code == 0)
    return printed


def found(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, state and name of the findings."""
    return [(one["kind"], one["state"], one["name"]) for one in report["findings"]]


def test_sound(project: Project, spoil: Spoiler) -> None:
    """What nobody touched is sound; every artifact is hashed, the recorded rows predicted again."""
    report = verify(project, REF, code=0)
    kept = spoil.artifacts()
    checked = report["checked"]
    del checked["rows"]

    assert report["findings"] == []
    assert checked == {
        "objects": len(kept),
        "bytes": sum(map(len, kept.values())),
        "runs": 10,
        "events": 20,
        "chunks": 2,
        "predictions": 5,
    }


def test_tampered_object(project: Project, spoil: Spoiler) -> None:
    """An artifact of the same size and mtime with one other bit is found."""
    digest = spoil.digest("features", "month=2013-01")
    content = bytearray(spoil.path(digest).read_bytes())
    content[40] ^= 1
    spoil.write(digest, bytes(content))
    [one] = verify(project, REF)["findings"]

    assert (one["state"], one["name"]) == ("changed", "rides/features[month=2013-01]")
    assert one["digest"] == digest
    assert one["recovery"]["by"] == "run"
    assert one["recovery"]["name"] == spoil.run("rides.featurize", "month=2013-01")


def test_looking_moves_nothing(project: Project, spoil: Spoiler) -> None:
    """Without --repair a tampered artifact stays where it is: a second look finds it again."""
    digest = spoil.digest("features", "month=2013-01")
    spoil.write(digest, b"?")

    assert verify(project, REF) == verify(project, REF)
    assert spoil.path(digest).read_bytes() == b"?"


def test_swapped_objects(project: Project, spoil: Spoiler) -> None:
    """Two artifacts whose files were exchanged are found, each with what it holds."""
    one, other = (spoil.digest("prepared", f"month=2013-0{month}") for month in (1, 2))
    spoil.swap(one, other)
    report = verify(project, REF)

    assert {(each["digest"], each["says"]) for each in report["findings"]} == {
        (one, "holds the bytes of rides/prepared[month=2013-02]"),
        (other, "holds the bytes of rides/prepared[month=2013-01]"),
    }


def test_half_written_object(project: Project, spoil: Spoiler) -> None:
    """An artifact that was cut off is found, with how much of it is there."""
    digest = spoil.digest("features", "month=2013-02")
    content = spoil.path(digest).read_bytes()
    spoil.write(digest, content[: len(content) // 2])
    [one] = verify(project, REF)["findings"]

    assert one["state"] == "changed"
    assert one["says"] == f"is cut off: {len(content) // 2} of {len(content)} bytes are there"


def test_file_of_a_manifest(project: Project, spoil: Spoiler) -> None:
    """One of the files of a partition of several is found missing."""
    manifest = json.loads(spoil.path(spoil.digest("raw", "month=2013-03")).read_bytes())
    spoil.path(manifest["files"][1]["digest"]).unlink()
    [one] = verify(project, REF)["findings"]

    assert one["state"] == "missing"
    assert one["name"].endswith("/raw[month=2013-03]: b.csv")
    assert one["recovery"]["by"] == "file"


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_model_replaced_by_a_pickle(project: Project, spoil: Spoiler, tmp_path: Path) -> None:
    """A pickle in the model file's place is found and never loaded."""
    canary, dead = tmp_path / "canary", tmp_path / "dead"
    pickle.loads(pickle.dumps(Canary(dead)))
    spoil.write(spoil.digest("model"), pickle.dumps(Canary(canary)))
    report = verify(project, REF)
    verify(project, REF, "--repair", code=0)

    assert found(report) == [("object", "changed", "rides/model")]
    assert (dead.exists(), canary.exists()) == (True, False)


def test_missing_sources(project: Project, spoil: Spoiler) -> None:
    """A missing archive of sources is found, and whose it is is named."""
    digest = sources(spoil)
    spoil.path(digest).unlink()
    [one] = verify(project, REF)["findings"]

    assert (one["state"], one["digest"], one["recovery"]) == ("missing", digest, None)
    assert one["name"].startswith("sources of rides.")


def test_edited_row(project: Project, spoil: Spoiler) -> None:
    """A metric that was edited in the registry is found, with what it was."""
    spoil.sql("UPDATE model_version SET body = json_replace(body, '$.metrics.accuracy', 0.99)")
    [one] = verify(project, REF)["findings"]

    assert (one["kind"], one["state"]) == ("registry", "changed")
    assert "accuracy: 0.99 instead of" in one["says"]


ROWS = {
    "event": ("DELETE FROM event WHERE type = 'COMPLETE' AND run_id = ?", "event"),
    "version": (
        "DELETE FROM version WHERE id = (SELECT o.version FROM output o JOIN run r "
        "ON r.id = o.run WHERE r.uuid = ?)",
        "graph",
    ),
    "product": (
        "DELETE FROM product WHERE run = (SELECT id FROM run WHERE uuid = ?)",
        "graph",
    ),
    "model_version": ("DELETE FROM model_version WHERE ? != ''", "registry"),
}


@pytest.mark.parametrize("table", ROWS)
def test_deleted_row(project: Project, spoil: Spoiler, table: str) -> None:
    """A row that was deleted from the store is found."""
    statement, kind = ROWS[table]
    spoil.sql(statement, spoil.run("rides.featurize", "month=2013-01"))

    assert (kind, "missing") in {one[:2] for one in found(verify(project, REF))}


def test_repair(project: Project, spoil: Spoiler) -> None:
    """--repair restores a file, swapped bytes, an intermediate and the graph: exit code 0."""
    before = spoil.artifacts()
    spoil.path(spoil.digest("planes.csv")).unlink()
    spoil.swap(*(spoil.digest("prepared", f"month=2013-0{month}") for month in (1, 2)))
    spoil.path(spoil.digest("features", "month=2013-03")).unlink()
    spoil.sql("DELETE FROM edge")
    report = verify(project, REF, "--repair", code=0)

    assert (len(report["repaired"]), report["refused"]) == (5, [])
    assert spoil.artifacts() == before


def test_lost(project: Project, spoil: Spoiler) -> None:
    """What --repair cannot restore is marked as lost, and it says why: exit code 1."""
    for digest in (spoil.digest("prepared", "month=2013-01"), sources(spoil)):
        spoil.path(digest).unlink()
    report = verify(project, REF, "--repair")

    assert {one["state"] for one in report["findings"]} == {"lost"}
    assert [reason for reason in report["refused"] if "code function: clean" in reason]


def test_says_it_to_people(project: Project, spoil: Spoiler) -> None:
    """The text names what is wrong and what can make it again."""
    spoil.path(spoil.digest("model")).unlink()
    said = project.begat("verify", REF, code=1).stdout

    assert "rides@1 is not sound: 1 missing" in said
    assert f"run {spoil.run('rides.train')[:13]} (rides.train) made it" in said


def test_unknown(project: Project) -> None:
    """A reference that names nothing is refused in one line, with exit code 2."""
    assert len(project.begat("verify", "rides@7", code=2).stderr.splitlines()) == 1


def sources(spoil: Spoiler) -> str:
    """The digest of the archive of sources."""
    return str(spoil.facet(spoil.run("rides.train"), "begat_recipe")["sources"])
