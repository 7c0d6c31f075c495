"""`begat reproduce` as a user, or a CI job on an old version, runs it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings
from begat.lineage.capture import packages
from begat.lineage.records import ModelVersion
from begat.lineage.registry.gates import Candidate
from begat.lineage.registry.gates.reproduction import gate
from begat.lineage.workspace import Workspace
from support import wheels
from support.project import Project
from support.spoiling import Spoiler

REF = "rides@1"
PIPELINE = """\
from sklearn.tree import ExtraTreeClassifier

import tinyscale
from begat.flows import Pipeline


def clean(frame):
    return frame


def features(frame, limit=5):
    return frame.assign(
        far=frame["distance"] > limit,
        scaled=tinyscale.scaled(frame["wait"]),
        code=[hash(city) % 7 for city in frame["city"]],
    )


pipeline = Pipeline(
    name="rides",
    source="raw/month={month}.csv",
    prepare=clean,
    featurize=features,
    estimator=ExtraTreeClassifier(max_depth=4),
    target="late",
    metrics=["accuracy", "roc_auc"],
    slices=["city"],
)
"""


def lake(folder: Path) -> None:
    """Three months of rides, late by a noisy rule."""
    (folder / "raw").mkdir(parents=True)
    draw = random.Random(7)
    for month in ("2024-01", "2024-02", "2024-03"):
        lines = ["distance,wait,city,late"]
        for _ in range(80):
            distance, wait = draw.uniform(0, 10), draw.uniform(0, 30)
            late = distance + wait / 3 + draw.gauss(0, 3) > 10
            lines.append(f"{distance:.2f},{wait:.1f},{draw.choice('xy')},{int(late)}")
        (folder / "raw" / f"month={month}.csv").write_text("\n".join([*lines, ""]))


def install(site: Path, version: str, modules: dict[str, str], name: str = "tinyscale") -> Path:
    """What installing a wheel of a distribution into a folder leaves there."""
    about = site / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "INSTALLER").write_text("pip\n")
    for path, text in modules.items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_text(text)
    files = [*modules, f"{about.name}/METADATA", f"{about.name}/INSTALLER", f"{about.name}/RECORD"]
    (about / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    return site


def scale(site: Path, version: str, power: int) -> Path:
    """A version of the library that the pipeline uses."""
    text = f"def scaled(column):\n    return (-1.0) ** {power} * column ** {power}\n"
    return install(site, version, {"tinyscale.py": text})


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline in a repository, trained once with a change that nobody committed."""
    folder = tmp_path_factory.mktemp("rides")
    lake(folder)
    site = scale(folder / "old", "1.0", 1)
    (folder / "rides.py").write_text(PIPELINE)
    (folder / ".gitignore").write_text("old/\n.begat/\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "rides")
    (folder / "rides.py").write_text(PIPELINE.replace("limit=5", "limit=7"))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BEGAT_")}
    project = Project(folder, {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site)})
    project.begat("run", "rides.py:pipeline", "--plain", PYTHONHASHSEED="3")
    # What lies there from now on is not what ran.
    (folder / "rides.py").write_text(PIPELINE.replace('frame["wait"]', '-frame["wait"]'))
    shutil.rmtree(folder / "raw")
    return project


@pytest.fixture
def project(trained: Project, tmp_path: Path) -> Project:
    """A copy of it, to spoil."""
    return trained.copy(tmp_path / "copy")


def reproduce(project: Project, *arguments: str, code: int, **variables: str) -> dict[str, Any]:
    """What the command says, which has to end with `code`."""
    done = project.begat("reproduce", REF, *arguments, "--json", code=code, **variables)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_dirty_tree(project: Project) -> None:
    """A version of an uncommitted tree comes out with the same bytes, twice; it is only told of.

    Its model depends on the seed, which is found.
    """
    before = project.json("models")["models"], project.json("datasets")

    found = reproduce(project, "--slices", "--twice", "--reseed", "4", code=1)

    assert found["verdict"] == "identical"
    assert found["twice"]["verdict"] == "identical"
    assert {
        one["difference"] for one in [*found["metrics"].values(), *found["slices"].values()]
    } == {0.0}
    assert found["different"] == []
    assert found["recipes"] == []
    assert any(not one["stable"] for one in found["spread"].values())
    assert len({*found["spread"]["roc_auc"]["values"]}) > 1
    assert (project.json("models")["models"], project.json("datasets")) == before
    told = project.json("runs")["flow_runs"][0]
    assert (told["flow"], told["flow_run_id"]) == ("rides.reproduce", found["run_id"])
    project.begat("verify")


def test_the_commit(project: Project, tmp_path: Path) -> None:
    """The code of the commit is another than what ran, and that is said; the folder has both."""
    folder = tmp_path / "kept"

    found = reproduce(project, "--from-commit", "--keep-folder", str(folder), code=1)

    assert found["verdict"] == "not reproduced"
    assert any("was not clean" in line for line in found["recipes"])
    assert any(line.startswith("code function: features") for line in found["recipes"])
    (code,) = (folder / "sources").glob("*/rides.py")
    assert code.read_text() == PIPELINE
    assert "index.lock" not in os.listdir(project.folder / ".git")


def test_a_commit_made_later(project: Project) -> None:
    """Where a run found nothing to do in a clean tree, its commit is the code of then."""
    lake(project.folder)
    (project.folder / "rides.py").write_text(PIPELINE.replace("limit=5", "limit=7"))
    git(project.folder, "commit", "--quiet", "--all", "--message", "seven")
    project.begat("run", "rides.py:pipeline", "--plain", PYTHONHASHSEED="3")
    (project.folder / "rides.py").unlink()

    found = reproduce(project, "--from-commit", code=0)

    assert (found["verdict"], found["recipes"]) == ("identical", [])
    lint = json.loads(project.begat("lint", REF, "--json", code=0).stdout)
    assert "dirty-tree" not in {one["code"] for one in lint["findings"]}


def test_lost_sources(project: Project) -> None:
    """Code that nothing kept and no commit has is missing by name, and nothing is tried."""
    spoiler = Spoiler(project.folder / ".begat")
    sources = spoiler.facet(spoiler.run("rides.train"), "begat_recipe")["sources"]
    spoiler.path(sources).unlink()
    shutil.rmtree(project.folder / ".git")

    found = reproduce(project, code=2)

    assert found["verdict"] == "cannot"
    assert [line.partition(":")[0] for line in found["missing"]] == ["code"]


def test_an_upgraded_library(project: Project, tmp_path: Path) -> None:
    """Another version of a library that the code imports is named as the difference."""
    site = scale(tmp_path / "new", "2.0", 2)
    before = project.json("models")["models"], project.json("datasets")

    found = reproduce(project, code=1, PYTHONPATH=str(site))

    assert found["verdict"] == "not reproduced"
    assert [one["says"] for one in found["different"]] == ["package tinyscale 1.0: 2.0 here"]
    assert found["different"][0]["used"]
    assert found["worst"] > 0.005
    # Other bytes were made, and nobody who reads these datasets gets them.
    assert (project.json("models")["models"], project.json("datasets")) == before


def test_the_gate(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a gate it judges the version in question, with the largest difference as its value."""
    monkeypatch.chdir(project.folder)
    for name in ("PYTHONPATH", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, project.environment[name])
    space = Workspace(settings.load(folder=project.folder, environ={}))
    version = ModelVersion(model="rides", version=1, digest="")
    candidate = Candidate(space=space, version=version, body={}, stage="Staging", production=None)

    (passed,) = gate({"gate": "reproduction"}).judge(candidate)
    monkeypatch.setenv("PYTHONPATH", "")
    (refused,) = gate({"gate": "reproduction"}).judge(candidate)

    assert passed.passed
    assert (passed.value, passed.threshold) == (0.0, "at most 0.005")
    assert not refused.passed
    assert refused.reason.startswith("cannot: package tinyscale 1.0 is not installed")


def test_a_missing_library(project: Project) -> None:
    """A library that the code imports and that is not installed is named, with the remedy."""
    found = reproduce(project, code=2, PYTHONPATH="")

    assert found["verdict"] == "cannot"
    assert "package tinyscale 1.0 is not installed" in found["missing"][0]
    assert "--rebuild-environment" in found["missing"][0]


def test_an_environment_of_then(project: Project, tmp_path: Path) -> None:
    """Rebuilt with the recorded packages, where another version is installed, it is as it was.

    Of what is installed here the wheels hold the names and versions, and a path to the rest.
    """
    folder = tmp_path / "wheels"
    here = "\n".join(path for path in sys.path if path.endswith("site-packages"))
    for name, version in packages.capture().distributions.items():
        wheels.write(folder, name, version, {f"{name}.pth": here} if name == "numpy" else {})
    then = scale(tmp_path / "then", "1.0", 1) / "tinyscale.py"
    wheels.write(folder, "tinyscale", "1.0", {"tinyscale.py": then.read_text()})
    site = scale(tmp_path / "new", "2.0", 2)

    found = reproduce(
        project,
        "--rebuild-environment",
        code=0,
        PYTHONPATH=str(site),
        UV_FIND_LINKS=str(folder),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        **wheels.OFFLINE,
    )

    assert found["verdict"] == "identical"
    assert found["different"] == []


def test_no_environment_of_then(project: Project, tmp_path: Path) -> None:
    """A recorded version that is nowhere to be had is named, and nothing is trained."""
    (tmp_path / "wheels").mkdir()

    found = reproduce(
        project,
        "--rebuild-environment",
        code=2,
        UV_FIND_LINKS=str(tmp_path / "wheels"),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        **wheels.OFFLINE,
    )

    assert found["verdict"] == "cannot"
    assert "environment: uv pip: " in found["missing"][0]


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_an_input(project: Project, what: str) -> None:
    """An input that is gone, or holds other bytes, is named before anything is trained."""
    spoiler = Spoiler(project.folder / ".begat")
    digest = spoiler.digest("raw", "month=2024-02")
    path = spoiler.path(digest)
    content = path.read_bytes()
    path.unlink()
    if what == "changed":
        path.write_bytes(content.replace(b"1", b"2", 1))

    found = reproduce(project, code=2)

    assert found["verdict"] == "cannot"
    says = {"changed": "holds other bytes", "gone": "is gone"}[what]
    assert says in found["missing"][0]
    assert "month=2024-02" in found["missing"][0]
    failed = project.json("runs")["flow_runs"][0]
    assert (failed["flow"], failed["state"]) == ("rides.reproduce", "FAIL")


def test_an_installed_package_that_is_not_deterministic(trained: Project, tmp_path: Path) -> None:
    """A pipeline that was installed runs as it was kept; what it draws anew each time is found."""
    lake(tmp_path)
    text = PIPELINE.replace("import tinyscale", "import random\n\nfrom . import unreached").replace(
        'scaled=tinyscale.scaled(frame["wait"])',
        "late=[random.SystemRandom().randrange(2) for _ in frame.index]",
    )
    modules = {
        "acme_rides/__init__.py": "",
        "acme_rides/unreached.py": "",
        "acme_rides/pipeline.py": text.replace('"raw/', f'"{tmp_path}/raw/'),
    }
    site = install(tmp_path / "site-packages", "1.0", modules, "acme_rides")
    project = Project(tmp_path, {**trained.environment, "PYTHONPATH": str(site)})
    project.begat("run", "acme_rides.pipeline:pipeline", "--plain")
    installed = site / "acme_rides" / "pipeline.py"
    installed.write_text(installed.read_text().replace("limit=5", "limit=9"))

    found = reproduce(project, "--twice", code=1)

    assert found["recipes"] == []  # the code is the kept one
    assert "rides/features" in found["twice"]["outputs"]
    assert "rides/prepared" not in found["twice"]["outputs"]


def test_bad_requests(trained: Project) -> None:
    """What was never trained cannot be reproduced, nor into a folder with something in it."""
    said = trained.begat("reproduce", "raw[month=2024-01]", code=2).stderr
    full = trained.begat("reproduce", REF, "--keep-folder", ".", code=2).stderr

    assert "no training of it is recorded" in said
    assert "is not an empty folder" in full
    assert said.count("\n") == full.count("\n") == 1
