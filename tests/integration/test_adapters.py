"""The same work by different adapters: one graph, and nothing lost at the end of a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace
from support.shape import shape

TESTS = Path(__file__).parents[1]

PIPELINE = """
import sys
from pathlib import Path

import pandas as pd
from support.delays import SHAPES, Lake, month

adapter, folder, shape = sys.argv[1:]
lake = Lake(Path(folder))
pipeline = SHAPES[shape](lake)
pipeline.run(adapter=adapter, partitions="month<=2013-10")
pipeline.run(adapter=adapter)
lake.put("raw/month=2013-9.csv", month(0).assign(gate=1))
pipeline.run(adapter=adapter)
pipeline.run(adapter=adapter)
print(sorted(name for name in ("prefect", "great_expectations") if name in sys.modules))
"""

#: A flow of the user's own, twice.
OWN = """
import sys

from begat.lineage import DatasetVersion, Snapshot, plain, read, source, write

if sys.argv[1] == "plain":
    from begat.lineage.plain import task
else:
    from begat.tasks import task

LEAST = 2


def enough(text):
    return len(text) >= LEAST


@task
def clean(part: DatasetVersion, suffix: str = "!") -> DatasetVersion:
    text = read(part).decode()
    kept = text + suffix if enough(text) else ""
    return write(kept.encode(), "clean", partition=part.partition)


@task
def merge(parts: Snapshot, *, first: bool = False) -> dict:
    texts = [read(part).decode() for part in parts.versions]
    return {"merged": write("".join(texts).encode(), "merged"), "count": len(texts)}


@task
def report(merged: dict, times: list[float]) -> list:
    return [merged["merged"], write(str(merged["count"]).encode(), "report"), times]


@task
def refuse(message: str) -> None:
    raise ValueError(message)


def work():
    raw = source("raw/part={part}.txt")
    cleaned = [clean(part) for part in raw.versions]
    merged = merge(Snapshot(versions=tuple(cleaned)), first=True)
    result = report(merged, [0.5, float("nan")])
    try:
        refuse("no such part")
    except ValueError:
        pass
    return clean(raw.versions[0])


for _ in range(2):
    if sys.argv[1] == "plain":
        with plain.flow("own"):
            work()
    else:
        from prefect import flow

        flow(name="own")(work)()
"""


def run(script: str, folder: Path, home: Path, *arguments: str, **variables: str) -> str:
    """What a script prints that works in a folder and leaves its lineage in a home."""
    path = home.parent / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path, *arguments],
        env={
            **os.environ,
            "BEGAT_HOME": str(home),
            "PYTHONPATH": str(TESTS),
            "OMP_NUM_THREADS": "1",
            **variables,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def server() -> dict[str, str]:
    """Where a process finds the session's Prefect server."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME

    return {
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_HOME": str(PREFECT_HOME.value()),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the data is."""
    made = tmp_path / "work"
    (made / "raw").mkdir(parents=True)
    for number in range(3):
        (made / "raw" / f"part={number}.txt").write_text("x" * (number + 1))
    return made


@pytest.mark.usefixtures("with_prefect")
@pytest.mark.parametrize("kind", ["lookup", "fraction"])
def test_a_pipeline_has_one_graph_whoever_runs_it(folder: Path, tmp_path: Path, kind: str) -> None:
    """Cold, with a month more, with a changed row, unchanged: the same comes of it."""
    printed = run(PIPELINE, folder, tmp_path / "plain", "plain", str(folder), kind)
    run(PIPELINE, folder, tmp_path / "prefect", "prefect", str(folder), kind, **server())
    plain, prefect = shape(tmp_path / "plain"), shape(tmp_path / "prefect")

    assert printed == "[]\n"
    for table in plain:
        assert (table, plain[table]) == (table, prefect[table])
    assert [len(plain[table]) > 0 for table in ("run", "edge", "reading", "model_version")] == [
        True
    ] * 4


@pytest.mark.usefixtures("with_prefect")
def test_a_flow_of_the_users_own_has_one_graph_whoever_runs_it(
    folder: Path, tmp_path: Path
) -> None:
    """The decorator of either adapter: the same recipes, reuse, failures and edges."""
    run(OWN, folder, tmp_path / "plain", "plain")
    run(OWN, folder, tmp_path / "prefect", "prefect", **server())
    plain, prefect = shape(tmp_path / "plain"), shape(tmp_path / "prefect")

    for table in plain:
        assert (table, plain[table]) == (table, prefect[table])
    states = [row[6] for row in plain["run"]]
    assert (states.count("COMPLETE"), states.count("FAIL")) == (14, 2)


# The end of a process

EXIT = """
import os, signal, sys
from begat.lineage import plain, write

@plain.task
def keep(number):
    return write(str(number).encode(), "kept")

with plain.flow("quick"):
    keep(1)
    {inside}
{after}
"""
STARTED = [("quick", "START"), ("quick.keep", "START"), ("quick.keep", "COMPLETE")]


@pytest.mark.parametrize(
    ("inside", "after", "code", "more"),
    [
        ("pass", "", 0, [("quick", "COMPLETE")]),
        ("pass", "os._exit(0)", 0, [("quick", "COMPLETE")]),
        ("os._exit(0)", "", 0, []),
        ("os.kill(os.getpid(), signal.SIGKILL)", "", -9, []),
        ("sys.exit(3)", "", 3, [("quick", "ABORT")]),
        ("raise KeyboardInterrupt", "", -2, [("quick", "ABORT")]),
    ],
)
def test_nothing_is_lost_when_a_script_ends(
    folder: Path, home: Path, inside: str, after: str, code: int, more: list[tuple[str, str]]
) -> None:
    """However it ends right after a task, what the task did is in the store."""
    done = subprocess.run(
        [sys.executable, "-c", EXIT.format(inside=inside, after=after)],
        env={**os.environ, "BEGAT_HOME": str(home)},
        cwd=folder,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, table(home)) == (code, [*STARTED, *more])


def test_nothing_is_lost_when_a_script_ends_with_the_store_away(
    folder: Path, home: Path, tmp_path: Path
) -> None:
    """What waits in the spool is on disk when the task returns, and the next process has it."""
    script = EXIT.format(inside="os._exit(0)", after="")
    run(script, folder, home, BEGAT_STORE=f"sqlite:///{tmp_path}/gone/begat.db")
    space = Workspace(
        Settings(home=home, store=f"sqlite:///{home}/begat.db", artifacts=str(home / "artifacts"))
    )
    _ = space.store
    space.close()

    assert table(home) == STARTED


def table(home: Path) -> list[tuple[str, str]]:
    """Job and state of every event of a home, in order."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "begat.db")) as db:
        bodies: list[dict[str, Any]] = [
            json.loads(body) for (body,) in db.execute("SELECT body FROM event ORDER BY id")
        ]
    return [(body["job"]["name"], body["eventType"]) for body in bodies]
