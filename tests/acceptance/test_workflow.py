"""deployments/github-actions.yml: its commands, as GitHub runs them, in a repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from begat.lineage import settings
from begat.lineage.registry import access, audit, stages
from begat.lineage.registry.identity import Identity
from begat.lineage.workspace import Workspace
from support import markdown
from support.small import Small

FILE = Path(__file__).parents[2] / "deployments" / "github-actions.yml"
WORKFLOW: Mapping[str, Any] = yaml.safe_load(FILE.read_text())
RULES = """
[tool.begat.policy]
sign_off = "other"
serving = { latency_p99_ms = 1000 }
"""
#: What the workflow calls uv for, without an index: what is installed here is what it installs.
UV = """#!/bin/sh
[ "$1" = sync ] && exit 0
shift 2
exec "$@"
"""


@dataclass
class Runner:
    """A machine of GitHub's, as far as the commands of a job can tell."""

    folder: Path
    #: What `${{ … }}` stands for.
    values: dict[str, str]
    environment: dict[str, str]
    output: Path = field(init=False)

    def __post_init__(self) -> None:
        self.output = self.folder.parent / "output"
        self.environment["GITHUB_OUTPUT"] = str(self.output)

    def job(self, name: str) -> None:
        """Run the commands of a job, each in a shell that ends at the first failure."""
        job = WORKFLOW["jobs"][name]
        told = {**WORKFLOW["env"], **job.get("env", {})}
        for step in job["steps"]:
            if "run" not in step:
                continue
            self.output.write_text("")
            variables = {k: self.value(v) for k, v in {**told, **step.get("env", {})}.items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.folder,
                env={**self.environment, **{k: v for k, v in variables.items() if v}},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{step['name']}\n{done.stdout}\n{done.stderr}"
            for line in self.output.read_text().splitlines():
                key, _, value = line.partition("=")
                self.values[f"steps.{step['id']}.outputs.{key}"] = value
        for key, value in job.get("outputs", {}).items():
            self.values[f"needs.{name}.outputs.{key}"] = self.value(value)

    def value(self, text: object) -> str:
        """A value with what stands in its `${{ … }}`; nothing for what is not set."""
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda m: self.values.get(m[1], ""), str(text))


def git(folder: Path, *words: str) -> str:
    """What git says in a folder."""
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", *author, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def runner(tmp_path: Path, environment: dict[str, str]) -> Runner:
    """The small pipeline, committed, with rules and an origin to push to."""
    folder = tmp_path / "project"
    folder.mkdir()
    small = Small.write(folder)
    small.file.rename(folder / "returns.py")
    text = (folder / "returns.py").read_text().replace('name="small"', 'name="returns"')
    (folder / "returns.py").write_text(text)
    (folder / "pyproject.toml").write_text(RULES)
    (folder / ".gitignore").write_text("__pycache__\n*.json\n")
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", str(tmp_path / "origin"))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), environment["PATH"]])
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/returns",
        "GITHUB_RUN_ID": "7",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    values = {"github.actor": "ann"}
    return Runner(folder, values, {**environment, **github, "PATH": path})


def test_train_and_promote(runner: Runner, tmp_path: Path) -> None:
    """A version is trained, judged, approved by another, promoted and tagged; the tag is pushed."""
    given = settings.load(folder=runner.folder, environ={})
    space = Workspace(given)
    for job, name in (("train", "ci"), ("promote", "ann")):
        _, token = access.create(space.store, name, ["promote"])
        runner.values["secrets.BEGAT_TOKEN"] = token
        runner.job(job)
    rows = audit.entries(space.store)

    assert [(row.action, row.after, row.who) for row in rows] == [
        ("promote", "Staging", "ci"),
        ("approve", "", "ann"),
        ("promote", "Production", "ann"),
    ]
    assert rows[0].reason == "https://github.com/acme/returns/actions/runs/7"
    assert "returns-v1" in git(tmp_path / "origin", "tag", "--list")
    assert "returns@1" in (tmp_path / "summary").read_text()
    runner.job("reproduce")
    # Nothing is stale: the version that stands is where it is already.
    runner.job("train")
    assert runner.values["needs.train.outputs.entered"] == "false"
    assert len(audit.entries(space.store)) == len(rows)
    runner.job("promote")  # once more, as after a push that failed
    assert len(audit.entries(space.store)) == len(rows)
    space.store.close()


def test_after_a_rollback(runner: Runner) -> None:
    """What was taken back is not let in again by the next run; the job says so, and fails."""
    with closing(Workspace(settings.load(folder=runner.folder, environ={}))) as space:
        names = {"train": "ci", "promote": "ann"}
        tokens = {job: access.create(space.store, names[job], ["promote"])[1] for job in names}
        for depth in (2, 3):
            edited(runner.folder / "returns.py", f"max_depth={depth}")
            git(runner.folder, "commit", "--quiet", "--allow-empty", "--all", "--message", "more")
            for job, token in tokens.items():
                runner.values["secrets.BEGAT_TOKEN"] = token
                runner.job(job)
        who = Identity(who="bob", kind="user", email="", host="")
        stages.rollback(space, "returns", identity=who, reason="complaints")
        rows = audit.entries(space.store)
        with pytest.raises(AssertionError, match=r"returns@2 was taken back by bob.*complaints"):
            runner.job("train")

        assert len(audit.entries(space.store)) == len(rows)


def edited(file: Path, depth: str) -> None:
    """The same pipeline with another estimator."""
    text = file.read_text()
    assert "max_depth=" in text
    file.write_text(re.sub(r"max_depth=\d", depth, text))


def test_page() -> None:
    """The page describes each job, and names each secret and variable that the file reads."""
    page = markdown.text("docs/ci.md")
    read = set(re.findall(r"\$\{\{ (?:secrets|vars)\.(\w+) \}\}", FILE.read_text()))

    assert all(f"| `{job}` |" in page for job in WORKFLOW["jobs"])
    assert all(f"`{name}`" in page for name in read)
