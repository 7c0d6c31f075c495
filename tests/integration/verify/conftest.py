"""A pipeline that was trained once, and a copy of what it left for each test to spoil."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from begat.flows import training
from begat.flows.load import load
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace, using
from support import spoiling
from support.spoiling import Spoiler


def settings(home: Path) -> Settings:
    """The settings of a home."""
    return Settings(
        home=home, store=f"sqlite:///{home / 'begat.db'}", artifacts=str(home / "artifacts")
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a pipeline that was trained twice: `rides@2` with other parameters."""
    folder = tmp_path_factory.mktemp("rides")
    name = spoiling.write(folder)
    path = list(sys.path)
    with using(Workspace(settings(folder / ".begat"))):
        pipeline = load(name)
        training.run(pipeline, adapter="plain")
        other = {"train.max_depth": 1, "featurize.limit": 500}
        training.run(pipeline.with_parameters(other), adapter="plain")
    sys.path[:] = path
    del sys.modules["rides"]
    return folder / ".begat"


@pytest.fixture
def spoil(trained: Path, tmp_path: Path) -> Spoiler:
    """What spoils a copy of that home."""
    return Spoiler(shutil.copytree(trained, tmp_path / "spoilt"))


@pytest.fixture
def space(spoil: Spoiler) -> Workspace:
    """The workspace of the copy; its store is opened when it is first used."""
    return Workspace(settings(spoil.home))
