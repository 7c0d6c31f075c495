"""Bad input: one line that names it and the remedy, exit code 2, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage import workspace
from begat.lineage.cli import _run
from support.mistakes import AT_ONCE, ON_THE_WAY, Bad
from support.project import Project
from support.small import MONTHS, Small, damage, is_progress, states, versions


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A project that can be trained, where the command is given."""
    made = Small.write(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    monkeypatch.syspath_prepend(made.folder)
    return made


def refusal(
    bad: Bad, small: Small, capsys: pytest.CaptureFixture[str], *command: str
) -> tuple[int, str, list[str]]:
    """Exit code, stdout, and the lines on stderr without those that show how far a run is."""
    bad.spoil(small)
    name = bad.name.replace("HERE", str(small.folder))
    code = _run([command[0], name, *command[1:], *bad.arguments, "--json"])
    out, err = capsys.readouterr()
    return code, out, [line for line in err.splitlines() if not is_progress(line)]


def line(bad: Bad, small: Small, command: str) -> str:
    """What is to be said."""
    says = bad.says.replace("HERE", str(small.folder)).replace("COMMAND", command)
    return f"begat: {says}"


@pytest.mark.parametrize("command", [("plan",), ("run", "--plain")], ids=["plan", "run"])
@pytest.mark.parametrize("bad", AT_ONCE.values(), ids=AT_ONCE)
def test_what_a_look_finds_is_refused_before_anything_runs(
    bad: Bad,
    command: tuple[str, ...],
    small: Small,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Plan and run say one line and end with 2; no run is recorded, nothing is written."""
    refused = refusal(bad, small, capsys, *command)

    assert refused == (2, "", [line(bad, small, command[0])])
    assert caplog.messages == []
    assert (states(home), [*home.glob("artifacts/*/*")]) == ({}, [])


@pytest.mark.parametrize(("task", "bad"), ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_what_reading_finds_is_refused_where_it_is_read(
    task: str,
    bad: Bad,
    small: Small,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line and 2; task and flow run failed, nothing later ran, all artifacts are whole."""
    refused = refusal(bad, small, capsys, "run", "--plain")
    found = states(home)
    reached = [
        job.removeprefix("small.") for job, runs in found.items() if "FAIL" in runs and "." in job
    ]

    assert refused == (2, "", [line(bad, small, "run")])
    assert caplog.messages == []
    assert (found["small"], reached) == (["FAIL"], [] if task == "features" else [task])
    assert "small.train" not in found or task in ("train", "evaluate")
    assert (versions(home), damage(home)) == ([], [])


def test_a_plan_refuses_columns_that_features_it_knows_do_not_have(
    small: Small, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once the features are there, not even a flow run starts for a slice that they lack."""
    assert _run(["run", small.name, "--plain"]) == 0
    before = states(home)
    capsys.readouterr()
    bad = ON_THE_WAY["no slice column"][1]

    assert refusal(bad, small, capsys, "run", "--plain") == (2, "", [line(bad, small, "run")])
    assert states(home) == before


def test_a_mended_partition_is_all_that_runs_again(
    small: Small, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the refused run did stands: the next one goes on from there, to version 1."""
    content = small.month(MONTHS[1]).read_bytes()
    bad = ON_THE_WAY["a byte that is not UTF-8"][1]
    assert refusal(bad, small, capsys, "run", "--plain")[0] == 2
    small.month(MONTHS[1]).write_bytes(content)

    assert _run(["run", small.name, "--plain"]) == 0
    assert states(home)["small.prepare"] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert (versions(home), damage(home)) == ([1], [])


@pytest.mark.parametrize("command", [("plan",), ("run",), ("run", "--plain", "--without-store")])
def test_a_home_that_cannot_be_written(
    command: tuple[str, ...],
    small: Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is refused by name, and what lies in its place stays as it is."""
    place = tmp_path / "file"
    place.write_text("mine")
    monkeypatch.setenv("BEGAT_HOME", str(place))
    with workspace.using(workspace.Workspace()):
        refused = refusal(Bad(says=""), small, capsys, *command)

    says = (
        f"begat: begat's home {place} cannot be written (File exists); make it writable or point "
        "BEGAT_HOME to a folder that is"
    )
    assert refused == (2, "", [says])
    assert caplog.messages == []
    assert place.read_text() == "mine"


def test_settings_that_are_none(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting that begat does not know is refused by its file and name."""
    path = small.folder / "pyproject.toml"
    path.write_text('[tool.begat]\nfirst_partie = ["mine"]\n')
    monkeypatch.setattr(workspace, "_current", None)
    refused = refusal(Bad(says=""), small, capsys, "plan")

    says = (
        f"begat: [tool.begat] in {path} has no setting 'first_partie'; "
        "it knows ['first_party', 'namespace', 'policy', 'trusted_types']"
    )
    assert refused == (2, "", [says])


@pytest.mark.parametrize("case", ["prepare raises", "a single class"])
def test_prefect_adds_nothing_to_the_line(
    case: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """As a process and with Prefect it is the same one line, whichever thread found it."""
    bad = ON_THE_WAY[case][1]
    small = Small.write(tmp_path / "project")
    bad.spoil(small)
    done = Project(small.folder, environment).begat("run", small.name, "--json", code=2)
    said = [text for text in done.stderr.splitlines() if not is_progress(text)]

    assert (done.stdout, said) == ("", [line(bad, small, "run")])
    assert states(small.folder / ".begat")["small"] == ["FAIL"]
    assert (versions(small.folder / ".begat"), damage(small.folder / ".begat")) == ([], [])
