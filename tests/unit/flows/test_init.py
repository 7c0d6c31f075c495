"""A pipeline to begin with."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from begat.flows import Pipeline, init
from begat.flows.commands_init import init as command
from begat.flows.init import FolderError
from begat.flows.load import load
from begat.lineage.content.digest import digest_bytes

FILES = [
    "pipeline.py",
    "data/depots.csv",
    *(f"data/deliveries/month=2024-0{month}.csv" for month in range(1, 6)),
    "arriving/month=2024-06.csv",
]


def files(folder: Path) -> list[str]:
    """All files under a folder."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository."""
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def test_it_runs_at_once(tmp_path: Path) -> None:
    """Five months train a model that is better than chance; the sixth arrives, and is cheap."""
    init.write(tmp_path)
    name = f"{tmp_path / 'pipeline.py'}:pipeline"
    first = load(name).run(adapter="plain")
    again = load(name).run(adapter="plain")
    (tmp_path / "arriving" / "month=2024-06.csv").rename(
        tmp_path / "data" / "deliveries" / "month=2024-06.csv"
    )
    second = load(name).run(adapter="plain", parameters={"featurize.rush_hour": 17})

    assert (first.model_version, first.count("COMPLETE")) == ("parcels@1", 13)
    assert (again.model_version, again.count("COMPLETE")) == ("parcels@1", 0)
    assert (second.model_version, second.count("COMPLETE")) == ("parcels@2", 5)
    assert set(first.metrics) == {"accuracy", "average_precision", "cost", "roc_auc"}
    assert 0.75 < (first.metrics["roc_auc"] or 0) < 0.99


def test_what_is_commented_out_works(tmp_path: Path) -> None:
    """The expectations are those of a pipeline once their comment signs are gone."""
    init.write(tmp_path)
    path = tmp_path / "pipeline.py"
    before, sign, after = path.read_text().partition("    # expectations=[")
    lines = (sign + after).splitlines(keepends=True)
    path.write_text(before + "".join(re.sub(r"^    # ", "    ", line) for line in lines))
    pipeline = load(f"{path}:pipeline")

    assert isinstance(pipeline, Pipeline)
    assert [one["type"] for one in pipeline.expectations] == [
        "expect_column_values_to_be_between",
        "expect_column_values_to_not_be_null",
    ]


def test_every_command_it_names_is_one(tmp_path: Path) -> None:
    """What the comments say to try has the pipeline's own name and the files that are there."""
    init.write(tmp_path)
    text = (tmp_path / "pipeline.py").read_text()
    pipeline = load(f"{tmp_path / 'pipeline.py'}:pipeline")
    moved = re.findall(r"mv (\S+) (\S+)", text)

    assert set(re.findall(r"begat \w+ (\S+:\w+)", text)) == {"pipeline.py:pipeline"}
    assert set(re.findall(r"(\w+)@\d", text)) == {pipeline.name}
    assert [(tmp_path / a).is_file() and (tmp_path / b).is_dir() for a, b in moved] == [True]
    for parameter, value in re.findall(r"--set (\S+)=(\d+)", text):
        pipeline.with_parameters({parameter: int(value)})


def test_its_data_is_the_same_everywhere() -> None:
    """Nobody's random numbers: the same rows on any machine, in any version of Python."""
    content = init.content()
    text = "".join(f"{name}\n{content[name]}" for name in FILES[1:])

    assert list(content) == FILES
    assert digest_bytes(text.encode()) == (
        "blake3:671f4f12ad9a0735dc496237c640c98975448a0edd803e9b4cd76aded5cf388a"
    )


@pytest.mark.parametrize("name", [*FILES, "data/deliveries/month=1999-01.csv"])
def test_a_file_that_is_there_is_not_touched(tmp_path: Path, name: str) -> None:
    """It is named, and nothing else is written; other months would be trained on as well."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")

    with pytest.raises(FolderError, match=re.escape(f"there is {tmp_path / name} already")):
        init.write(tmp_path)
    assert files(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_to_nowhere_is_there_as_well(tmp_path: Path) -> None:
    """What it would lead to is not written."""
    (tmp_path / "pipeline.py").symlink_to(tmp_path / "elsewhere.py")

    with pytest.raises(FolderError, match=r"pipeline\.py already"):
        init.write(tmp_path)
    assert not (tmp_path / "elsewhere.py").exists()


def test_the_first_of_many_are_named(tmp_path: Path) -> None:
    """A second `begat init` says what is there, in one line, and changes nothing."""
    init.write(tmp_path)
    (tmp_path / "pipeline.py").write_text("mine")

    with pytest.raises(FolderError, match=r"pipeline\.py, .*depots\.csv, .*01\.csv and 5 more"):
        init.write(tmp_path)
    assert (tmp_path / "pipeline.py").read_text() == "mine"


@pytest.mark.parametrize("where", ["taken", "taken/below", "closed/new"])
def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where a folder should be, or no permission, is one line, and leaves nothing."""
    (tmp_path / "taken").write_text("")
    real = Path.mkdir

    def mkdir(path: Path, *how: int) -> None:
        if path.name == "closed":  # who runs the tests may be allowed everything
            raise PermissionError(13, "Permission denied", str(path))
        real(path, *how)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(FolderError, match="name another folder"):
        init.write(tmp_path / where)
    assert files(tmp_path) == ["taken"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_half_way_leaves_nothing(
    tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither files nor the folders that were made for them; what was there stays."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "data").mkdir()
    real = init._make_folders

    def full(folder: Path, made: list[Path]) -> None:
        real(folder, made)
        if folder.name == "arriving":
            raise error

    monkeypatch.setattr(init, "_make_folders", full)
    with pytest.raises((FolderError, KeyboardInterrupt)):
        init.write(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "mine"]


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        (None, ".begat/\n", True),
        ("*.pyc\n", "*.pyc\n.begat/\n", True),
        ("*.pyc", "*.pyc\n.begat/\n", True),
        ("*.pyc\n.begat/\n", "*.pyc\n.begat/\n", False),
        (".*\n", ".*\n", False),
    ],
)
def test_git_ignores_what_begat_keeps(
    repository: Path, before: str | None, after: str, written: bool
) -> None:
    """A line is added where git would not ignore `.begat/`, and the lines that are there stay."""
    path = repository / ".gitignore"
    if before is not None:
        path.write_text(before)
    names = init.write(repository)

    assert (Path(".gitignore") in names, path.read_text()) == (written, after)


def test_a_folder_of_a_repository_ignores_it_itself(repository: Path) -> None:
    """What the repository's own file says is enough; else the folder gets one."""
    init.write(repository / "a")
    (repository / ".gitignore").write_text(".begat/\n")
    init.write(repository / "b")

    assert (repository / "a" / ".gitignore").read_text() == ".begat/\n"
    assert not (repository / "b" / ".gitignore").exists()


def test_without_a_repository_there_is_nothing_to_ignore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No .gitignore outside of git, nor where git is not installed."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    outside = init.write(tmp_path / "outside")
    monkeypatch.setenv("PATH", "")
    without_git = init.write(tmp_path / "without")

    assert [str(name) for name in outside] == [str(name) for name in without_git] == FILES


def test_the_command_says_what_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written, and the command that runs it, from where one is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    here = CliRunner().invoke(command, [])
    there = CliRunner().invoke(command, ["my project/x"])
    data = json.loads(CliRunner().invoke(command, ["third", "--json"]).stdout)

    assert here.stdout.splitlines() == [
        *(f"wrote {name}" for name in FILES),
        "next  begat run pipeline.py:pipeline",
    ]
    assert there.stdout.splitlines()[-1] == (
        "next  cd 'my project/x' && begat run pipeline.py:pipeline"
    )
    assert data == {
        "folder": "third",
        "written": FILES,
        "next": ["cd third", "begat run pipeline.py:pipeline"],
    }
