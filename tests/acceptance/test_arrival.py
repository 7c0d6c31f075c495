"""From an object that lands in a bucket to a new model version, by processes alone.

S3 tells a queue, `begat watch` takes the message and tells Prefect, an automation starts a run
on a worker, and the lineage goes to PostgreSQL.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.postgres import Server as Postgres
from support.postgres import postgres
from support.project import Project
from support.sqs import Server as Queues
from support.sqs import ministack_server
from support.worker import until, worker

__all__ = ["ministack_server", "postgres"]

CODE = """
from sklearn.tree import DecisionTreeClassifier
from begat.flows import Pipeline

def clean(frame):
    return frame

def features(frame):
    return frame[["distance", "late"]]

pipeline = Pipeline(
    name="rides", source="s3://BUCKET/raw/month={month}/rides.csv", prepare=clean,
    featurize=features, estimator=DecisionTreeClassifier(random_state=0), target="late",
)
"""


def rides(seed: int) -> bytes:
    """A month of rides, another one for each seed."""
    rows = [f"{n * 10},{int((n * 7 + seed) % 5 < 2)}" for n in range(seed, seed + 60)]
    return "\n".join(["distance,late", *rows, ""]).encode()


@dataclass
class World:
    """A lake that tells a queue, a project that is deployed, and a worker for it."""

    queues: Queues
    bucket: str
    queue: str
    project: Project

    def put(self, month: str, seed: int) -> str:
        """Let a month land; the object's version."""
        key = f"raw/month={month}/rides.csv"
        done = self.queues.s3.put_object(Bucket=self.bucket, Key=key, Body=rides(seed))
        return str(done["VersionId"])

    @property
    def versions(self) -> int:
        """How many versions of the model there are."""
        return len(self.project.json("models")["models"])

    def flow_runs(self) -> list[dict[str, Any]]:
        """The runs that Prefect was asked for, and that ended."""
        url = self.project.environment["PREFECT_API_URL"]
        wanted = {"flows": {"name": {"any_": ["rides"]}}}
        found: list[dict[str, Any]] = httpx.post(
            f"{url}/flow_runs/filter", json=wanted, timeout=30
        ).json()
        assert not [run for run in found if run["state_type"] in ("FAILED", "CRASHED")]
        return [run for run in found if run["state_type"] == "COMPLETED"]

    def worked(self) -> int:
        """How many flow runs did anything but reuse."""
        return sum((run["executed"] or 0) > 0 for run in self.project.json("runs")["flow_runs"])

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[str]]:
        """`begat watch`, which has looked around by then; killed at the end."""
        command = ["watch", "pipeline.py:pipeline", "--queue", self.queue]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "begat.lineage.cli", *command),
                *("--quiet-period", "2", "--json"),
            ],
            cwd=self.project.folder,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["event"] == "watching"
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def drained(self) -> bool:
        """Whether nobody has anything left to do: no message, no batch, no run."""
        return self.queues.waiting(self.queue) == 0


@pytest.fixture(scope="module")
def world(
    environment: dict[str, str],
    ministack_server: Queues,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Three months, trained on once, and everything that waits for the next one."""
    folder = tmp_path_factory.mktemp("arrival")
    bucket, queue = ministack_server.bucket(versioned=True)
    artifacts = ministack_server.bucket()[0]
    with postgres.database() as store:
        variables = {
            **environment,
            **ministack_server.environment,
            "BEGAT_HOME": str(folder / "home"),
            "BEGAT_STORE": store,
            "BEGAT_ARTIFACTS": f"s3://{artifacts}/artifacts",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
        }
        (folder / "pipeline.py").write_text(CODE.replace("BUCKET", bucket))
        made = World(ministack_server, bucket, queue, Project(folder, variables))
        for number, month in enumerate(("2013-09", "2013-10", "2013-11")):
            made.put(month, number)
        made.project.begat("run", "pipeline.py:pipeline", "--plain")
        made.project.begat(
            "watch", "pipeline.py:pipeline", "--queue", queue, "--once", "--no-prefect"
        )
        with worker(variables, folder) as pool:
            made.project.begat("deploy", "pipeline.py:pipeline", "--pool", pool.name)
            yield made


def test_december_arrives(world: World) -> None:
    """An object that lands makes a new version, whose pedigree names the object's version."""
    with world.watching():
        version = world.put("2013-12", 3)
        until(lambda: world.versions == 2)
    [arrived] = [run["parameters"]["arrived"] for run in world.flow_runs()]
    shown = json.dumps(world.project.json("show", "rides@2"))

    assert arrived == ["month=2013-12"]
    assert f"raw/month=2013-12/rides.csv?versionId={version}" in shown


def test_a_burst(world: World) -> None:
    """Twelve objects at once are work for one run."""
    before, versions = world.worked(), world.versions
    with world.watching():
        for number in range(12):
            world.put(f"2014-{number + 1:02}", number + 10)
        until(lambda: world.versions > versions and len(world.flow_runs()) > 1)
        until(world.drained)

    assert (world.worked(), world.versions) == (before + 1, versions + 1)


def test_the_same_again(world: World) -> None:
    """The same bytes under a new version are recorded, and start nothing."""
    before = len(world.flow_runs())
    with world.watching():
        world.put("2014-12", 21)
        until(world.drained)
    printed = world.project.begat("watch", "pipeline.py:pipeline", "--once", "--json").stdout
    counted = json.loads(printed.splitlines()[-1])

    assert counted["event"] == "stopped"
    assert counted.get("batches", 0) == 0
    assert len(world.flow_runs()) == before


def test_killed_watchers(world: World) -> None:
    """What lands while watchers are killed starts one run, by the one that lives."""
    before, versions = world.worked(), world.versions
    for number in range(3):
        with world.watching():
            world.put(f"2015-0{number + 1}", number + 40)
    with world.watching():
        until(lambda: world.versions > versions)
        until(world.drained)

    assert world.worked() == before + 1
