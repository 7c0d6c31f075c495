"""The wheel, as it is installed elsewhere: the editable install maps the same tree another way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("flows", "lineage", "tasks")
PIPELINE = """\
import pandas as pd
from sklearn.linear_model import LogisticRegression

from begat.flows import Pipeline


def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


pipeline = Pipeline(
    name="small",
    source="raw/day={day}.csv",
    prepare=same,
    featurize=same,
    estimator=LogisticRegression(),
    target="late",
)
"""


def run(*command: str | Path, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", str(folder), folder=ROOT)
    return folder


@pytest.fixture
def wheel(built: Path) -> Path:
    """The wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The scripts of an environment with the wheel in it and what it depends on beside it."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--offline", "--no-index", "--no-deps", "--no-cache"]
    run(*install, "--python", python, wheel, folder=tmp_path)
    (site,) = environment.glob("lib/python*/site-packages")
    # A folder named in a .pth has its own .pth files left alone: the editable begat's is one.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin"


def test_content(wheel: Path) -> None:
    """The wheel is the three folders under begat/, all of them and nothing else."""
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert packed == {
        f"begat/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed >= {
        "begat/flows/flights.py",
        "begat/flows/py.typed",
        "begat/lineage/events/schemas/BegatRecipeRunFacet.json",
        "begat/lineage/graph/migrations/env.py",
        "begat/lineage/graph/sql/schema.sqlite.sql",
        "begat/lineage/py.typed",
        "begat/tasks/py.typed",
    }


def test_sdist_builds_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    """A wheel made from the sdist alone has the same files."""
    (sdist,) = built.glob("*.tar.gz")
    run("tar", "-xzf", sdist, folder=tmp_path)
    (source,) = tmp_path.glob("begat-*")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out", folder=source)

    assert {
        entry.filename: entry.CRC for entry in zipfile.ZipFile(source / "out" / wheel.name).filelist
    } == {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).filelist}


def test_runs_a_pipeline_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """In a folder with no git, a pipeline of its own trains with Prefect and registers a model."""
    folder = tmp_path / "empty"
    (folder / "raw").mkdir(parents=True)
    (folder / "small.py").write_text(PIPELINE)
    for day in (1, 2):
        rows = "".join(f"{km + day},{int(km > 50)}\n" for km in range(0, 100, 5))
        (folder / "raw" / f"day={day}.csv").write_text(f"distance,late\n{rows}")
    kept = ("HOME", "LANG", "PATH")
    env = {name: os.environ[name] for name in kept if name in os.environ} | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
    }
    begat = installed / "begat"
    where = (
        "import begat.flows, begat.lineage, begat.tasks as t; print(*begat.__path__, t.__file__)"
    )
    imported = run(installed / "python", "-c", where, folder=folder, env=env).split()
    report = json.loads(run(begat, "run", "small.py:pipeline", "--json", folder=folder, env=env))
    shown = json.loads(run(begat, "show", "small@1", "--json", folder=folder, env=env))
    tree = run(begat, "show", "small@1", folder=folder, env=env)
    version = run(begat, "--version", folder=folder, env=env)

    assert all(Path(path).is_relative_to(installed.parent) for path in imported)
    assert (report["model_version"], report["executed"]) == ("small@1", 7)
    assert report["prefect_flow_run_id"] is not None
    assert shown["code"]["commit"] is None
    assert "in no git repository" in tree
    assert version == f"begat {metadata.version('begat')}\n"
