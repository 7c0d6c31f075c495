"""Flow runs end however their process does, and the next run redoes what was in flight."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gate import STOP, begat, gate
from support.small import UNCOMMITTED, Small, rows, states
from support.worker import Pool, peer, until, worker

#: Within how many seconds of a death its run is closed.
MINUTE = 60
#: A mount namespace of one's own, for whoever may have one.
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
EDITS = {
    "\nfrom begat": f"{STOP}from begat",
    "return frame\n": 'stop("prepare")\n    return frame\n',
    "pipeline =": """\
def hits(y, said):
    stop("evaluate")
    return (y == said).mean()


pipeline =""",
    "slices=": "metrics=[hits],\n    slices=",
}


@pytest.fixture(scope="module")
def pool(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A process worker of Prefect's."""
    with worker(environment, tmp_path_factory.mktemp("worker")) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A project whose evaluation stops at a gate, and its flow for Prefect."""
    made = Small.write(tmp_path / "project")
    for old, new in EDITS.items():
        made.edit(old, new)
    made.file.write_text(made.file.read_text() + "\nflow = pipeline.flow()\n")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def deployed(small: Small, home: Path, pool: Pool) -> str:
    """The flow's deployment."""
    return pool.deploy(
        "small",
        folder=small.folder,
        entrypoint="small.py:flow",
        env={"BEGAT_HOME": str(home), "PREFECT_LOGGING_TO_API_ENABLED": "false"},
    )


@pytest.fixture
def alone(home: Path) -> dict[str, str]:
    """What commands find that need no Prefect server."""
    return {**os.environ, "BEGAT_HOME": str(home), "OMP_NUM_THREADS": "1"}


def is_closed(home: Path) -> bool:
    """Whether flow run and evaluation were aborted, and nothing is open."""
    found = states(home)
    return found.get("small") == found.get("small.evaluate") == ["ABORT"]


def goes_on(pool: Pool, deployed: str, home: Path) -> None:
    """The next run does what was in flight, and what comes after it."""
    again = pool.start(deployed)
    until(lambda: pool.state(again) == "Completed")

    assert {job: found.count("COMPLETE") for job, found in states(home).items()} == {
        "small": 1,
        "small.prepare": 3,
        "small.featurize": 3,
        **dict.fromkeys(("small.train", "small.evaluate", "small.register"), 1),
    }
    assert rows(home, "SELECT * FROM lease") == []


def errors(home: Path) -> list[str]:
    """What the ABORTs say."""
    return [
        json.loads(body)["run"]["facets"]["errorMessage"]["message"]
        for (body,) in rows(home, "SELECT body FROM event WHERE type = 'ABORT' ORDER BY id")
    ]


def test_a_flow_run_that_is_killed_under_a_worker(deployed: str, pool: Pool, home: Path) -> None:
    """Kill -9 of its process: within a minute flow run and task are ABORT, by the worker's hook."""
    with gate("evaluate") as stop:
        run = pool.start(deployed)
        stop.wait()
        os.kill(peer(stop.last), signal.SIGKILL)
        until(lambda: is_closed(home), seconds=MINUTE)
    until(lambda: pool.state(run) == "Crashed")
    goes_on(pool, deployed, home)


def test_a_flow_run_that_is_cancelled(deployed: str, pool: Pool, home: Path) -> None:
    """Cancelled through Prefect's API in the middle of a task, both are ABORT within a minute."""
    with gate("evaluate") as stop:
        run = pool.start(deployed)
        stop.wait()
        pool.cancel(run)
        until(lambda: is_closed(home), seconds=MINUTE)
    until(lambda: pool.state(run) == "Cancelled")

    assert rows(home, "SELECT * FROM lease") == []


def test_a_script_that_is_killed_beside_a_server(
    small: Small, home: Path, alone: dict[str, str]
) -> None:
    """Nobody but `begat serve` is there to see it: within a minute what was open is ABORT."""
    with (
        gate("evaluate") as stop,
        begat("serve", "--port", "0", environment=alone) as server,
    ):
        assert server.process.stdout is not None
        assert server.process.stdout.readline().startswith("begat serves")
        with begat("run", small.name, "--plain", environment=alone) as command:
            stop.wait()
            command.process.kill()
            command.end()
        until(lambda: is_closed(home), seconds=MINUTE)
        server.process.terminate()
        server.end()

    assert all("last heard of at" in error for error in errors(home))


def test_who_waits_for_a_process_that_is_killed(
    small: Small, home: Path, alone: dict[str, str]
) -> None:
    """Of two runs the one that waits takes over what the other was killed in."""
    with (
        gate("evaluate") as stop,
        begat("run", small.name, "--plain", "--json", environment=alone) as one,
    ):
        stop.wait()
        with begat("run", small.name, "--plain", "--json", environment=alone) as other:
            until(lambda: len(states(home)["small"]) == 2)
            one.process.kill()
            one.end()
            stop.wait()  # now the other evaluates
            stop.open()
            code, out, _ = other.end()
    report = json.loads(out)

    assert (code, report["model_version"]) == (0, "small@1")
    assert states(home)["small.evaluate"] == ["ABORT", "COMPLETE"]
    assert states(home)["small"] == ["ABORT", "COMPLETE"]
    assert states(home)["small.train"] == ["COMPLETE"]


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run([*NAMESPACE, "true"], check=False).returncode,
    reason="this user may not mount a small file system",
)
@pytest.mark.parametrize("place", ["prepare", "evaluate"])
def test_a_disk_that_fills_while_a_task_runs(place: str, small: Small, home: Path) -> None:
    """Store, spool and artifacts on a full disk: one line says so, and the next run goes on."""
    home.mkdir()
    command = [*NAMESPACE, sys.executable, "-m", "support.full"]
    done = subprocess.run(
        [*command, str(small.folder), str(home), place],
        cwd=Path(__file__).parents[1],
        check=True,
        stdout=subprocess.PIPE,
    )
    found = json.loads(done.stdout)
    full, again = found["full"], found["again"]

    assert (full["code"], full["report"], full["damage"]) == (1, None, [])
    assert full["said"][-1].startswith(f"begat: an artifact cannot be written to {home}/artifacts")
    assert "free space" in full["said"][-1]
    assert (again["code"], again["said"], again["damage"]) == (0, [UNCOMMITTED], [])
    assert again["report"]["model_version"] == "small@1"
    assert again["report"]["executed"] == {"prepare": 9, "evaluate": 2}[place]
    ends = {state for runs in found["states"].values() for state in runs}
    assert (ends, found["sound"]) == ({"ABORT", "COMPLETE"}, True)
