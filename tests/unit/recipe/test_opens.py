"""Files that a task opens and did not declare."""

from __future__ import annotations

import contextvars
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.recipe import opens, packages, party, watch


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "lake"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    (folder / "b.csv").write_text("2")
    return folder


READS: dict[str, Callable[[Path], Any]] = {
    "text": lambda file: file.read_text(),
    "bytes": lambda file: file.read_bytes(),
    "descriptor": lambda file: os.close(os.open(file, os.O_RDONLY)),
    "read and write": lambda file: open(file, "r+").close(),
    "read and write descriptor": lambda file: os.close(os.open(file, os.O_RDWR)),
    "append and read": lambda file: open(file, "a+").close(),
    "copied": lambda file: shutil.copy(file, f"{file}.copy"),
    "by bytes": lambda file: open(os.fsencode(file)).close(),
    "relative": lambda file: open(os.path.relpath(file)).close(),
    "twice": lambda file: (file.read_text(), file.read_text()),
    "then written": lambda file: (file.read_text(), file.write_text("3")),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_undeclared(lake: Path, read: Callable[[Path], Any]) -> None:
    """A file that is read is named, however it is opened, once."""
    with watch([]) as opened:
        read(lake / "a.csv")

    assert opened.undeclared == (str(lake / "a.csv"),)


def _renamed(lake: Path) -> None:
    part = lake / "part"
    part.write_text("x")
    part.replace(lake / "a.csv")
    (lake / "a.csv").read_text()


def _in_its_folder(lake: Path) -> None:
    with tempfile.TemporaryDirectory(dir=lake) as folder:
        # As another process would put it there: not seen as written by this one.
        os.link(lake / "a.csv", f"{folder}/c.csv")
        Path(folder, "c.csv").read_text()


def _temporary(lake: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=lake)
    os.close(descriptor)
    Path(name).read_text()


def _module(lake: Path) -> None:
    (lake / "mod.py").write_text("x = 1")
    Path(os.__file__).read_text()


def _missing(lake: Path) -> None:
    with pytest.raises(FileNotFoundError):
        (lake / "absent.csv").read_text()


EXCEPTED: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda lake: lake.exists(),
    "written first": lambda lake: ((lake / "n").write_text("x"), (lake / "n").read_text()),
    "overwritten first": lambda lake: (
        (lake / "a.csv").write_text("x"),
        (lake / "a.csv").read_text(),
    ),
    "renamed": _renamed,
    "in a folder it made": _in_its_folder,
    "in a file it made": _temporary,
    "appended": lambda lake: open(lake / "a.csv", "a").close(),
    "a module": _module,
    "what is not there": _missing,
    "the machine": lambda lake: (Path("/proc/self/stat").read_text(), open(os.devnull).close()),
    "a library": lambda lake: Path(pytest.__file__).with_name("py.typed").read_text(),
    "a folder": lambda lake: os.close(os.open(lake, os.O_RDONLY)),
    "a descriptor": lambda lake: open(os.dup(0), "rb", buffering=0).close(),
    "a time zone": lambda lake: __import__("zoneinfo").ZoneInfo.no_cache("Europe/Rome"),
}


@pytest.mark.parametrize("use", EXCEPTED.values(), ids=EXCEPTED)
def test_excepted(lake: Path, use: Callable[[Path], Any]) -> None:
    """What the task made, what belongs to the machine and what is no data counts for nothing."""
    with watch([]) as opened:
        use(lake)

    assert opened.undeclared == ()


def test_allowed(lake: Path, tmp_path: Path) -> None:
    """Declared files and folders are not named, through a link neither; others beside are."""
    (tmp_path / "link").symlink_to(lake)
    (tmp_path / "lake2").mkdir()
    (tmp_path / "lake2" / "c.csv").write_text("3")
    with watch([tmp_path / "link"]) as opened:
        (lake / "a.csv").read_text()
        (tmp_path / "link" / "a.csv").read_text()
        (tmp_path / "lake2" / "c.csv").read_text()
    with watch([lake / "a.csv"]) as file:
        (lake / "a.csv").read_text()
        (lake / "b.csv").read_text()

    assert opened.undeclared == (str(tmp_path / "lake2" / "c.csv"),)
    assert file.undeclared == (str(lake / "b.csv"),)


def test_outside(lake: Path) -> None:
    """Nothing that is opened before or after counts."""
    (lake / "a.csv").read_text()
    with watch([]) as opened:
        pass
    (lake / "b.csv").read_text()

    assert opened.undeclared == ()


def test_nested(lake: Path) -> None:
    """A watch inside another has its opens to itself."""
    with watch([]) as outer:
        (lake / "a.csv").read_text()
        with watch([]) as inner:
            (lake / "b.csv").read_text()

    assert outer.undeclared == (str(lake / "a.csv"),)
    assert inner.undeclared == (str(lake / "b.csv"),)


def _deeper(file: Path) -> None:
    with ThreadPoolExecutor() as inner:
        inner.submit(file.read_text).result()


@pytest.mark.parametrize("read", [Path.read_text, _deeper], ids=["thread", "thread's thread"])
def test_threads(lake: Path, read: Callable[[Path], Any]) -> None:
    """What a thread opens is its task's that started it, with or without the task's context."""
    with watch([]) as opened, watch([]) as other, ThreadPoolExecutor() as pool:
        contexts = (contextvars.copy_context(), contextvars.Context())
        for context, name in zip(contexts, ("a.csv", "b.csv"), strict=True):
            pool.submit(context.run, read, lake / name).result()

    assert other.undeclared == (str(lake / "a.csv"), str(lake / "b.csv"))
    assert opened.undeclared == ()


def test_threads_of_others(lake: Path) -> None:
    """What a thread opens that was there before any task is nobody's."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with watch([]) as opened:
            pool.submit((lake / "a.csv").read_text).result()

    assert opened.undeclared == ()


def test_threads_that_stay(lake: Path) -> None:
    """A pool that another task left may work for any task: its opens count for all of them."""
    with ThreadPoolExecutor(1) as pool:
        with watch([]) as first:
            pool.submit(int).result()
        with watch([]) as outer, watch([]) as inner:
            pool.submit((lake / "a.csv").read_text).result()

    assert (first.undeclared, outer.undeclared, inner.undeclared) == (
        (),
        (str(lake / "a.csv"),),
        (str(lake / "a.csv"),),
    )


def test_installed_beside(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution's data is a library's in a folder it was told to lie in; others' is not."""
    (lake / "wheel-1.0.dist-info").mkdir()
    (lake / "wheel-1.0.dist-info" / "RECORD").write_text("wheel/data.json,,\n")
    (lake / "wheel").mkdir()
    (lake / "wheel" / "data.json").write_text("{}")
    monkeypatch.syspath_prepend(lake)
    caches = (packages.installed, party._targets)
    for cached in caches:
        cached.cache_clear()
    with watch([]) as opened:
        for name in ("wheel/data.json", "wheel-1.0.dist-info/RECORD", "a.csv"):
            (lake / name).read_text()
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()

    assert opened.undeclared == (str(lake / "a.csv"),)


def test_notice(lake: Path) -> None:
    """Whoever asks is told of a file when it is opened, once."""
    told: list[str] = []
    with watch([], told.append):
        (lake / "a.csv").read_text()
        at_once = list(told)
        (lake / "a.csv").read_text()

    assert (at_once, told) == ([str(lake / "a.csv")], [str(lake / "a.csv")])


def test_after_an_error(lake: Path) -> None:
    """A task that fails leaves no watch behind."""
    with pytest.raises(ValueError, match="wrong"), watch([]) as opened:
        raise ValueError("wrong")
    (lake / "a.csv").read_text()

    assert (opened.undeclared, opens._active.get()) == ((), None)


def test_hook_never_fails_an_open(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the watch itself does not reach the task."""

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(opens.Opened, "event", fails)
    with watch([]):
        text = (lake / "a.csv").read_text()

    assert text == "1"
