"""deployments/Dockerfile, as far as it can be known without building it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from support import images

ROOT = Path(__file__).parents[3]
STAGES = images.stages()
#: Stages that become images.
IMAGES = ("serve", "train")


def test_stages() -> None:
    """One stage builds, and both images are made of what it built, not of it."""
    bases = {name: stage.base for name, stage in STAGES.items()}

    assert bases == {
        "build": "python:${PYTHON}",
        "base": "python:${PYTHON}",
        "serve": "base",
        "train": "base",
    }
    assert "--from=build /opt/begat /opt/begat" in STAGES["base"].all("COPY")


def test_python_is_pinned() -> None:
    """The image below all others is named to the patch, and begat runs on it."""
    found = re.search(r"^ARG PYTHON=(3\.\d+)\.\d+-slim-\w+$", images.DOCKERFILE.read_text(), re.M)
    assert found
    classifiers = project()["project"]["classifiers"]

    assert f"Programming Language :: Python :: {found[1]}" in classifiers


def test_uv_is_the_locked_one() -> None:
    """uv, which installs what is locked, is itself of the locked version."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    version = next(package["version"] for package in lock["package"] if package["name"] == "uv")

    assert f"pip install --no-cache-dir uv=={version}" in STAGES["build"].all("RUN")


def test_versions_are_the_locked_ones() -> None:
    """Both installations take what is locked, without development, with all extras but data."""
    syncs = [run for run in STAGES["build"].all("RUN") if run.startswith("uv sync")]
    extras = set(project()["project"]["optional-dependencies"]) - {"demo"}

    assert len(syncs) == 2
    for sync in syncs:
        assert {"--frozen", "--no-dev"} < set(sync.split())
        assert set(re.findall(r"--extra (\w+)", sync)) == extras


def test_what_is_built_is_there() -> None:
    """All folders of the package are copied, and every file that is copied exists."""
    copied = [
        name
        for line in STAGES["build"].all("COPY")
        for name in line.split()[:-1]
        if not name.startswith("--")
    ]
    wanted = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]

    assert set(wanted) < set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", IMAGES)
def test_nobody_is_root(name: str) -> None:
    """What is last said of the user is a number, which Kubernetes can tell from root's."""
    stage = STAGES[name]
    kinds = [kind for kind, _ in stage.steps]

    assert stage.all("USER") == ["10001:10001"]
    assert "--uid 10001 --user-group" in STAGES["base"].all("RUN")[0]
    assert kinds.index("USER") > max(at for at, kind in enumerate(kinds) if kind in ("RUN", "COPY"))


@pytest.mark.parametrize("name", IMAGES)
def test_commit_is_a_label(name: str) -> None:
    """Both images say the commit that they were built from, and are not built without one."""
    stage = STAGES[name]

    assert stage.all("LABEL") == ["org.opencontainers.image.revision=${COMMIT}"]
    assert stage.all("ARG") == ["COMMIT"]
    assert "exit 1" in stage.all("RUN")[-1]


def test_commit_of_the_pipelines_is_checked() -> None:
    """What the label says is compared with the repository that is in the image."""
    assert 'test "${found}" = "${COMMIT}"' in STAGES["train"].all("RUN")[-1]
    assert "--from=project . /project" in STAGES["train"].all("COPY")


@pytest.mark.parametrize("name", IMAGES)
def test_signals_arrive(name: str) -> None:
    """Commands are lists, so that no shell stands between SIGTERM and the process."""
    assert [line[0] for line in STAGES[name].all("CMD")] == ["["]
    assert STAGES[name].all("ENTRYPOINT") == []


def test_nobody_is_called() -> None:
    """Prefect and Great Expectations are told to send nothing home."""
    environment = STAGES["base"].environment()

    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["GX_ANALYTICS_ENABLED"] == "false"


def project() -> dict[str, dict]:  # type: ignore[type-arg]  # TOML
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
