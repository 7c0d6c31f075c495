from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from begat.flows.remember.seen import Asker, Seen, watch


def own(module: str) -> bool:
    """What says so is first-party."""
    return module.startswith("own_")


def by(found: Mapping[str, set[Asker]]) -> set[str]:
    """What first-party code read."""
    return {what for what, askers in found.items() if any(a.is_one_of(own) for a in askers)}


def seen_in(read: Callable[[], object]) -> Seen:
    """What is seen while `read` runs."""
    with watch() as seen:
        read()
    return seen


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that modules are looked for in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rates.json").write_text("{}")
    return tmp_path


READS: Mapping[str, Callable[[], object]] = {
    "open": lambda: open("rates.json").close(),
    "bytes": lambda: open(b"rates.json", "rb").close(),
    "Path": lambda: Path("rates.json").read_text(),
    "os.open": lambda: os.close(os.open("rates.json", os.O_RDONLY)),
    "to read and write": lambda: open("rates.json", "r+").close(),
    "to append and read": lambda: open("rates.json", "a+").close(),
    "another way to it": lambda: Path("../", Path.cwd().name, "rates.json").read_text(),
}


@pytest.mark.parametrize("how", READS)
def test_a_file_is_seen_however_it_is_opened(folder: Path, how: str) -> None:
    """By its absolute path, and that it was there."""
    seen = seen_in(READS[how])
    path = str(folder / "rates.json")

    assert (by(seen.files), seen.there[path]) == ({path}, True)


WRITES: Mapping[str, Callable[[], object]] = {
    "a file that is written": lambda: open("new.txt", "w").close(),
    "and then read": lambda: (Path("new.txt").write_text("1"), Path("new.txt").read_text()),
    "a file that is made anew": lambda: open("made.txt", "x").close(),
    "a log": lambda: open("rates.json", "a").close(),
    "only written": lambda: os.close(os.open("rates.json", os.O_WRONLY)),
    "the machine": lambda: Path("/proc/self/stat").read_text(),
    "a folder": lambda: os.close(os.open(".", os.O_RDONLY)),
}


@pytest.mark.parametrize("how", WRITES)
def test_what_is_written_was_not_read(folder: Path, how: str) -> None:
    """Only what a file held before can change what is loaded."""
    assert seen_in(WRITES[how]).files == {}


def test_a_log_that_is_read_afterwards_was_read(folder: Path) -> None:
    """Appending to a file leaves what it held."""

    def read() -> None:
        with open("rates.json", "a") as file:
            file.write(" ")
        Path("rates.json").read_text()

    assert by(seen_in(read).files) == {str(folder / "rates.json")}


def test_a_file_that_is_missed_is_seen(folder: Path) -> None:
    """That it was not there counts as much."""

    def read() -> None:
        with pytest.raises(FileNotFoundError):
            Path("local.json").read_text()
        Path("local.json").write_text("{}")

    path = str(folder / "local.json")
    seen = seen_in(read)

    assert (by(seen.files), seen.there[path]) == ({path}, False)


@pytest.mark.parametrize(
    "names",
    [os.listdir, lambda: os.listdir("."), lambda: [*Path().iterdir()], lambda: glob.glob("*")],
)
def test_a_folder_is_seen(folder: Path, names: Callable[[], object]) -> None:
    """However its names are asked for."""
    assert str(folder) in by(seen_in(names).folders)


READ_VARIABLES: Mapping[str, Callable[[], object]] = {
    "item": lambda: os.environ["DEPTH"],
    "get": lambda: os.environ.get("DEPTH"),
    "getenv": lambda: os.getenv("DEPTH"),
    "in": lambda: "DEPTH" in os.environ,
    "bytes": lambda: os.getenvb(b"DEPTH"),
    "pop": lambda: os.environ.pop("DEPTH"),
    "setdefault": lambda: os.environ.setdefault("DEPTH", "3"),
    "expandvars": lambda: os.path.expandvars("$DEPTH"),
}


@pytest.mark.parametrize("how", READ_VARIABLES)
def test_a_variable_is_seen(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """By its name, however it is asked for, and set to what it was afterwards."""
    monkeypatch.setenv("DEPTH", "2")
    kind = type(os.environ)
    seen = seen_in(READ_VARIABLES[how])

    assert "DEPTH" in by(seen.variables)
    assert type(os.environ) is kind


@pytest.mark.parametrize(
    "whole", [lambda: dict(os.environ), lambda: {**os.environ}, os.environ.copy, os.environ.items]
)
def test_the_whole_environment_is_seen(whole: Callable[[], object]) -> None:
    """As the variable without a name, once it is looked through."""
    assert "" in by(seen_in(lambda: list(whole())).variables)  # type: ignore[call-overload]  # all of them can be


def test_what_cannot_be_seen_is_named(folder: Path) -> None:
    """A process, a connection, a database: what they bring in, nobody here sees."""
    seen = seen_in(lambda: subprocess.run([sys.executable, "-c", ""], check=True))

    assert "subprocess.Popen" in by(seen.unseen)


def test_a_library_is_its_own_reader(folder: Path) -> None:
    """What is read while a library is imported, is not read by who imports it."""
    (folder / "library_of_rates.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "def rates(): return Path('rates.json').read_text()\n"
        "RATES, MORE = rates(), os.environ.get('MORE_RATES')\n"
    )
    (folder / "own_of_rates.py").write_text("import library_of_rates\n")
    (folder / "own_reader.py").write_text(
        "import library_of_rates\nRATES = library_of_rates.rates()\n"
    )
    imported = seen_in(lambda: __import__("own_of_rates"))
    called = seen_in(lambda: __import__("own_reader"))
    path = str(folder / "rates.json")

    assert path in imported.files
    assert (by(imported.files), by(imported.variables)) == (set(), set())
    assert by(called.files) == {path}


def test_who_reads_in_a_thread_counts(folder: Path) -> None:
    """Nobody can tell for whom a thread reads."""

    def read() -> None:
        thread = threading.Thread(target=json.loads, args=("{}",))
        reader = threading.Thread(target=Path("rates.json").read_text)
        for one in (thread, reader):
            one.start()
            one.join()

    assert by(seen_in(read).files) == {str(folder / "rates.json")}


def test_nothing_is_seen_afterwards(folder: Path) -> None:
    """Watching ends with its block, also by an error."""
    with pytest.raises(ZeroDivisionError), watch() as seen:
        raise ZeroDivisionError
    Path("rates.json").read_text()

    assert (seen.files, seen.variables) == ({}, {})
