"""One pipeline on threads, in processes and on Dask workers."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from begat.flows import Report
from begat.flows.load import load
from begat.lineage.errors import DataError
from begat.lineage.graph import dump
from begat.lineage.workspace import Workspace, using, workspace

PIPE = '''
import os
import signal
from pathlib import Path

import helper
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline

HERE = Path(__file__).parent


def clean(frame, limit=100):
    return helper.keep(frame, limit)


def fails(frame):
    if frame["distance"].max() > 10_000:
        raise ValueError("too far")  # the line
    return frame


def dies(frame):
    """Kills its process, once."""
    died = os.environ["DIED"]
    if not os.access(died, os.F_OK):
        Path(died).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return frame


def features(frame):
    return frame.assign(far=frame["distance"] / 10)


def made(name, prepare):
    return Pipeline(
        name=name,
        source="raw/month={month}.csv",
        prepare=prepare,
        featurize=features,
        estimator=DecisionTreeClassifier(max_depth=3),
        target="late",
    )


pipeline = made("same", clean)
failing = made("failing", fails)
dying = made("dying", dies)

if __name__ == "__main__":
    import sys

    report = pipeline.run(runner=sys.argv[1], workers=1)
    print(report.count("COMPLETE"), report.count("REUSED"))
'''
HELPER = """
def keep(frame, limit):
    return frame[frame["distance"] >= limit]
"""


@dataclass(frozen=True)
class Project:
    """A folder with a pipeline, a module beside it, and three months of flights."""

    folder: Path

    def run(self, name: str, home: Path, **how: Any) -> Report:
        """Run one of its pipelines, in a home of its own."""
        with at_home(home):
            return load(f"{self.folder / 'flights_pipe.py'}:{name}").run(**how)


@contextmanager
def at_home(home: Path) -> Iterator[None]:
    """Let this process, and those that it starts, work there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEGAT_HOME", str(home))
        with using(Workspace()):
            yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The folder; what loading it leaves behind is taken away."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "raw").mkdir()
    (folder / "flights_pipe.py").write_text(PIPE)
    (folder / "helper.py").write_text(HELPER)
    for number in (1, 2, 3):
        distance = np.random.default_rng(number).integers(1, 3000, 300)
        rows = pd.DataFrame({"distance": distance, "late": distance > 1500})
        rows.to_csv(folder / f"raw/month={number}.csv", index=False)
    before = list(sys.path)
    yield Project(folder)
    sys.path[:] = before
    for name in ("flights_pipe", "helper"):
        sys.modules.pop(name, None)


def events(home: Path) -> list[dict[str, Any]]:
    """All events of a home, in the order in which they were recorded."""
    with closing(sqlite3.connect(home / "begat.db")) as database:
        return [
            json.loads(body) for (body,) in database.execute("SELECT body FROM event ORDER BY id")
        ]


def graph(home: Path) -> list[str]:
    """The exported graph without what differs from run to run: ids, times, and their digests."""
    with at_home(home):
        text = "\n".join(dump.lines(workspace().store))
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME", text)
    text = re.sub(r"(TIME\|\d\|)blake3:[0-9a-f]{64}", r"\1EVENT", text)
    text = re.sub(r'"pythonhashseed":"\w+"', "HASHSEED", text)  # Dask sets it for its workers
    # Lineage roots and their chunks name the runs.
    for root in set(re.findall(r'"(?:lineage_root|chunk)":"(blake3:\w+)"', text)):
        text = text.replace(root, "ROOT")
    return sorted(text.split("\n"))


@pytest.fixture(scope="module")
def threads(project: Project, with_prefect: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run on threads."""
    home = tmp_path_factory.mktemp("threads") / "home"
    project.run("pipeline", home, runner="threads")
    return home


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_the_graph_is_the_same_as_of_threads(
    project: Project, threads: Path, tmp_path: Path, runner: str
) -> None:
    """Recipes, seeds, digests, parents, sources and the count of tasks, whoever runs them."""
    home = tmp_path / "other"
    report = project.run("pipeline", home, runner=runner, workers=2)
    of_it = graph(home)
    again = project.run("pipeline", home, runner="threads")

    assert of_it == graph(threads)
    assert (report.count("COMPLETE"), report.model_version) == (9, "same@1")
    assert (again.count("REUSED"), again.model_version) == (9, "same@1")


def test_a_failure_in_a_worker_is_recorded_with_its_line(project: Project, tmp_path: Path) -> None:
    """The task's run is FAIL with the traceback, and the others of its step are kept."""
    home = tmp_path / "other"
    far = project.folder / "raw/month=4.csv"
    far.write_text("distance,late\n20000,1\n")
    try:
        with pytest.raises(DataError, match="too far"):
            project.run("failing", home, runner="processes", workers=2)
    finally:
        far.unlink()
    ends = [event for event in events(home) if event["job"]["name"] == "failing.prepare"]
    failed = [event for event in ends if event["eventType"] == "FAIL"]
    line = 1 + PIPE.splitlines().index('        raise ValueError("too far")  # the line')

    assert sum(event["eventType"] == "COMPLETE" for event in ends) == 3
    assert [
        f'flights_pipe.py", line {line}, in fails' in facet["stackTrace"]
        for event in failed
        for facet in [event["run"]["facets"]["errorMessage"]]
    ] == [True]


def test_a_killed_worker_is_replaced(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask gives what a killed worker had to another one: all is complete, nothing half-written."""
    monkeypatch.setenv("DIED", str(tmp_path / "died"))
    home = tmp_path / "other"
    report = project.run("dying", home, runner="dask", workers=1)
    again = project.run("dying", home, runner="threads")
    artifacts = [path.name for path in (home / "artifacts").rglob("*") if path.is_file()]

    assert (tmp_path / "died").exists()
    assert (report.count("COMPLETE"), report.model_version) == (9, "dying@1")
    assert again.count("REUSED") == 9
    assert not [name for name in artifacts if "tmp" in name]


def test_a_pipeline_in_a_script_has_the_same_recipes(project: Project, tmp_path: Path) -> None:
    """Functions of `__main__` travel by value, and threads find all of it done."""
    home = tmp_path / "other"
    printed = _script(project.folder / "flights_pipe.py", "processes", home=home)
    again = project.run("pipeline", home, runner="threads")

    assert (printed, again.count("REUSED")) == ("9 0", 9)


def _script(path: Path, *arguments: str, home: Path) -> str:
    environment: Mapping[str, str] = {
        **os.environ,
        "BEGAT_HOME": str(home),
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_HOME": str(PREFECT_HOME.value()),
    }
    done = subprocess.run(
        [sys.executable, path, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
