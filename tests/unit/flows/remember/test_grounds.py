from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from begat.flows.remember import circumstances
from begat.flows.remember.grounds import Grounds, digests, variable
from begat.lineage.workspace import workspace


@pytest.fixture
def grounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grounds:
    """Of a file, one that is absent, a folder, a variable, and one that is not set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPTH", "2")
    monkeypatch.delenv("UNIT", raising=False)
    (tmp_path / "rates.json").write_text("{}")
    (tmp_path / "rules").mkdir()
    rules = str(tmp_path / "rules")
    return Grounds(
        files={**digests([str(tmp_path / "rates.json")], workspace()), str(tmp_path / "local"): ""},
        folders={rules: circumstances.listing(rules, workspace().settings)},
        variables={name: variable(os.environ, name) for name in ("DEPTH", "UNIT")},
    )


def test_they_hold(grounds: Grounds) -> None:
    """As long as nothing changes; what a file holds counts, not its age."""
    Path("rates.json").unlink()
    Path("rates.json").write_text("{}")

    assert grounds.hold(workspace())


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("rates.json").write_text("[]"),
        lambda: Path("rates.json").unlink(),
        lambda: Path("local").touch(),
        lambda: Path("local").symlink_to("nowhere"),
        lambda: Path("rules", "first").touch(),
        lambda: Path("rules").rmdir(),
        lambda: os.environ.update({"DEPTH": "3"}),
        lambda: os.environ.pop("DEPTH"),
        lambda: os.environ.update({"UNIT": ""}),
    ],
)
def test_any_change_ends_that(
    grounds: Grounds, change: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file, a folder's names, a value; what comes, what goes."""
    monkeypatch.setenv("UNIT", "")  # so that it is put back
    monkeypatch.delenv("UNIT")
    change()

    assert not grounds.hold(workspace())


def test_where_a_file_really_lies_counts(tmp_path: Path) -> None:
    """Behind a link is another folder now, and code may look for data beside itself there."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.py").write_text("HERE = Path(__file__).resolve().parent")
    link = tmp_path / "link"
    link.symlink_to("one")
    known = digests([str(link / "pipeline.py")], workspace())
    grounds = Grounds(files=known, folders={}, variables={})
    before = grounds.hold(workspace())
    link.unlink()
    link.symlink_to("two")

    assert (before, grounds.hold(workspace())) == (True, False)
