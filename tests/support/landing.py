"""A lake in a bucket that tells a queue, a pipeline that reads it, and a worker that runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .project import Project
from .sqs import Server as Queues
from .worker import worker

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
    #: The work pool of its worker.
    pool: str = ""

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
        """The runs that Prefect was asked for, and that did it."""
        return [run for run in self.ended() if run["state_type"] == "COMPLETED"]

    def ended(self) -> list[dict[str, Any]]:
        """The runs that Prefect was asked for, and that ended, done or cancelled."""
        wanted = {"flows": {"name": {"any_": ["rides"]}}}
        found: list[dict[str, Any]] = self._prefect("flow_runs/filter", wanted)
        assert not [run for run in found if run["state_type"] in ("FAILED", "CRASHED")]
        return [run for run in found if run["state_type"] in ("COMPLETED", "CANCELLED")]

    def pause(self) -> None:
        """Pause the deployment, as an automation of Prefect's does."""
        wanted = {"flows": {"name": {"any_": ["rides"]}}}
        [deployment] = self._prefect("deployments/filter", wanted)
        self._prefect(f"deployments/{deployment['id']}/pause_deployment", {})

    def _prefect(self, path: str, body: dict[str, Any]) -> Any:
        url = self.project.environment["PREFECT_API_URL"]
        answer = httpx.post(f"{url}/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def worked(self) -> int:
        """How many flow runs did anything but reuse."""
        return sum((run["executed"] or 0) > 0 for run in self.project.json("runs")["flow_runs"])

    @contextmanager
    def watching(self, quiet: float = 2) -> Iterator[subprocess.Popen[str]]:
        """`begat watch`, which has looked around by then; killed at the end.

        Args:
            quiet: seconds that it waits for more.
        """
        command = ["watch", "pipeline.py:pipeline", "--queue", self.queue]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "begat.lineage.cli", *command),
                *("--quiet-period", str(quiet), "--json"),
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
        """Whether no message waits, and nobody is at one."""
        return self.queues.waiting(self.queue) == 0


@contextmanager
def deployed(
    queues: Queues, environment: Mapping[str, str], store: str, folder: Path
) -> Iterator[World]:
    """Three months, trained on once, and everything that waits for the next one.

    Args:
        queues: have the lake and the artifacts.
        environment: with a Prefect server's URL.
        store: URL of the lineage store.
        folder: of the project; empty.
    """
    bucket, queue = queues.bucket(versioned=True)
    variables = {
        **environment,
        **queues.environment,
        "BEGAT_HOME": str(folder / "home"),
        "BEGAT_STORE": store,
        "BEGAT_ARTIFACTS": f"s3://{queues.bucket()[0]}/artifacts",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }
    (folder / "pipeline.py").write_text(CODE.replace("BUCKET", bucket))
    made = World(queues, bucket, queue, Project(folder, variables))
    for number, month in enumerate(("2013-09", "2013-10", "2013-11")):
        made.put(month, number)
    made.project.begat("run", "pipeline.py:pipeline", "--plain")
    seen = ("--queue", queue, "--once", "--no-prefect")
    made.project.begat("watch", "pipeline.py:pipeline", *seen)
    with worker(variables, folder) as pool:
        made.pool = pool.name
        made.project.begat("deploy", "pipeline.py:pipeline", "--pool", pool.name)
        yield made
