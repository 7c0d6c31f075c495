"""Ctrl-C, kill -9, two runs at once, a store that is away: the next run goes on from there."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import workspace
from begat.lineage.cli import _run
from support.gate import STOP, begat, gate
from support.small import UNCOMMITTED, Small, damage, is_progress, rows, states, versions

INTERRUPTED = "begat: interrupted; the next run goes on from here"
#: A pipeline with a place to stop in each of the user's functions.
EDITS = {
    "\nfrom begat": f"{STOP}from begat",
    "return frame\n": 'stop("prepare")\n    return frame\n',
    "return frame.": 'stop("featurize")\n    return frame.',
    "pipeline =": """\
def hits(y, said):
    stop("evaluate")
    return (y == said).mean()


pipeline =""",
    "slices=": "metrics=[hits],\n    slices=",
}
#: Tells the gate when the process asks its own Prefect server whether it is up.
ASKING = """
import os, socket
kept = []  # closing it here could swallow the interrupt that it asks for
def tell(event, args):
    if event == "http.client.send" and b"/api/health" in bytes(args[1]):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect("server")
sys.addaudithook(tell)
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A project with places to stop, where commands are given."""
    made = Small.write(tmp_path / "project")
    for old, new in EDITS.items():
        made.edit(old, new)
    monkeypatch.chdir(made.folder)
    monkeypatch.syspath_prepend(made.folder)
    return made


@pytest.fixture
def machine(home: Path, environment: dict[str, str]) -> dict[str, str]:
    """What commands find in their environment: this test's home, and a Prefect server."""
    return {**environment, "BEGAT_HOME": str(home)}


@pytest.fixture
def alone(home: Path) -> dict[str, str]:
    """What commands find that need no Prefect server."""
    return {**os.environ, "BEGAT_HOME": str(home), "OMP_NUM_THREADS": "1"}


def done(home: Path) -> Mapping[str, int]:
    """How many runs of each job completed."""
    return Counter({job: runs.count("COMPLETE") for job, runs in states(home).items()})


def goes_on(small: Small, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next run does what is not done yet and nothing else, and registers version 1."""
    before = done(home)
    with workspace.using(workspace.Workspace()):
        assert _run(["run", small.name, "--plain", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    after = done(home)
    wanted = {"prepare": 3, "featurize": 3, "train": 1, "evaluate": 1, "register": 1}

    assert {job: after[f"small.{job}"] for job in wanted} == wanted
    assert report["executed"] == 9 - sum(before[f"small.{job}"] for job in wanted)
    assert (report["model_version"], versions(home)) == ("small@1", [1])


@pytest.mark.parametrize("group", [True, False], ids=["group", "process"])
def test_ctrl_c_while_a_task_runs(
    group: bool,
    small: Small,
    home: Path,
    alone: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Task and flow run end as ABORT; the next run goes on from there."""
    with (
        gate("prepare") as stop,
        begat("run", small.name, "--plain", "--json", environment=alone) as command,
    ):
        stop.wait()
        command.interrupt(group=group)
        code, out, said = command.end()

    assert (code, out) == (130, "")
    assert [line for line in said if line and not is_progress(line)] == [INTERRUPTED]
    assert states(home) == {"small": ["ABORT"], "small.prepare": ["ABORT"]}
    goes_on(small, home, capsys)


@pytest.mark.parametrize("group", [True, False], ids=["group", "process"])
def test_ctrl_c_while_prefect_runs_tasks(
    group: bool,
    small: Small,
    home: Path,
    machine: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The flow run ends as ABORT; what threads had begun may complete, and is not done again."""
    with (
        gate("prepare") as stop,
        begat("run", small.name, "--json", environment=machine) as command,
    ):
        stop.wait(3)
        command.interrupt(group=group)
        stop.open()
        code, out, said = command.end()
    found = states(home)

    assert (code, out) == (130, "")
    assert [line for line in said if line and not is_progress(line)] == [INTERRUPTED]
    assert found["small"] == ["ABORT"]
    assert set(found["small.prepare"]) <= {"ABORT", "COMPLETE"}
    assert found.keys() == {"small", "small.prepare"}
    goes_on(small, home, capsys)


@pytest.mark.parametrize("adapter", ["--plain", "--prefect"])
def test_ctrl_c_between_tasks(
    adapter: str,
    small: Small,
    home: Path,
    machine: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once prepare is done, what is done of it stands; every run that started has an end."""
    options = [adapter] if adapter == "--plain" else []
    with (
        gate("evaluate") as stop,  # it gets no further than that
        begat("run", small.name, "--json", *options, environment=machine) as command,
    ):
        assert command.process.stderr is not None
        while not command.process.stderr.readline().startswith("  featurize"):
            pass
        command.interrupt()
        stop.open()
        code, out, said = command.end()
    found = states(home)

    assert (code, out) == (130, "")
    assert [line for line in said if line and not is_progress(line)] == [INTERRUPTED]
    assert (found["small"], found["small.prepare"]) == (["ABORT"], ["COMPLETE"] * 3)
    assert {state for runs in found.values() for state in runs} <= {"ABORT", "COMPLETE"}
    goes_on(small, home, capsys)


class Interrupting(workspace.Workspace):
    """Ctrl-C comes just before or just after an event is recorded."""

    def __init__(self, number: int, *, after: bool) -> None:
        super().__init__()
        self.left, self.after = number, after

    def record(self, *args: Any, **kwargs: Any) -> bool:
        """Record events, and be interrupted at the right one."""
        self.left -= 1
        if not self.left and not self.after:
            raise KeyboardInterrupt
        recorded = super().record(*args, **kwargs)
        if not self.left:
            raise KeyboardInterrupt
        return recorded


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 21))
def test_ctrl_c_around_any_event(
    number: int, after: bool, small: Small, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the twenty events of a cold run, none is a moment at which Ctrl-C leaves a run open."""
    with workspace.using(Interrupting(number, after=after)):
        code = _run(["run", small.name, "--plain", "--json"])
    out, err = capsys.readouterr()
    found = states(home)

    assert (code, out) == (130, "")
    assert [line for line in err.splitlines() if line and not is_progress(line)] == [INTERRUPTED]
    assert {state for runs in found.values() for state in runs} <= {"ABORT", "COMPLETE"}
    goes_on(small, home, capsys)


@pytest.mark.parametrize("number", [1, 4, 9])
def test_ctrl_c_while_an_artifact_is_written(
    number: int,
    small: Small,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is whole or not there, and every run that started has an end."""
    calls = count()

    def fsync(descriptor: int, /) -> None:
        if next(calls) == number:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        code = _run(["run", small.name, "--plain", "--json"])
    capsys.readouterr()

    assert (code, damage(home)) == (130, [])
    assert {state for runs in states(home).values() for state in runs} <= {"ABORT", "COMPLETE"}
    goes_on(small, home, capsys)


@pytest.mark.parametrize("place", ["prepare", "featurize", "evaluate"])
def test_kill_9(
    place: str, small: Small, home: Path, alone: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a process is killed in, only that is done again."""
    partitions = 1 if place == "evaluate" else 2
    with (
        gate(place) as stop,
        begat("run", small.name, "--plain", "--json", environment=alone) as command,
    ):
        for _ in range(partitions):
            stop.let_go()
            stop.wait()
        command.process.kill()
        code = command.end()[0]

    assert code == -signal.SIGKILL
    assert states(home)[f"small.{place}"] == ["COMPLETE"] * (partitions - 1) + ["START"]
    goes_on(small, home, capsys)
    ended = Counter(states(home)["small"] + states(home)[f"small.{place}"])
    assert (ended["ABORT"], ended["START"]) == (2, 0)


@pytest.mark.parametrize("adapter", ["--plain", "--prefect"])
def test_two_runs_at_once(adapter: str, small: Small, home: Path, machine: dict[str, str]) -> None:
    """Two runs of one pipeline that begin together do each task once, and end with one version."""
    options = ["--json", adapter] if adapter == "--plain" else ["--json"]
    with (
        gate("prepare") as stop,
        begat("run", small.name, *options, environment=machine) as one,
        begat("run", small.name, *options, environment=machine) as other,
    ):
        stop.wait(1 if adapter == "--plain" else 3)
        stop.open()
        ends = [one.end(), other.end()]
    worked = rows(
        home,
        "SELECT job.name, COUNT(*) FROM run JOIN job ON job.id = run.job "
        "WHERE kind = 'TASK' AND reuse_of IS NULL GROUP BY job.name",
    )

    assert_both_right(ends, home)
    assert dict(worked) == {
        "small.prepare": 3,
        "small.featurize": 3,
        **dict.fromkeys(("small.train", "small.evaluate", "small.register"), 1),
    }
    assert sum(json.loads(out)["executed"] for _, out, _ in ends) == 9


def test_a_cold_machine_interrupted_and_then_twice_at_once(
    small: Small, home: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    """Ctrl-C while a Prefect server starts breaks nothing; two runs that each need one follow."""
    cold = {name: value for name, value in alone.items() if not name.startswith("PREFECT_")}
    cold["PREFECT_HOME"] = str(tmp_path / "prefect")
    with (
        gate("server") as stop,
        begat("run", small.name, environment=cold, setup=ASKING) as command,
    ):
        stop.wait()
        command.interrupt()
        interrupted = command.end()
    recorded = states(home)
    with (
        begat("run", small.name, "--json", environment=cold) as one,
        begat("run", small.name, "--json", environment=cold) as other,
    ):
        ends = [one.end(), other.end()]

    assert interrupted[:2] == (130, "")
    assert [line for line in interrupted[2] if line] == [INTERRUPTED]
    assert recorded == {}
    assert_both_right(ends, home)


def assert_both_right(ends: list[tuple[int, str, list[str]]], home: Path) -> None:
    """Both ended well and quietly, with the version that alone is registered."""
    for code, _, said in ends:
        left = [line for line in said if not is_progress(line)]
        assert (code, {*left} - {UNCOMMITTED}) == (0, set())
    assert {json.loads(out)["model_version"] for _, out, _ in ends} == {"small@1"}
    assert versions(home) == [1]
    assert states(home)["small"] == ["COMPLETE"] * 2


def test_a_store_that_is_locked_loses_nothing(
    small: Small, home: Path, alone: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Events wait on disk after one warning, register fails with 3, the next run registers."""
    assert _run(["plan", small.name]) == 0  # the store is there
    capsys.readouterr()
    with closing(sqlite3.connect(home / "begat.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with begat("run", small.name, "--plain", "--json", environment=alone) as command:
            code, out, said = command.end()
    away = f"begat: the lineage store {home}/begat.db failed (database is locked)"
    retry = "another process is writing: try again"

    assert (code, out) == (3, "")
    assert [line for line in said if not is_progress(line)] == [
        f"{away}; {retry}; lineage goes to {home}/spool and is replayed later",
        f"{away}; {retry}; the model is kept, and the next run registers it",
    ]
    assert rows(home, "SELECT * FROM run") == []
    assert registers_what_was_trained(small, home, capsys) == ["FAIL", "COMPLETE"]


def registers_what_was_trained(
    small: Small, home: Path, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """The next run takes the events from the spool and only registers; states of flow runs."""
    with workspace.using(workspace.Workspace()):
        assert _run(["run", small.name, "--plain", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert (report["executed"], report["reused"], report["model_version"]) == (1, 8, "small@1")
    assert versions(home) == [1]
    assert [*(home / "spool").glob("*")] == []
    return states(home)["small"]


def test_a_store_that_cannot_be_opened(
    small: Small,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It stops a run with 3 before anything is done; without it everything but register is."""
    with monkeypatch.context() as patch:
        patch.setenv("BEGAT_STORE", f"sqlite:///{home}/nowhere/begat.db")
        with workspace.using(workspace.Workspace()):
            stopped = _run(["run", small.name, "--plain", "--json"]), *capsys.readouterr()
        kept = [*home.glob("artifacts/*")]
        with workspace.using(workspace.Workspace()):
            code = _run(["run", small.name, "--plain", "--json", "--without-store"])
    report = json.loads(capsys.readouterr().out)
    away = (
        f"the lineage store {home}/nowhere/begat.db failed (unable to open database file); "
        "create its folder or mend BEGAT_STORE"
    )

    assert stopped == (3, "", f"begat: {away}\n")
    assert kept == []
    assert (code, report["executed"], report["model_version"]) == (0, 8, None)
    assert caplog.messages == [
        f"{away}; lineage goes to {home}/spool and is replayed later",
        f"{away}; the model is kept, and the next run registers it",
    ]
    assert registers_what_was_trained(small, home, capsys) == ["COMPLETE", "COMPLETE"]
