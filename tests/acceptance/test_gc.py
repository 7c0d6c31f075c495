"""Garbage is collected by commands, beside runs in other processes, and under kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings
from begat.lineage.verify import verification
from begat.lineage.workspace import Workspace, using
from support import collecting
from support.collecting import Ran, lay, missing, run

#: Seconds that processes work beside each other.
BESIDE = 4.0
# A worker that trains on data that changes, as long as it may; what it may not be told is told.
WORKER = """
import random, sys, time
from pathlib import Path
from begat.lineage.errors import ArtifactError, DataError
from support.collecting import MONTHS, lay, run
folder, seed, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
chance, until, done = random.Random(seed), time.monotonic() + seconds, 0
while time.monotonic() < until:
    lay(folder, chance.choice("ABCD"), chance.choice(MONTHS))
    try:
        run(folder, chance.randrange(3), name=f"delays{seed}")
    except (ArtifactError, DataError) as error:  # it was told, and does it again
        print("again", error)
    done += 1
print("done", done)
"""
COLLECTOR = """
import sys, time
from begat.lineage.workspace import workspace
from support.collecting import collect
until, deleted = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < until:
    deleted += collect(workspace(), wait=0.5).deleted
print("deleted", deleted)
"""
# Kills itself at a point of a collection: between two of its steps, or inside the deletion.
KILLED = """
import os, signal, sys
from begat.lineage import collection
from begat.lineage.content.local import LocalStore
from begat.lineage.graph.store import Store
from begat.lineage.workspace import workspace
from support.registered import ADA
point = sys.argv[1]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if point == "removing":
    remove = LocalStore.remove
    LocalStore.remove = lambda self, digests, **given: (
        remove(self, [*digests][:1], **given), die()
    )
collection.collect(
    workspace(), delete=True, min_age=0.0, wait=0.0, identity=ADA,
    progress=lambda what, done, total: die() if what == point and (done or point == "waiting")
    else None,
)
"""


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """What processes find: this test's home, and a policy that keeps one version."""
    (tmp_path / "pyproject.toml").write_text("[tool.begat.policy]\nkeep_versions = 1\n")
    tests = str(Path(__file__).parents[1])
    return {**os.environ, "BEGAT_HOME": str(home), "PYTHONPATH": tests, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def space(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """The same workspace, here."""
    monkeypatch.chdir(tmp_path)
    with using(Workspace(settings.load())) as given:
        assert given.settings.policy == {"keep_versions": 1}
        yield given


def begat(environment: dict[str, str], folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "begat.lineage.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout if not code else done.stderr


def two_versions(folder: Path) -> tuple[Ran, Ran]:
    for month in collecting.MONTHS:
        lay(folder, "A", month)
    first = run(folder, 0)
    for month in collecting.MONTHS:
        lay(folder, "B", month)
    return first, run(folder, 1)


def test_by_commands(space: Workspace, environment: dict[str, str], tmp_path: Path) -> None:
    """Said, then done, shown, verified, and purged: each by its command."""
    first, second = two_versions(tmp_path)
    said = json.loads(begat(environment, tmp_path, "gc", "--min-age", "0", "--json"))
    assert (said["deleted"], missing(space, first.digests)) == (None, set())
    young = begat(environment, tmp_path, "gc", "--delete")
    assert "young" in young
    assert "deleted 0 artifacts" in young
    text = begat(environment, tmp_path, "gc", "--min-age", "0s", "--delete")
    assert "nothing that is kept stands on it" in text
    assert missing(space, first.digests) == first.digests - second.digests
    assert missing(space, second.digests) == set()
    assert "collected by `begat gc`" in begat(environment, tmp_path, "show", "delays@1")
    begat(environment, tmp_path, "verify")
    log = json.loads(begat(environment, tmp_path, "audit", "--json"))
    assert [one["action"] for one in log["entries"]] == ["collect"]

    digest = next(iter(second.raw))
    assert "add --reason" in begat(environment, tmp_path, "gc", "--purge", digest, code=2)
    asked = ("gc", "--purge", digest, "--reason", "asked")
    assert "nothing was erased" in begat(environment, tmp_path, *asked, code=2)  # nobody says yes
    assert missing(space, [digest]) == set()
    done: dict[str, Any] = json.loads(begat(environment, tmp_path, *asked, "--yes", "--json"))
    assert (done["digests"], done["model_versions"]) == ([digest], ["delays@2"])
    assert missing(space, second.digests) == {digest}


@pytest.mark.parametrize(
    "words", [("--delete", "--purge", "x"), ("--min-age", "1 day"), ("--yes",)]
)
def test_bad_words(
    space: Workspace, environment: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    """What makes no sense together is refused in a line that says so."""
    assert space.store is not None
    said = begat(environment, tmp_path, "gc", *words, code=2)

    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("point", ["listing", "marking", "removing", "deleting"])
def test_killed(space: Workspace, environment: dict[str, str], tmp_path: Path, point: str) -> None:
    """Killed at any point, what is kept is there, all is sound, and the next one finishes it."""
    first, second = two_versions(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point], cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert missing(space, second.digests) == set()
    with verification(space, "") as verified:
        assert {one.kind for one in verified.report.findings} <= {"object"}
        assert {one.digest for one in verified.report.findings} <= first.digests
    for month in collecting.MONTHS:
        lay(tmp_path, "A", month)
    third = run(tmp_path, 2)
    collecting.collect(space)

    assert missing(space, third.digests) == set()
    with verification(space, "") as verified:
        assert verified.report.findings == ()


def test_beside_runs(space: Workspace, environment: dict[str, str], tmp_path: Path) -> None:
    """Runs in two processes beside a collector: each ends well or is told, and none lacks bytes."""
    for month in collecting.MONTHS:
        lay(tmp_path, "A", month)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for program, words in (
            (WORKER, (str(tmp_path), "1", str(BESIDE))),
            (WORKER, (str(tmp_path), "2", str(BESIDE))),
            (COLLECTOR, (str(BESIDE),)),
        )
    ]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], said
    # They did what they were to do: the collector deleted while the others worked.
    assert [int(out.split()[-1]) > 0 for out, _ in said] == [True, True, True], said
    assert not any("cannot be written" in out for out, _ in said), said
    # Whatever was interleaved: what the newest versions stand on is there, and nothing is lost.
    for seed in (1, 2):
        last = run(tmp_path, 0, name=f"delays{seed}")
        assert missing(space, last.digests - last.raw) == set()
    with verification(space, "") as verified:
        assert verified.report.findings == ()
