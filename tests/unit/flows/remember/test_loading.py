from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from begat.flows.remember import loading
from begat.flows.remember.grounds import Grounds
from begat.flows.remember.loading import UnsettledError, collect
from begat.flows.remember.seen import Asker, Seen
from begat.lineage.workspace import workspace

OWN = Asker(("own_pipeline",), imported=True)
LIBRARY = Asker(("numpy.random", "numpy"), imported=True)
AGES = 10_000_000_000


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module that has been imported; no other is first-party."""
    for name in ("own_pipeline.py", "rates.json"):
        (tmp_path / name).write_text("")
    module = ModuleType("own_pipeline")
    module.__file__ = str(tmp_path / "own_pipeline.py")
    monkeypatch.setattr(
        sys,
        "modules",
        {**{n: m for n, m in sys.modules.items() if n == "numpy"}, "own_pipeline": module},
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def found(project: Path, seen: Seen | None = None, **how: Any) -> Grounds:
    """What the pipeline rests on."""
    given: dict[str, Any] = {
        "code": [],
        "variables": [],
        "environment": {},
        "started": time.time_ns() + AGES,
        "path": [str(project)],
        "space": workspace(),
    }
    return collect(seen or Seen(), **{**given, **how})


def test_modules_and_what_they_read(project: Path) -> None:
    """Files by digest, one that was looked for as absent, variables, folders by their names."""
    (project / "rules").mkdir()
    rates, local = str(project / "rates.json"), str(project / "local.json")
    seen = Seen(
        there={rates: True, local: False},
        files={rates: {OWN}, local: {OWN}, "/etc/passwd": {LIBRARY}},
        folders={str(project / "rules"): {OWN}, "/etc": {LIBRARY}},
        variables={"DEPTH": {OWN}, "OMP_NUM_THREADS": {LIBRARY}, "": {LIBRARY}},
        unseen={"subprocess.Popen": {LIBRARY}},
    )
    grounds = found(project, seen, variables=["UNIT"], environment={"DEPTH": "2", "HOME": "/"})

    assert {*grounds.files} == {str(project / "own_pipeline.py"), rates, local}
    assert grounds.files[local] == ""
    assert {*grounds.folders} == {str(project / "rules")}
    assert {*grounds.variables} == {"DEPTH", "UNIT"}
    assert (grounds.variables["UNIT"], grounds.variables["DEPTH"][:7]) == ("", "blake3:")


def test_what_is_installed_has_a_version(project: Path) -> None:
    """A file of a library is no ground, whoever opens it."""
    file = next(Path(os.__file__).parent.glob("*.py"))
    seen = Seen(there={str(file): True}, files={str(file): {OWN}})

    assert str(file) not in found(project, seen).files


def test_code_that_is_reached_counts_with_its_folder(project: Path) -> None:
    """Also where no module is loaded from it."""
    (project / "parts").mkdir()
    (project / "parts" / "units.py").touch()
    grounds = found(project, code=[project / "parts" / "units.py"])

    assert str(project / "parts" / "units.py") in grounds.files
    assert {*grounds.folders} == {str(project / "parts")}


def test_folders_of_packages_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of one without a file, where a module may be looked for that is not there."""
    package = ModuleType("own_names")
    package.__path__ = [str(project / "own_names")]
    (project / "own_names").mkdir()
    monkeypatch.setitem(sys.modules, "own_names", package)

    assert {*found(project).folders} == {str(project / "own_names")}


def test_a_module_in_an_archive_counts_by_the_archive(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is the file that may change."""
    (project / "lib.zip").write_bytes(b"zip")
    monkeypatch.setattr(
        sys.modules["own_pipeline"], "__file__", str(project / "lib.zip" / "own_pipeline.py")
    )

    assert {*found(project).files} == {str(project / "lib.zip")}


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Seen(unseen={"subprocess.Popen": {OWN}}), "subprocess.Popen"),
        (Seen(unseen={"socket.connect": {Asker(("numpy",), imported=False)}}), "socket.connect"),
        (Seen(variables={"": {LIBRARY, OWN}}), "the environment as a whole"),
        (Seen(there={"/gone": True}, files={"/gone": {OWN}}), "/gone came or went"),
        (Seen(there={"/etc/passwd": False}, files={"/etc/passwd": {OWN}}), "came or went"),
        (Seen(folders={"/gone": {OWN}}), "/gone came or went"),
    ],
)
def test_what_cannot_be_told_is_unsettled(project: Path, seen: Seen, reason: str) -> None:
    """Nothing is known of what came from elsewhere, or is no longer as it was."""
    with pytest.raises(UnsettledError, match=reason):
        found(project, seen)


def test_a_module_whose_file_is_gone_is_unsettled(project: Path) -> None:
    """What was loaded is not there to compare with."""
    (project / "own_pipeline.py").unlink()

    with pytest.raises(UnsettledError, match=r"own_pipeline\.py came or went"):
        found(project)


@pytest.mark.parametrize(
    ("changed", "started", "settled"),
    [
        # A clock that ticks: a stamp may be a tick older than the write.
        (5_000_000_001, 5_000_000_001 + loading.TICK_NS, True),
        (5_000_000_001, 5_000_000_000 + loading.TICK_NS, False),
        (5_000_000_001, 4_000_000_000, False),
        # One that counts in seconds.
        (5_000_000_000, 5_000_000_000 + loading.SECONDS_NS, True),
        (5_000_000_000, 4_999_999_999 + loading.SECONDS_NS, False),
    ],
)
def test_what_was_written_since_is_unsettled(
    project: Path, monkeypatch: pytest.MonkeyPatch, changed: int, started: int, settled: bool
) -> None:
    """A file may have been read before it was written, if it was written after loading began."""
    real = os.stat

    def stat(path: Any, **how: Any) -> Any:
        state = real(path, **how)
        if str(path) != str(project / "own_pipeline.py"):
            return state
        return os.stat_result(state[:10], {"st_ctime_ns": changed, "st_mtime_ns": 0})

    monkeypatch.setattr(loading.os, "stat", stat)
    try:
        loading._check(str(project / "own_pipeline.py"), there=True, started=started)
        found = True
    except UnsettledError:
        found = False

    assert found is settled


def test_what_was_imported_before_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reading was not watched; what Python itself imports at the start is no pipeline's."""
    before = loading.first_party(workspace())
    site = ModuleType("sitecustomize")
    site.__file__ = str(project / "sitecustomize.py")
    monkeypatch.setitem(sys.modules, "sitecustomize", site)
    monkeypatch.delitem(sys.modules, "own_pipeline")

    assert before == [str(project / "own_pipeline.py")]
    assert loading.first_party(workspace()) == []
