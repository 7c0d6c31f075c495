"""Data as it was, in a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from begat.lineage.cli.data import data
from begat.lineage.content.manifest import File, Manifest
from begat.lineage.dataset import held, pull
from begat.lineage.dataset.layout import layout
from begat.lineage.errors import ArtifactError, DataError, ParameterError, RefError, WorldError
from begat.lineage.workspace import workspace

from .conftest import Lake


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_raw_data(lake: Lake, out: Path) -> None:
    """Raw data comes back byte for byte, in the same folders, whatever its source holds now."""
    before = files(lake.folder / "raw")
    model = lake.train()
    lake.put("01", "other")
    lake.path("02").unlink()
    done = pull(workspace(), model, out)

    assert files(out) == before
    assert (done["files"], done["written"], done["there"]) == (4, 4, 0)
    assert [path.name for path in out.parent.glob(".out*")] == []


def test_again(lake: Lake, out: Path) -> None:
    """What is there and is right is not written again, what is missing is."""
    model = lake.train()
    pull(workspace(), model, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.csv")}
    (out / "month=02/rides.csv").unlink()
    done = pull(workspace(), model, out)

    assert (done["written"], done["there"]) == (1, 3)
    assert files(out) == files(lake.folder / "raw")
    assert all(
        path.stat().st_mtime_ns == time for path, time in times.items() if "=02" not in str(path)
    )


def test_two_at_once(lake: Lake, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull into a folder that another one works on is refused, and spoils nothing of it."""
    model = lake.train()
    store = workspace().artifacts
    copy = type(store).copy
    refused: list[str] = []

    def meanwhile(self: Any, digest: str, to: Path) -> None:
        copy(self, digest, to)
        if not refused and to.parent.name == "month=02":
            refused.append("not yet")
            with pytest.raises(WorldError, match="another pull writes") as error:
                pull(workspace(), model, out, chosen="month=02")
            refused[0] = str(error.value)

    monkeypatch.setattr(type(store), "copy", meanwhile)
    pull(workspace(), model, out)

    assert "another pull writes" in refused[0]
    assert files(out) == files(lake.folder / "raw")


def test_into_all_there_is(lake: Lake) -> None:
    """The root of the file system is no folder to pull to, and is not looked through either."""
    model = lake.train()

    with pytest.raises(ParameterError, match="name another with --to"):
        pull(workspace(), model, Path("/"))


def test_interrupted(lake: Lake, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted pull leaves no folder, and the next one goes on from there."""
    model = lake.train()
    copied: list[str] = []
    store = workspace().artifacts
    copy = type(store).copy

    def failing(self: Any, digest: str, to: Path) -> None:
        if len(copied) == 2:
            raise KeyboardInterrupt
        copied.append(digest)
        copy(self, digest, to)

    monkeypatch.setattr(type(store), "copy", failing)
    with pytest.raises(KeyboardInterrupt):
        pull(workspace(), model, out)
    assert not out.exists()
    monkeypatch.undo()
    again: list[str] = []

    def counting(self: Any, digest: str, to: Path) -> None:
        again.append(digest)
        copy(self, digest, to)

    monkeypatch.setattr(type(store), "copy", counting)
    monkeypatch.setenv("BEGAT_HOME", str(workspace().settings.home))
    pull(workspace(), model, out)

    assert files(out) == files(lake.folder / "raw")
    assert len(again) == 2
    assert not {*again} & {*copied}


def test_interrupted_and_damaged(lake: Lake, out: Path) -> None:
    """What an interrupted pull left half-written, or of other files, is not taken for right."""
    model = lake.train()
    partial = out.with_name(".out.partial")
    for name in ("month=01/rides.csv", "month=09/rides.csv"):
        (partial / name).parent.mkdir(parents=True)
        (partial / name).write_text("id,plane")
    pull(workspace(), model, out)

    assert files(out) == files(lake.folder / "raw")
    assert not partial.exists()


@pytest.mark.parametrize("name", ["notes.txt", "month=01/rides.csv"])
def test_not_empty(lake: Lake, out: Path, name: str) -> None:
    """A folder with anything else in it is left alone; --force replaces only what is in the way."""
    model = lake.train()
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(ParameterError, match=rf"not empty: {name} is none .* --force"):
        pull(workspace(), model, out)
    assert files(out) == {name: "mine"}
    done = pull(workspace(), model, out, force=True)
    kept = {"notes.txt": "mine"} if name == "notes.txt" else {}

    assert files(out) == files(lake.folder / "raw") | kept
    assert done["others"] == [*kept]


def test_over_another_pull(lake: Lake, out: Path) -> None:
    """Files of an earlier pull that are not of this one stay, and the command says so."""
    model = lake.train()
    pull(workspace(), model, out)
    asked = ["pull", model, "--to", str(out), "--partitions", "month=02", "--force"]
    (out / "month=02/rides.csv").unlink()
    done = CliRunner().invoke(data, asked)

    assert "1 file written; " in done.stdout
    assert "left there: month=01/" in done.stdout
    assert "and 1 more" in done.stdout or "and 2 more" in done.stdout


def test_in_the_way(lake: Lake, out: Path, tmp_path: Path) -> None:
    """A link or a file where a folder has to be is never followed or replaced."""
    model = lake.train()
    (tmp_path / "else").mkdir()
    out.mkdir()
    (out / "month=01").symlink_to(tmp_path / "else")
    with pytest.raises(ParameterError, match=r"is in the way of month=01/rides\.csv; remove it"):
        pull(workspace(), model, out, force=True)
    (out / "month=01").unlink()
    (out / "month=01").write_text("mine")
    with pytest.raises(ParameterError, match=r"is in the way of month=01/rides\.csv; remove it"):
        pull(workspace(), model, out, force=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ParameterError, match="is no folder"):
        pull(workspace(), model, tmp_path / "file", force=True)

    assert list((tmp_path / "else").iterdir()) == []
    assert files(out) == {"month=01": "mine"}


def test_gone_bytes(lake: Lake, out: Path) -> None:
    """Bytes that are gone are named, and nothing is written; other partitions can be had."""
    model = lake.train()
    [part] = held(workspace().store, "lake/raw[month=02]")
    workspace().artifacts.set_aside(part.version.digest)

    with pytest.raises(ArtifactError, match=r"raw\[month=02\] blake3:.*; nothing was written"):
        pull(workspace(), model, out)
    assert not out.exists()
    pull(workspace(), model, out, chosen="month!=02")
    assert sorted(path.name for path in out.iterdir()) == ["month=01", "month=03"]


def test_overwritten_bytes(lake: Lake, out: Path) -> None:
    """Bytes that are overwritten while they are copied end no pull well."""
    model = lake.train()
    [part] = held(workspace().store, "lake/raw[month=02]")
    path = workspace().settings.home / "artifacts" / part.version.digest[7:9]

    def overwrite(what: str, done: int, total: int) -> None:
        for file in path.iterdir():
            file.chmod(0o644)
            file.write_text("other")

    with pytest.raises(ArtifactError, match="is not in"):
        pull(workspace(), model, out, progress=overwrite)
    assert not out.exists()


def test_chosen(lake: Lake, out: Path) -> None:
    """Another dataset and some partitions can be chosen; begat's own have their dataset's name."""
    model = lake.train()
    pull(workspace(), model, out, datasets=["prepared"], chosen="month<=02")

    assert sorted(map(str, (path.relative_to(out) for path in out.rglob("*.parquet")))) == [
        "month=01/prepared.parquet",
        "month=02/prepared.parquet",
    ]
    with pytest.raises(ParameterError, match="no partition fits 'month=07'"):
        pull(workspace(), model, out / "x", chosen="month=07")
    with pytest.raises(RefError):
        pull(workspace(), "rides@7", out / "x")
    assert not (out / "x").exists()


def test_two_versions(lake: Lake, out: Path) -> None:
    """Two versions that want one path are told apart by their digests, which one can pull."""
    lake.train()
    parts = held(workspace().store, "lake/raw[month=01]")
    other = replace(parts[0], version=replace(parts[0].version, digest="blake3:" + "0" * 64))

    with pytest.raises(ParameterError, match=r"two versions of .* by its digest"):
        layout([*parts, other], workspace().artifacts)
    pull(workspace(), parts[0].version.digest, out)
    assert list(files(out)) == ["month=01/rides.csv"]


@pytest.mark.parametrize(
    ("partition", "name"),
    [("month=..", "../../x"), ("..", "x"), ("a/../../b", "x"), ("", "/etc/x"), ("", "a//b")],
)
def test_names_that_lead_elsewhere(lake: Lake, partition: str, name: str) -> None:
    """No name that somebody has sent leads out of the folder."""
    lake.train()
    [part] = held(workspace().store, "lake/raw[month=01]")
    store = workspace().artifacts
    digest = store.write(
        Manifest.of([File(name=name, size=1, digest=part.version.digest)]).to_bytes()
    )
    odd = replace(part.version, partition=partition, digest=digest, format="csv+files")

    with pytest.raises(DataError, match="which would lie elsewhere"):
        layout([replace(part, version=odd)], store)


def test_files_are_ones_own(lake: Lake, out: Path) -> None:
    """Writing into a pulled file changes no artifact."""
    model = lake.train()
    pull(workspace(), model, out)
    (out / "month=01/rides.csv").write_text("mine")
    [part] = held(workspace().store, "lake/raw[month=01]")

    assert workspace().artifacts.read(part.version.digest) == lake.path("01").read_bytes()


def test_command(lake: Lake, out: Path) -> None:
    """The command says what it did, and fails with the store's exit code."""
    model = lake.train()
    done = CliRunner().invoke(data, ["pull", model, "--to", str(out)])
    again = CliRunner().invoke(data, ["pull", model, "--to", str(out), "--json"])

    assert "4 files written" in done.stdout
    assert json.loads(again.stdout)["there"] == 4
