"""`begat ingest` as a process: killed at every commit, beside others, on a full disk, fed oddly."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.graph import dump
from begat.lineage.graph.store import Store
from support.foreign import dataset, event, facet

#: Runs the command line, a few events at a time, and dies at the n-th commit.
_DYING = """
import os, signal, sqlite3, sys
from begat.lineage.cli import ingest, main
ingest._AT_ONCE = 4
number, when = int(sys.argv.pop(1)), sys.argv.pop(1)
connect = sqlite3.connect
class Dying(sqlite3.Connection):
    commits = 0
    def execute(self, sql, *rest):
        Dying.commits += sql == "COMMIT"
        here = sql == "COMMIT" and Dying.commits == number
        if here and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = super().execute(sql, *rest)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
sqlite3.connect = lambda *args, **more: connect(*args, **more, factory=Dying)
try:
    main()
finally:
    print(Dying.commits, file=sys.stderr)
"""


def chain(runs: int) -> list[dict[str, Any]]:
    """Runs that read what the one before wrote, told in an odd order."""
    events = []
    for run in range(runs):
        reads = [dataset(("lake", f"t{run - 1}"))] if run else []
        events += [
            event(run, "START", 2 * run),
            event(
                run, "COMPLETE", 2 * run + 1, inputs=reads, outputs=[dataset(("lake", f"t{run}"))]
            ),
        ]
    return events[::2] + events[::-2]


def write(path: Path, events: Sequence[Any]) -> Path:
    """A file with one event a line."""
    path.write_text("".join(f"{json.dumps(one)}\n" for one in events))
    return path


def run(
    home: Path, *arguments: Any, code: Sequence[str] = ("-m", "begat.lineage.cli"), **more: Any
) -> subprocess.CompletedProcess[str]:
    """A command as a process, in a home."""
    return subprocess.run(
        [sys.executable, *code, *map(str, arguments)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def environment(home: Path) -> Mapping[str, str]:
    return {**os.environ, "BEGAT_HOME": str(home)}


def graph(home: Path) -> str:
    """The lines of a home's graph."""
    with closing(Store.open(f"sqlite:///{home}/begat.db")) as store:
        return "".join(dump.lines(store))


def counted(out: str) -> dict[str, int]:
    """What was said of the one file."""
    [found] = json.loads(out)["files"]
    return {key: found[key] for key in ("stored", "known", "skipped")}


def test_killed_at_every_commit(tmp_path: Path) -> None:
    """Killed before or after any commit, the same command goes on, and the graph is the same."""
    events = chain(10)
    file = write(tmp_path / "events", events)
    undisturbed = run(tmp_path / "whole", 0, "never", "ingest", file, code=("-c", _DYING))
    commits = int(undisturbed.stderr)
    expected = graph(tmp_path / "whole")
    assert (undisturbed.returncode, commits >= 5) == (0, True)
    for number in range(1, commits + 1):
        for when in ("before", "after"):
            home = tmp_path / f"{number} {when}"
            killed = run(home, number, when, "ingest", file, code=("-c", _DYING))
            assert killed.returncode == -signal.SIGKILL
            again = run(home, "ingest", file, "--json")
            said = counted(again.stdout)

            assert (again.returncode, sum(said.values())) == (0, len(events))
            assert said["known"] % 4 == 0
            assert graph(home) == expected, (number, when)


def test_eight_at_once(tmp_path: Path) -> None:
    """Eight processes that take the same file at once store each event once."""
    events = chain(300)
    file, home = write(tmp_path / "events", events), tmp_path / "home"
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "begat.lineage.cli", "ingest", str(file), "--json"],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    ends = [(process.communicate(), process.returncode) for process in started]
    said = [counted(out) for (out, _), _ in ends]
    run(tmp_path / "alone", "ingest", file)

    assert [(err, code) for (_, err), code in ends] == [("", 0)] * 8
    assert sum(one["stored"] for one in said) == len(events)
    assert graph(home) == graph(tmp_path / "alone")


def test_full_disk(tmp_path: Path) -> None:
    """A full disk is one line; what was said to be stored is there, and the rest follows."""
    events = chain(400)
    file, home = write(tmp_path / "events", events), tmp_path / "home"
    Path(home).mkdir()

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))

    code = "import begat.lineage.cli.ingest as i; i._AT_ONCE = 20; "
    code += "from begat.lineage.cli import main; main()"
    full = run(home, "ingest", file, code=("-c", code), preexec_fn=little)
    stored = int(full.stdout.splitlines()[1].split()[1].replace(",", ""))
    with closing(Store.open(f"sqlite:///{home}/begat.db")) as store, store.read() as db:
        [there] = db.execute("SELECT COUNT(*) FROM event").fetchone()
    again = run(home, "ingest", file, "--json")
    run(tmp_path / "alone", "ingest", file)

    assert (full.returncode, len(full.stderr.splitlines())) == (3, 1)
    assert full.stderr.startswith(f"begat: the lineage store {home}/begat.db failed (")
    assert 0 < stored == there < len(events)
    assert counted(again.stdout) == {"stored": len(events) - there, "known": there, "skipped": 0}
    assert graph(home) == graph(tmp_path / "alone")


def test_export_to_a_full_disk(tmp_path: Path) -> None:
    """An export that does not fit leaves what was there, and is one line."""
    home, target = tmp_path / "home", tmp_path / "export"
    run(home, "ingest", write(tmp_path / "events", chain(300)))
    target.write_text("before")

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    ended = run(home, "db", "export", "--events", target, preexec_fn=little)

    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert f"{target} cannot be written" in ended.stderr
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events", "export", "home"]


def test_odd_events(tmp_path: Path) -> None:
    """One of 50 MB is stored; one without a bottom, NaN and broken text are skipped by line."""
    home = tmp_path / "home"
    large = event(1, "COMPLETE", 1, facets={"big": facet(text="x" * 50_000_000)})
    head = json.dumps(event(2, "START", 1))[:-1]
    lines = [
        json.dumps(large).encode(),
        f'{head}, "deep": {"[" * 100_000}{"]" * 100_000}}}'.encode(),
        f'{head}, "none": NaN}}'.encode(),
        f'{head}, "text": "'.encode() + b'\xff"}',
        json.dumps(event(3, "COMPLETE", 2, outputs=[dataset(0)])).encode(),
    ]
    file = tmp_path / "events.gz"
    file.write_bytes(gzip.compress(b"\n".join(lines), 1))
    ended = run(home, "ingest", file, "--json")
    said = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (2, "")
    assert counted(ended.stdout) == {"stored": 2, "known": 0, "skipped": 3}
    assert [one["line"] for one in said["skipped"]] == [2, 3, 4]
    assert run(home, "db", "check").returncode == 0


@pytest.mark.parametrize("packed", [False, True])
def test_cut_file(packed: bool, tmp_path: Path) -> None:
    """A file that was cut gives what is whole in it; the whole file adds the rest."""
    data = json.dumps(chain(20)).encode()
    data = gzip.compress(data) if packed else data
    file, home = tmp_path / "events", tmp_path / "home"
    file.write_bytes(data[:-100])
    cut = run(home, "ingest", file, "--json")
    file.write_bytes(data)
    whole = run(home, "ingest", file, "--json")

    assert (cut.returncode, counted(cut.stdout)["skipped"]) == (2, 1)
    assert whole.returncode == 0
    assert counted(whole.stdout)["stored"] == 40 - counted(cut.stdout)["stored"]


def test_reader_that_goes_away(tmp_path: Path) -> None:
    """An export whose reader has enough ends quietly."""
    home = tmp_path / "home"
    run(home, "ingest", write(tmp_path / "events", chain(300)))
    command = f"{sys.executable} -m begat.lineage.cli db export --events - | head -1"
    ended = subprocess.run(
        ["sh", "-c", command],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout[:24], ended.stderr) == ('{"format":"begat events"', "")
