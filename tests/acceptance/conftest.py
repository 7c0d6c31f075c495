"""The flights demo as a user runs it: commands as processes, one Prefect server for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from begat.tasks.server import prefect_server
from support.project import Project

SET_ASIDE = ("PREFECT_", "BEGAT_")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What commands find in their environment: a Prefect server that runs, nothing of begat's."""
    home = tmp_path_factory.mktemp("prefect")
    before = os.environ.get("PREFECT_HOME")
    os.environ["PREFECT_HOME"] = str(home)
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings({PREFECT_HOME: home}), prefect_server():
        url = PREFECT_API_URL.value()
        # Other tests in this process may have set Prefect up in their own way.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(SET_ASIDE)}
        prefect = {"PREFECT_API_URL": url, "PREFECT_HOME": str(home)}
        yield {**kept, **prefect, "OMP_NUM_THREADS": "1"}
    if before is None:
        os.environ.pop("PREFECT_HOME", None)
    else:
        os.environ["PREFECT_HOME"] = before


@pytest.fixture(scope="session")
def demo(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> tuple[Project, dict[str, Any]]:
    """The demo as it is after `begat demo`, and what that printed."""
    project = Project(tmp_path_factory.mktemp("demo"), environment)
    return project, project.json("demo")


@pytest.fixture
def flights(demo: tuple[Project, dict[str, Any]], tmp_path: Path) -> Project:
    """A copy of the finished demo: twelve months, two versions."""
    return demo[0].copy(tmp_path)
