from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import plain, provenance
from begat.lineage.capture import git, packages
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import ArtifactError
from begat.lineage.flow_run import flow_event, tally
from begat.lineage.records import Caller, RunRef
from begat.lineage.workspace import Workspace, using
from support.calls import call, facet, states, warnings
from support.recorder import Recorder


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Nothing that one test captured is known to the next."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for cached in (provenance.commit, provenance.code_facets, provenance._machine):
        cached.cache_clear()
    provenance._job_variables.clear()


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def test_runs_say_what_they_run_on(recorder: Recorder) -> None:
    """Task runs name the list of packages by its digest; flow runs say it in full."""
    with plain.flow("delays"):
        plain.task(double)(1)
    flow, task = (event["run"]["facets"] for event in recorder.events[:2])

    assert (
        flow["begat_packages"]["distributions"]["pandas"],
        "distributions" in task["begat_packages"],
        task["begat_packages"]["digest"],
        task["begat_hardware"]["cores"] > 0,
    ) == (
        packages.capture().distributions["pandas"],
        False,
        flow["begat_packages"]["digest"],
        True,
    )


def test_the_list_of_packages_is_an_artifact(recorder: Recorder) -> None:
    """Its digest leads to the distributions and their versions."""
    call(double, 1)
    kept = recorder.artifacts.read(facet(recorder, "begat_packages")["digest"])

    assert json.loads(kept) == packages.capture().distributions


def test_the_commit_is_looked_up_once_a_flow_run(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many tasks ask git once; the next flow run asks again."""
    asked = []

    def capture(folder: Path) -> git.Git:
        asked.append(folder)
        return git.Git(commit="1" * 40, url="https://example.org/flights.git", dirty=True)

    monkeypatch.setattr(git, "capture", capture)
    for _ in range(2):
        with plain.flow("delays"):
            plain.task(double)(1)
            plain.task(double)(2)
    recipe = recorder.events[1]["run"]["facets"]["begat_recipe"]

    assert (asked, recipe["commit"], recipe["dirty"]) == ([Path.cwd()] * 2, "1" * 40, True)
    assert {
        event["job"]["facets"]["sourceCodeLocation"]["version"] for event in recorder.events
    } == {"1" * 40}


def test_without_git_runs_say_why(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no code location then, and the recipe notes the reason."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with plain.flow("delays"):
        plain.task(double)(1)
    event = recorder.events[1]

    assert (
        "sourceCodeLocation" in event["job"]["facets"],
        "no git repository" in event["run"]["facets"]["begat_recipe"]["notes"][0],
    ) == (False, True)


@pytest.mark.parametrize(
    ("variables", "setting", "digest"),
    [
        ({}, "", None),
        ({"image": "registry.example.org/flights:1"}, "", None),
        ({"image": f"registry.example.org/flights@sha256:{'1' * 64}"}, "", f"sha256:{'1' * 64}"),
        (
            {"image": f"registry.example.org/flights@sha256:{'1' * 64}"},
            f"sha256:{'2' * 64}",
            f"sha256:{'2' * 64}",
        ),
    ],
    ids=["nothing", "tag", "pinned", "setting"],
)
def test_the_image_is_what_the_deployment_says(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    setting: str,
    digest: str | None,
) -> None:
    """The setting wins over a pinned reference; a tag is never taken for a digest."""
    monkeypatch.setenv("BEGAT_IMAGE_DIGEST", setting)
    provenance.use_job_variables(variables)
    with using(Workspace()):
        found = provenance.environment()["begat_image"]

    assert found.get("digest") == digest


# Sources


def archived(recorder: Recorder) -> dict[str, bytes]:
    """The files in the archive that the last run names."""
    content = recorder.artifacts.read(facet(recorder, "begat_recipe")["sources"])
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]  # all are files


def test_the_sources_that_a_recipe_reaches_are_kept(recorder: Recorder) -> None:
    """Any run can be rebuilt: the archive holds this very file."""
    call(double, 1)

    assert Path(__file__).read_bytes() in archived(recorder).values()


def test_a_flow_run_may_declare_more(recorder: Recorder, tmp_path: Path) -> None:
    """Files declared for a flow run are in the archives of its runs, until it ends."""
    path = tmp_path / "pipeline.py"
    path.write_text("# the pipeline\n")
    held = []
    for declares in (True, False):
        with plain.flow("delays") as caller:
            if declares:
                provenance.declare_sources(caller.run.run_id, [path])
            plain.task(double)(int(declares))
            held.append(b"# the pipeline\n" in archived(recorder).values())

    assert (held, provenance._declared) == ([True, False], {})


def test_a_changed_source_is_another_archive(recorder: Recorder, tmp_path: Path) -> None:
    """What a file says when a run starts is what is kept with it."""
    path = tmp_path / "pipeline.py"
    digests = []
    for text in ("a = 1\n", "a = 22\n", "a = 22\n"):
        path.write_text(text)
        digests.append(provenance.sources_of("", (path,), recorder))

    assert [digest == digests[0] for digest in digests] == [True, False, False]


def test_code_that_was_edited_since_it_was_loaded_is_kept_as_it_runs(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long-lived process runs what it loaded, and that is what its runs can be rebuilt from."""
    path = tmp_path / "edited_features.py"
    path.write_text("def features(number):\n    return 1 * number\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("edited_features")
    call(module.features, 1)
    path.write_text("def features(number):\n    return 22 * number\n")
    call(module.features, 2)
    del sys.modules["edited_features"]

    assert b"def features(number):\n    return 1 * number\n" in archived(recorder).values()


def test_a_source_that_is_gone_costs_the_archive_only(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pipeline whose file was deleted meanwhile is recorded, with one warning."""
    with plain.flow("delays") as caller:
        provenance.declare_sources(caller.run.run_id, [tmp_path / "gone.py"])
        plain.task(double)(1)
        plain.task(double)(2)
    said = warnings(caplog)

    assert (
        len(said),
        "gone.py" in said[0],
        recorder.events[1]["run"]["facets"]["begat_recipe"]["sources"],
        states(recorder)[1:-1],
    ) == (1, True, "", ["START", "COMPLETE"] * 2)


def test_an_archive_that_cannot_be_written_is_told_once(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk being full costs the sources, not the runs."""

    def full(data: object) -> str:
        raise ArtifactError("an artifact cannot be written (No space left on device)")

    monkeypatch.setattr(recorder.artifacts, "write", full)
    call(double, 1)
    call(double, 2)

    assert (len(warnings(caplog)), states(recorder)) == (1, ["START", "COMPLETE"] * 2)


def test_the_same_sources_are_archived_once(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand partitions do not write ten thousand archives."""
    written = []
    real = recorder.artifacts.write

    def write(data: Any) -> str:
        written.append(digest_bytes(data))
        return real(data)

    monkeypatch.setattr(recorder.artifacts, "write", write)
    for number in range(3):
        call(double, number)

    assert len(written) == len(set(written)) <= 2


# Flow runs


def asked_for() -> Caller:
    """A flow run by itself."""
    return Caller(run=RunRef(run_id="01990000-0000-7000-8000-000000000002", namespace="n", job="f"))


def test_only_a_complete_flow_run_says_what_it_came_to(recorder: Recorder) -> None:
    """A failed one has no counts; the tally is gone either way."""
    caller = asked_for()
    for state in ("FAIL", "COMPLETE"):
        tally(caller.run.run_id).add(executed=2, reused=1, model_version="delays@1")
        flow_event(state, caller, error="cancelled" if state == "FAIL" else None)  # type: ignore[arg-type]  # of a tuple of literals
    failed, complete = (event["run"]["facets"] for event in recorder.events)

    assert ("begat_reuse" in failed, failed["errorMessage"]["message"]) == (False, "cancelled")
    assert [complete["begat_reuse"][key] for key in ("executed", "reused", "model_version")] == [
        *(2, 1, "delays@1")
    ]
    assert tally(caller.run.run_id).executed == 0


def test_a_flow_event_never_stops_the_flow(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug on the way is a warning."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(recorder, "record", broken)
    with plain.flow("delays"):
        pass

    assert ["a bug" in message for message in warnings(caplog)] == [True, True]


def test_git_is_asked_in_the_working_folder(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is that of the folder in which the flow runs."""
    folder = tmp_path / "repository"
    folder.mkdir()
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    call(double, 1)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )

    assert facet(recorder, "begat_recipe")["commit"] == head.stdout.strip()
