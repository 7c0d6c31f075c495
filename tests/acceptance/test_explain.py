"""`begat explain` and `begat plan --why` as a user runs them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support import spoiling
from support.project import Project


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Project:
    """A pipeline that has been trained."""
    spoiling.write(tmp_path)
    project = Project(tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"})
    project.begat("run", "rides.py:pipeline", "--plain")
    return project


def test_explain(project: Project) -> None:
    """What made tasks run is said before it happens, and after, to people and to programs."""
    planes = project.folder / "planes.csv"
    planes.write_text(planes.read_text().replace("200", "220"))
    planned = project.json("plan", "rides.py:pipeline", "--why")
    said = project.begat("plan", "rides.py:pipeline", "--why").stdout
    project.begat("run", "rides.py:pipeline", "--plain")
    [one] = project.json("explain", "rides.prepare[month=2013-02]")["runs"]
    flow_run = project.json("runs")["flow_runs"][0]["flow_run_id"]
    tasks = project.json("explain", flow_run)["runs"]
    told = project.begat("explain", "train").stdout

    assert [reason["job"] for reason in planned["why"]] == ["rides.prepare"] * 3
    assert planned["why"][1]["differences"] == one["differences"]
    assert one["differences"][0].startswith("input lookups.planes: planes.csv blake3:")
    assert "rides.prepare  3 partitions\n  input lookups.planes: planes.csv" in said
    assert [task["job"].partition(".")[2] for task in tasks] == [
        *["prepare"] * 3,
        *["featurize"] * 3,
        *["train", "evaluate", "register"],
    ]
    assert "input features: rides/features blake3:" in told
    assert json.dumps(one["deterministic"]) == "true"


def test_refused(project: Project) -> None:
    """What is no run and no task is refused in one line, with exit code 2."""
    for name in ("rides@1", "nothing"):
        assert len(project.begat("explain", name, code=2).stderr.splitlines()) == 1
