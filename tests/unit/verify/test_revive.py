"""Arguments of a recorded call, from what its recipe shows of them."""

from __future__ import annotations

import functools
import io
import json
import math
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from begat.lineage.modules import sweep, unpacked
from begat.lineage.recipe import recipe
from begat.lineage.records import DatasetVersion
from begat.lineage.verify import revive


def call(value: Any) -> None:
    """Stands for a task."""


def archive(**files: str) -> bytes:
    """An archive of sources."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/") + ".py")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


CODE = "def clean(frame, limit=1): return frame\nclass Kind:\n    def inner(self): return 1\n"

VALUES = [
    None,
    3,
    1.5,
    "text",
    "mine.is.a.text",
    [1, 2],
    (1, 2),
    {"a": [1]},
    [("a", 1), ("b", 2)],
    math.inf,
    [{"type": "expect_column_to_exist", "kwargs": {"column": "x", "a": 1}}, {"type": "other"}],
    {"z": 1, "b": {"y": 2, "a": 3}, "c": (1,)},
    LogisticRegression(C=0.5, random_state=3),
    SimpleImputer(missing_values=math.nan),
    Pipeline([("scale", StandardScaler()), ("fit", LogisticRegression(max_iter=7))]),
    functools.partial(math.pow, 2.0),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_candidates(value: Any, tmp_path: Path) -> None:
    """Among what a shown value may have been is one with the digest of the value itself."""

    def made(given: Any) -> Any:
        return recipe(job="j", version=0, function=call, arguments={"value": given})

    recorded = made(value)
    # Events keep no order of keys.
    shown = json.loads(json.dumps(recorded.parameters["value"], sort_keys=True))
    with unpacked(b"", beneath=tmp_path) as modules:
        found = list(revive.candidates("value", shown, modules))

    assert recorded.digest in {made(one).digest for one in found}


def test_functions_of_the_archive(tmp_path: Path) -> None:
    """A function is found by its name in the unpacked modules, with arguments if it has some."""
    with unpacked(archive(mine=CODE, deep__mod=CODE), beneath=tmp_path) as modules:
        names = modules.names
        plain = [one for one in revive.candidates("f", "mine.clean", modules) if callable(one)]
        partial = [
            one
            for one in revive.candidates(
                "f", {"function": "deep.mod.clean", "arguments": [], "limit": 5}, modules
            )
            if isinstance(one, functools.partial)
        ]
        home = Path(plain[0].__code__.co_filename).parent.parent

    assert names == ["deep.mod", "mine"]
    assert (plain[0].__name__, partial[0].keywords) == ("clean", {"limit": 5})
    assert (home, list(tmp_path.iterdir())) == (tmp_path, [])


def test_held_by_an_object_of_the_archive(tmp_path: Path) -> None:
    """What a module's object holds under the argument's name is tried as well."""
    text = "import dataclasses\n@dataclasses.dataclass\nclass P:\n    value: set\np = P({1, 2})\n"
    with unpacked(archive(mine=text), beneath=tmp_path) as modules:
        found = next(revive.candidates("value", None, modules))

    assert found == {1, 2}


def test_script(tmp_path: Path) -> None:
    """A script's functions are found, whatever the module was called when it ran."""
    with unpacked(archive(script=CODE), beneath=tmp_path) as modules:
        found = modules.named("__main__.clean")

    assert found.__module__ == "script"


def test_modules_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is imported already is itself again afterwards."""
    mine = type(sys)("mine")
    monkeypatch.setitem(sys.modules, "mine", mine)
    with unpacked(archive(mine=CODE), beneath=tmp_path) as modules:
        other = modules.named("mine.clean").__module__

    assert other == "mine"
    assert sys.modules["mine"] is mine


def test_archive_that_leads_outside(tmp_path: Path) -> None:
    """A file of an archive that would lie outside the folder is refused."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../escaped.py"))
    (tmp_path / "beneath").mkdir()

    with (
        pytest.raises(tarfile.OutsideDestinationError),
        unpacked(buffer.getvalue(), beneath=tmp_path / "beneath"),
    ):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["beneath"]


def test_left_by_a_kill(tmp_path: Path) -> None:
    """What a killed rerun has left is removed after a week, and nothing else."""
    old, fresh, other = (tmp_path / name for name in ("rerun-old", "rerun-fresh", "artifacts"))
    for folder in (old, fresh, other):
        (folder / "deep").mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    sweep(tmp_path)

    assert sorted(tmp_path.iterdir()) == [other, fresh]


def test_behind_decorators() -> None:
    """The plain function is found behind what wraps it, and behind an orchestrator's task."""

    class Task:
        def __init__(self, fn: Any) -> None:
            self.fn = fn

    wrapped = functools.wraps(call)(lambda value: None)

    assert [revive.function(one) for one in (call, wrapped, Task(call), 3)] == [call] * 3 + [None]


def version(name: str) -> DatasetVersion:
    return DatasetVersion(namespace="file", name=name, digest="blake3:" + "0" * 64, size=1)


def test_inputs() -> None:
    """What was read goes back to its place among the arguments."""
    a, b, c = map(version, "abc")
    read = {"part": a, "lookups.weather": b, "parts[1]": a, "parts[0]": c, "by['a b']": b}

    assert revive.inputs(read) == {
        "part": a,
        "lookups": {"weather": b},
        "parts": [c, a],
        "by": {"a b": b},
    }


def test_inputs_of_no_known_place() -> None:
    """A path that cannot be read is refused by name."""
    with pytest.raises(LookupError, match=r"x\[<"):
        revive.inputs({"x[<object>]": version("a")})
