"""Tasks in other processes than their flow's, and processes that end at once."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_URL, PREFECT_HOME

POOL = """
from begat.tasks import task, tracked
from prefect import flow
from prefect.task_runners import ProcessPoolTaskRunner

@task
def double(number):
    return 2 * number

@tracked
@flow(name="pool", task_runner=ProcessPoolTaskRunner(max_workers=1))
def pool():
    return double.map([1, 2]).result()

@tracked
@flow(name="main")
def main():
    return pool()

if __name__ == "__main__":
    print(main(), main())
"""

LATE = """
from begat.tasks import task
from prefect import flow
from prefect.task_runners import ProcessPoolTaskRunner

@task
def double(number):
    return 2 * number

@task
def outer(number):
    return double(number)

@flow(name="pool", task_runner=ProcessPoolTaskRunner(max_workers=1))
def pool():
    return outer.submit(1).result()

@flow(name="main")
def main():
    return pool()

if __name__ == "__main__":
    print(main())
"""

EXIT = """
import os
from begat.tasks import task
from prefect import flow

@task
def double(number):
    return 2 * number

@flow(name="quick")
def quick():
    print(double(1), flush=True)
    os._exit(0)

quick()
"""


def run(script: str, folder: Path) -> str:
    """What a script prints that runs against the session's Prefect server."""
    path = folder / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path],
        env={
            **os.environ,
            "PREFECT_API_URL": PREFECT_API_URL.value() or "",
            "PREFECT_HOME": str(PREFECT_HOME.value()),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def events(home: Path) -> list[dict[str, Any]]:
    """All events of a home, in the order in which they were recorded."""
    with closing(sqlite3.connect(home / "begat.db")) as database:
        return [
            json.loads(body) for (body,) in database.execute("SELECT body FROM event ORDER BY id")
        ]


def ends(found: list[dict[str, Any]], job: str) -> list[tuple[str, str]]:
    """Jobs of the runs that the COMPLETE events of a job name as parent and root."""
    parents = [
        event["run"]["facets"]["parent"]
        for event in found
        if (event["job"]["name"], event["eventType"]) == (job, "COMPLETE")
    ]
    return [(parent["job"]["name"], parent["root"]["job"]["name"]) for parent in parents]


def test_a_process_pool_tracks_and_reuses_with_parent_and_root(home: Path, tmp_path: Path) -> None:
    """Workers know the nested flow and its root, and answer a second round from the first."""
    printed = run(POOL, tmp_path)
    found = events(home)
    starts = [event for event in found if event["eventType"] == "START"]

    assert (
        printed,
        ends(found, "pool.double"),
        sorted(event["job"]["name"] for event in starts),
    ) == (
        "[2, 4] [2, 4]\n",
        [("pool", "main")] * 4,
        ["main", "main", "pool", "pool", "pool.double", "pool.double"],
    )


def test_a_worker_starts_no_flow_run_a_second_time(home: Path, tmp_path: Path) -> None:
    """A task that calls a task in a worker leaves START and end of flow runs to their process."""
    run(LATE, tmp_path)
    found = events(home)

    assert (
        [event["job"]["name"] for event in found if event["eventType"] == "START"],
        ends(found, "pool.double"),
    ) == (["main", "pool", "pool.outer", "pool.double"], [("pool", "main")])


def test_nothing_is_lost_when_the_process_exits_right_after_the_last_task(
    home: Path, tmp_path: Path
) -> None:
    """What a task did is recorded before its value is returned."""
    printed = run(EXIT, tmp_path)
    table = [(event["job"]["name"], event["eventType"]) for event in events(home)]

    assert (printed, table) == (
        "2\n",
        [("quick", "START"), ("quick.double", "START"), ("quick.double", "COMPLETE")],
    )
