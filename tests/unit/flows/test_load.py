from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.flows.load import load
from begat.lineage.errors import DataError, PipelineError

TEXT = """
from sklearn.tree import DecisionTreeClassifier
from begat.flows import Pipeline

def same(frame):
    return frame

pipeline = Pipeline(
    name="delays", source="raw/month={month}.csv", prepare=same, featurize=same,
    estimator=DecisionTreeClassifier(), target="late",
)
number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with all that is imported from it forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = dict(sys.modules)
    yield tmp_path
    for name in sys.modules.keys() - before.keys():
        if getattr(sys.modules[name], "__file__", None) is None or str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def test_a_file_names_a_pipeline(folder: Path) -> None:
    """Relative sources are relative to that file; its folder is first on the path."""
    (folder / "project").mkdir()
    path = folder / "project" / "my_delays.py"
    path.write_text(TEXT)
    (folder / "project" / "my_helper.py").write_text("")
    found = load("project/my_delays.py:pipeline")

    assert (found.name, found.folder, sys.path[0]) == (
        "delays",
        folder / "project",
        str(folder / "project"),
    )


def test_a_module_names_a_pipeline(folder: Path) -> None:
    """The working folder is first on the path."""
    package = folder / "my_package"
    package.mkdir()
    (package / "delays.py").write_text(TEXT)
    found = load("my_package.delays:pipeline")

    assert (found.folder, sys.path[0]) == (package, str(folder))


def test_a_file_that_changed_is_loaded_anew(folder: Path) -> None:
    """Loading twice in one process gives what the file says now."""
    path = folder / "my_delays.py"
    names = []
    for name in ("one", "another"):
        path.write_text(TEXT.replace('name="delays"', f'name="{name}"'))
        names.append(load("my_delays.py:pipeline").name)

    assert names == ["one", "another"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pipeline", "give FILE.py:NAME"),
        ("my_delays.py", "give FILE.py:NAME"),
        ("my_delays.py:", "give FILE.py:NAME"),
        ("missing.py:pipeline", r"no file missing\.py"),
        ("missing_module:pipeline", "no module 'missing_module'"),
        ("my_delays.py:other", "nothing called 'other'; name one that it defines: pipeline"),
        ("my_delays.py:number", "is a int, not a Pipeline"),
        ("my_empty.py:pipeline", "define a Pipeline there"),
        ("my_broken.py:pipeline", r"my_broken\.py:2: ZeroDivisionError"),
        ("my_syntax.py:pipeline", r"my_syntax\.py:1: SyntaxError"),
        ("my_import.py:pipeline", r"my_import\.py:1: ModuleNotFoundError"),
        ("my_broken:pipeline", r"my_broken\.py:2: ZeroDivisionError"),
        ("my_import:pipeline", "no_such_module"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_line(folder: Path, name: str, said: str) -> None:
    """The message names the file, the line and what to do."""
    (folder / "my_delays.py").write_text(TEXT)
    (folder / "my_empty.py").write_text("")
    (folder / "my_broken.py").write_text("a = 1\nb = a / 0\n")
    (folder / "my_syntax.py").write_text("def (\n")
    (folder / "my_import.py").write_text("import no_such_module\n")
    with pytest.raises(PipelineError, match=said) as raised:
        load(name)

    left = [module for module in ("my_broken", "my_syntax", "my_import") if module in sys.modules]

    assert ("\n" in str(raised.value), left) == (False, [])


def test_what_begat_says_itself_stays(folder: Path) -> None:
    """An error of begat's in the file is not wrapped into another."""
    (folder / "my_data.py").write_text(
        "from begat.lineage.errors import DataError\nraise DataError('no data yet')\n"
    )

    with pytest.raises(DataError, match=r"^no data yet$"):
        load("my_data.py:pipeline")


@pytest.mark.parametrize("module", [json, statistics, pytest])
def test_a_file_takes_no_modules_place(folder: Path, module: object) -> None:
    """A file called json.py would be everybody's json from then on."""
    name = module.__name__  # type: ignore[attr-defined]  # modules have one
    (folder / f"{name}.py").write_text(TEXT)
    with pytest.raises(PipelineError, match="take the place of the module"):
        load(f"{name}.py:pipeline")

    assert sys.modules[name] is module
