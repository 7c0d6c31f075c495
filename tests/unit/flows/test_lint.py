"""What `begat lint` finds in a pipeline, and that it finds nothing where that is mended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from begat.flows import commands_lint, lint
from begat.flows.load import load
from begat.lineage.errors import ParameterError, PipelineError
from begat.lineage.graph.resolve import resolve
from begat.lineage.lint import Finding, of_version
from begat.lineage.records import ModelVersion
from begat.lineage.workspace import workspace
from support.linted import CODE, Change, Linted

Laid = Callable[..., Linted]
Changes = Mapping[str, Change]


@dataclass(frozen=True)
class Case:
    """What is found, where, and the same without it."""

    code: str
    broken: Changes
    mended: Changes
    where: str
    what: str = ""


def body(line: str, before: str = "") -> Changes:
    """The pipeline's file with another first line in `clean`, and something before it."""
    text = CODE.replace("    return rows.merge", f"    {line}\n    return rows.merge")
    return {"linted.py": text.replace("\n\n\ndef clean", f"\n{before}\n\ndef clean", 1)}


def argument(old: str, new: str, **files: Change) -> Changes:
    """The pipeline's file with another argument."""
    return {"linted.py": (old, new), **files}


def needs(text: str) -> Changes:
    """What is needed, said by a requirements file alone."""
    return {"uv.lock": None, "pyproject.toml": None, "requirements.txt": text}


COMMIT = "0123456789abcdef0123456789abcdef01234567"
CASES = {
    "a branch of a repository": Case(
        "branch-dependency",
        needs("numpy==2.1.0\nlib @ git+https://example.org/lib.git@main\n"),
        needs(f"numpy==2.1.0\nlib @ git+https://example.org/lib.git@{COMMIT}\n"),
        "requirements.txt:2",
    ),
    "a computed variable": Case(
        "computed-environment",
        body("os.environ.get(KEYS[0])", 'import os\nKEYS = ["A"]'),
        body('os.environ.get("A")', "import os"),
        "linted.py:9",
    ),
    "a range": Case(
        "floating-dependency", {"uv.lock": None}, {}, "pyproject.toml:4", "'pandas>=2'"
    ),
    "a bare name": Case(
        "floating-dependency",
        needs("# x\npandas\n"),
        needs("pandas==3.0.0\n"),
        "requirements.txt:2",
    ),
    "the latest folder": Case(
        "latest",
        argument("raw/month", "latest/month"),
        argument("raw/month", "v2/month"),
        "linted.py: source",
    ),
    "the latest model": Case(
        "latest", body('load("other@latest")'), body('load("other@3")'), "linted.py:8"
    ),
    "a lookup at home": Case(
        "machine-path",
        argument('"carriers.csv"', '"/srv/carriers.csv"'),
        {},
        "linted.py: lookups['carriers']",
    ),
    "a path at home": Case(
        "machine-path", body('x = "/home/ada/x"'), body('x = "home/ada/x"'), "linted.py:8"
    ),
    "no range": Case(
        "missing-range",
        argument('("distance", "size")', "()"),
        {},
        "linted.py: expectations",
    ),
    "nothing says what is needed": Case(
        "no-dependencies", {"uv.lock": None, "pyproject.toml": None}, needs("a==1\n"), "."
    ),
    "the only partition is held out": Case(
        "no-holdout", {"raw/month=2.csv": None}, {}, "linted.py: holdout", "takes 1 of 1"
    ),
    "a holdout that is not there": Case(
        "no-holdout",
        argument('target="late"', 'target="late", holdout={"month": "7"}'),
        argument('target="late"', 'target="late", holdout={"month": "1"}'),
        "linted.py: holdout",
        "matches none",
    ),
    "code in a text": Case("not-reusable", body('eval("1")'), {}, "linted.py:8", "clean() uses"),
    "an open random state": Case(
        "open-random-state", argument(", random_state=1", ""), {}, "linted.py: estimator"
    ),
    "a file": Case(
        "undeclared-input", body('pd.read_csv("more.csv")'), {}, "linted.py:8", "'more.csv'"
    ),
    "a tag": Case(
        "unpinned-image",
        {"deployments/Dockerfile": "ARG V=3.13\nFROM python:${V} AS base\nFROM base\n"},
        {"deployments/Dockerfile": f"FROM python:3.13@sha256:{'0' * 64} AS base\nFROM base\n"},
        "deployments/Dockerfile:2",
        "python:3.13",
    ),
    "a model saved": Case(
        "unrecorded-model", body("joblib.dump(1, 'm')", "import joblib"), {}, "linted.py:8"
    ),
    "no seed": Case(
        "unseeded",
        body("rng.default_rng()", "from numpy import random as rng"),
        body("rng.default_rng(7)", "from numpy import random as rng"),
        "linted.py:8",
    ),
}


@pytest.fixture
def laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laid:
    """Lays the pipeline out in the folder that is worked in."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)

    def lay(changes: Changes | None = None) -> Linted:
        return Linted.write(folder, changes)

    return lay


def found(linted: Linted) -> tuple[Finding, ...]:
    """The findings."""
    return lint.findings(load(linted.name), workspace())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_is_found(case: Case, laid: Laid, home: Path) -> None:
    """It is found once, where it is, and nothing beside; looking leaves nothing behind."""
    told = found(laid(case.broken))

    assert [(one.code, one.where) for one in told] == [(case.code, case.where)]
    assert case.what in told[0].what
    assert not home.exists()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_mended_is_not_found(case: Case, laid: Laid) -> None:
    """The mended pipeline has no findings at all."""
    assert found(laid(case.mended)) == ()


def test_a_tree_with_changes(laid: Laid) -> None:
    """What is not committed is found, and gone when it is."""
    linted = laid()
    linted.change({"carriers.csv": "carrier,size\nAA,3\nUA,2\n"})
    dirty = [one.code for one in found(linted)]
    linted.commit()

    assert (dirty, found(linted)) == (["dirty-tree"], ())


def test_a_folder_without_git(laid: Laid) -> None:
    """Without git, or before the first commit, there is no commit to name."""
    linted = laid()
    shutil.rmtree(linted.folder / ".git")

    assert [one.code for one in found(linted)] == ["no-commit"]


def test_an_image_that_the_deployment_names(laid: Laid, monkeypatch: pytest.MonkeyPatch) -> None:
    """BEGAT_IMAGE_DIGEST says which image it is, so its tag does not matter."""
    monkeypatch.setenv("BEGAT_IMAGE_DIGEST", f"sha256:{'0' * 64}")
    from begat.lineage.workspace import Workspace

    linted = laid({"Dockerfile": "FROM python:3.13\n"})

    assert lint.findings(load(linted.name), Workspace()) == ()


def test_code_that_is_not_run(laid: Laid) -> None:
    """What no task reaches, and what runs as a script, may open what it likes."""
    more = '\n\ndef other():\n    return open("x")\n\n\nif __name__ == "__main__":\n    open("y")\n'

    assert found(laid({"linted.py": CODE + more})) == ()


def test_a_run_tells_more(laid: Laid) -> None:
    """What the last run read undeclared, and which features nothing bounds, is found after it."""
    linted = laid(
        body("path(['carriers', 'csv'])", "def path(parts):\n    open('.'.join(parts)).close()\n")
    )
    linted.change({"linted.py": ('("distance", "size")', '("size",)')})
    linted.commit()
    before = found(linted)
    load(linted.name).run(adapter="plain")
    told = {(one.code, one.where.partition(":")[0]) for one in found(linted)}

    assert before == ()
    assert told == {("undeclared-input", "the last run"), ("missing-range", "linted.py")}


def test_what_was_mended_since_the_last_run(laid: Laid) -> None:
    """What the code alone tells is told of the code as it is, not as it last ran."""
    linted = laid(body('eval("1")'))
    load(linted.name).run(adapter="plain")
    ran = {one.code for one in found(linted)}
    linted.change({"linted.py": CODE})
    linted.commit()

    assert (ran, found(linted)) == ({"not-reusable"}, ())


def test_a_clean_pipeline_makes_a_clean_version(laid: Laid) -> None:
    """What is found in neither code nor folder is not found in what was made by it."""
    linted = laid()
    report = load(linted.name).run(adapter="plain")
    version = resolve(workspace().store, report.model_version)
    assert isinstance(version, ModelVersion)

    assert (found(linted), of_version(workspace(), version)) == ((), ())


def test_the_command(laid: Laid) -> None:
    """Errors end with 1; warnings with --strict; --ignore leaves a code out."""
    laid(body("eval('1')"))
    runner, name = CliRunner(), "linted.py:pipeline"
    codes = {
        options: runner.invoke(commands_lint.lint, [name, *options]).exit_code
        for options in ((), ("--strict",), ("--strict", "--ignore", "not-reusable"))
    }
    shutil.rmtree(".git")
    error = runner.invoke(commands_lint.lint, [name])
    told = json.loads(runner.invoke(commands_lint.lint, [name, "--json"]).output)

    assert [*codes.values()] == [0, 1, 0]
    assert error.exit_code == 1
    assert error.output.splitlines()[-1] == f"{name}  1 error, 1 warning"
    assert (told["passed"], told["counts"]) == (False, {"error": 1, "warning": 1, "info": 0})
    assert [one["code"] for one in told["findings"]] == ["no-commit", "not-reusable"]


def test_bad_requests(laid: Laid) -> None:
    """No such pipeline, or no such code, is refused."""
    laid()
    runner = CliRunner()

    assert isinstance(runner.invoke(commands_lint.lint, ["x.py:p"]).exception, PipelineError)
    refused = runner.invoke(commands_lint.lint, ["linted.py:pipeline", "--ignore", "x"]).exception
    assert isinstance(refused, ParameterError)
