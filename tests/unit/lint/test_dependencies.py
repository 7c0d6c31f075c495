"""What floats in what a project says that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from begat.lineage.lint import dependencies, images

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FLOATING = {
    "bare": {"requirements.txt": "pandas\n"},
    "at least": {"requirements.txt": "pandas>=2.2\n"},
    "compatible": {"requirements.txt": "pandas~=2.2\n"},
    "star": {"requirements.txt": "pandas==2.*\n"},
    "one and more": {"requirements.txt": "pandas==2.2.3,!=2.2.4\n"},
    "included": {"requirements.txt": "-r base.txt\nnumpy==2.1.0\n", "base.txt": "pandas\n"},
    "marked": {"requirements.txt": 'pandas>=2; python_version >= "3.11"\n'},
    "extra": {"pyproject.toml": "[project]\noptional-dependencies.x = ['pandas[x]']\n"},
    "poetry": {"pyproject.toml": "[tool.poetry.dependencies]\npython='^3.11'\npandas='2.2'\n"},
    "conda": {"environment.yml": "dependencies:\n  - pip\n  - pandas>=2\n"},
    "conda star": {"environment.yml": "dependencies:\n  - pandas=2.*\n"},
    "pip in conda": {"environment.yml": "dependencies:\n  - pip\n  - pip:\n    - pandas=2\n"},
}
PINNED = {
    "nothing but a version": {"requirements.txt": "pandas==2.2.3\nnumpy===2.1.0\n"},
    "hashes": {
        "requirements.txt": "pandas==2.2.3 \\\n    --hash=sha256:aa \\\n    --hash=sha256:b\n"
    },
    "options": {"requirements.txt": "--index-url https://localhost\n-e .\npandas[x]==2.2.3  # x\n"},
    "marked": {"requirements.txt": 'pandas==2.2.3; python_version >= "3.11"\n'},
    "constraints": {"requirements.txt": "-c c.txt\npandas\n", "c.txt": "Pandas==2.2.3\n"},
    "beside a range": {
        "requirements.txt": "pandas==2.2.3\n",
        "pyproject.toml": "[project]\ndependencies = ['pandas>=2']\n",
    },
    "locked": {"poetry.lock": "", "pyproject.toml": "[project]\ndependencies = ['pandas']\n"},
    "a file": {"requirements.txt": "pandas @ https://localhost/pandas-2.2.3.whl\n"},
    "a commit": {"requirements.txt": f"git+https://localhost/pandas.git@{COMMIT}#egg=pandas\n"},
    "conda": {"environment.yml": "dependencies:\n  - pandas=2.2.3=py313_0\n  - numpy==2.1.0\n"},
    "poetry": {"pyproject.toml": "[tool.poetry.dependencies]\npandas='==2.2.3'\n"},
    "needs nothing": {"pyproject.toml": "[project]\nname = 'x'\n"},
}
BRANCHES = {
    "branch": "git+https://localhost/pandas.git@main",
    "tag": "pandas @ git+https://localhost/pandas.git@v2",
    "none": "git+ssh://git@localhost/pandas.git",
    "editable": "-e git+https://localhost/pandas.git@main#egg=pandas",
    "short": "git+https://localhost/pandas.git@0123456",
}


def told(folder: Path, files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Codes and what is said, for a folder below one with these files."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "inside").mkdir()
    return [(one.code, one.what) for one in dependencies.of_folder(folder / "inside")]


@pytest.mark.parametrize("files", FLOATING.values(), ids=FLOATING)
def test_what_floats(files: Mapping[str, str], tmp_path: Path) -> None:
    """Whatever allows two versions is told, with its text."""
    [(code, what)] = told(tmp_path, files)

    assert (code, "pandas" in what) == ("floating-dependency", True)


@pytest.mark.parametrize("files", PINNED.values(), ids=PINNED)
def test_what_does_not(files: Mapping[str, str], tmp_path: Path) -> None:
    """One version, a lock file, or requirements that are all pinned, are enough."""
    assert told(tmp_path, files) == []


@pytest.mark.parametrize("line", BRANCHES.values(), ids=BRANCHES)
def test_branches(line: str, tmp_path: Path) -> None:
    """An address in git without a whole commit is told."""
    [(code, _)] = told(tmp_path, {"requirements.txt": f"{line}\n"})

    assert code == "branch-dependency"


def test_a_branch_in_poetrys_table(tmp_path: Path) -> None:
    """Poetry names branches by themselves, and its tokens are not told."""
    table = "pandas = {git = 'https://me:secret@localhost/pandas.git', branch = 'main'}"
    [(code, what)] = told(tmp_path, {"pyproject.toml": f"[tool.poetry.dependencies]\n{table}\n"})

    assert (code, "secret" in what) == ("branch-dependency", False)


@pytest.mark.parametrize(
    "text",
    ["", "[tool.begat.policy]\nkeep_versions = 3\n", "[tool.ruff]\n", "[build-system]\n", "[[["],
    ids=["empty", "begat", "another tool", "build", "malformed"],
)
def test_settings_are_no_dependencies(text: str, tmp_path: Path) -> None:
    """A pyproject.toml that only configures tools says nothing of packages, nor hides who does."""
    inside = tmp_path / "repository" / "models"
    (inside.parent / ".git").mkdir(parents=True)
    inside.mkdir()
    (inside / "pyproject.toml").write_text(text)
    alone = [one.code for one in dependencies.of_folder(inside)]
    (inside.parent / "pyproject.toml").write_text("[project]\ndependencies = ['pandas>=2']\n")

    assert alone == ["no-dependencies"]
    assert [one.code for one in dependencies.of_folder(inside)] == ["floating-dependency"]


def test_nothing_above_the_repository_counts(tmp_path: Path) -> None:
    """A lock file outside the repository is somebody else's."""
    (tmp_path / "uv.lock").touch()
    inside = tmp_path / "repository"
    (inside / ".git").mkdir(parents=True)

    assert [one.code for one in dependencies.of_folder(inside)] == ["no-dependencies"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("FROM python\n", [1]),
        ("ARG T=3.13\nFROM python:${T}-slim AS a\nFROM a\nFROM scratch\n", [2]),
        ("FROM --platform=linux/amd64 localhost:5000/python:3 as b\nFROM B\n", [1]),
        (f"FROM python:3@sha256:{'0' * 64}\n", []),
        (f"ARG D=sha256:{'0' * 64}\nFROM python@$D\n", []),
    ],
    ids=["bare", "stages", "platform", "digest", "digest by argument"],
)
def test_images(text: str, lines: list[int], tmp_path: Path) -> None:
    """Images that are taken without a digest, and no stages of the file itself."""
    (tmp_path / "Dockerfile").write_text(text)

    found = [int(one.where.rpartition(":")[2]) for one in images.of_folder(tmp_path)]

    assert found == lines
