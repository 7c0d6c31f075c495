from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from begat.flows.remember import circumstances
from begat.lineage import settings
from begat.lineage.workspace import workspace

HOUR = 3600


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of modules, and of begat's code, that a test may change."""
    for name in ("modules", "begat", "begat/tasks"):
        (tmp_path / name).mkdir()
    (tmp_path / "begat" / "tasks" / "train.py").write_text("VERSION = 1\n")
    for name in ("__editable___own_1_0_finder.py", "own.pth", "sitecustomize.py"):
        (tmp_path / "modules" / name).touch()
    monkeypatch.setattr(circumstances, "OWN", (tmp_path / "begat",))
    return tmp_path


def digest(place: Path) -> str:
    """As it is now."""
    return circumstances.digest(workspace().settings, [str(place / "modules"), "nowhere"])


def put(name: str, text: str = "") -> Callable[[Path], object]:
    """A file."""
    return lambda place: (place / name).write_text(text)


@pytest.mark.parametrize(
    "change",
    [
        put("modules/numpy-3.0.dist-info"),
        put("modules/json.py"),
        put("modules/__editable___own_1_0_finder.py", "MAPPING = {'own': '/there'}\n"),
        put("modules/own.pth", "import this\n"),
        put("modules/sitecustomize.py", "import os\n"),
        put("begat/tasks/train.py", "VERSION = 20\n"),
        put("begat/more.py"),
        lambda place: os.utime(place / "begat" / "tasks" / "train.py", (1, 1)),
        lambda place: (place / "begat" / "tasks" / "train.py").unlink(),
    ],
)
def test_what_is_installed_counts(place: Path, change: Callable[[Path], object]) -> None:
    """A distribution, a module that could be imported, and begat's own code with its versions."""
    before = digest(place)
    change(place)

    assert digest(place) != before


def test_bytecode_does_not_count(place: Path) -> None:
    """What Python leaves where it imports is no change."""
    before = digest(place)
    for folder in ("modules", "begat"):
        (place / folder / "__pycache__").mkdir()
        (place / folder / "__pycache__" / "train.pyc").touch()

    assert digest(place) == before


def test_the_home_does_not_count_where_it_lies(tmp_path: Path) -> None:
    """The first run makes it, and any other name counts."""
    given = replace(workspace().settings, home=tmp_path / ".begat")
    before = circumstances.listing(str(tmp_path), given)
    (tmp_path / ".begat").mkdir()
    after = circumstances.listing(str(tmp_path), given)
    (tmp_path / ".env").touch()

    assert before == after
    assert circumstances.listing(str(tmp_path), given) != after


def test_the_order_of_folders_counts(tmp_path: Path) -> None:
    """Which of two modules is imported depends on it."""
    given = workspace().settings
    found = {circumstances.digest(given, path) for path in (["a", "b"], ["b", "a"], ["a"])}

    assert len(found) == 3


def test_settings_count(tmp_path: Path) -> None:
    """All of them."""
    given = settings.load(folder=tmp_path)
    changed = [
        replace(given, home=tmp_path / "other"),
        replace(given, namespace="other"),
        replace(given, first_party=("sklearn",)),
        replace(given, trusted_types=("sklearn.tree._tree.Tree",)),
        replace(given, image_digest=f"sha256:{'0' * 64}"),
        replace(given, store="sqlite:///other.db"),
        replace(given, artifacts="other"),
    ]

    assert len({circumstances.digest(each, []) for each in (given, *changed)}) == 8


def test_python_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version and its flags."""
    given = workspace().settings
    found = {circumstances.digest(given, [])}
    for version, flags in (("3.99", (0,)), ("3.98", (0,)), ("3.99", (1,))):
        monkeypatch.setattr(circumstances, "sys", SimpleNamespace(version=version, flags=flags))
        found.add(circumstances.digest(given, []))

    assert len(found) == 4


@pytest.mark.parametrize("name", ["LC_ALL", "LANG", "TZ", "PYTHONHASHSEED"])
def test_what_c_reads_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Locale, time zone and Python's own variables are read without a word."""
    given = workspace().settings
    monkeypatch.delenv(name, raising=False)
    before = circumstances.digest(given, [])
    monkeypatch.setenv(name, "1")

    assert circumstances.digest(given, []) != before


def test_the_date_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here and in UTC: a pipeline may reckon from it, and no other time of day is seen."""
    monkeypatch.setenv("TZ", "UTC-3")
    time.tzset()
    given = workspace().settings
    found = []
    for now in (0, 20 * HOUR, 21 * HOUR, 24 * HOUR, 24 * HOUR + 1):
        monkeypatch.setattr(circumstances.time, "time", lambda now=now: float(now))
        found.append(circumstances.digest(given, []))
    monkeypatch.undo()
    time.tzset()

    assert [found.index(each) for each in found] == [0, 0, 2, 3, 3]


def test_code_that_vanishes_stops_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begat may be installed anew while it is looked at."""
    monkeypatch.setattr(circumstances, "OWN", (place / "nowhere",))

    assert digest(place) == digest(place)
