from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.errors import ArtifactError, ParameterError, RefError, RefusedError
from begat.lineage.records import ModelVersion
from begat.lineage.registry import audit, policy, sign_off, stages
from begat.lineage.registry.audit import Entry
from begat.lineage.registry.current import find
from begat.lineage.registry.gates import Candidate, Verdict, make
from begat.lineage.registry.gates import report as reporting
from begat.lineage.registry.reports import latest, report
from begat.lineage.workspace import Workspace
from support.recorder import Recorder
from support.registered import ADA, BOB, add


def produce(space: Workspace, of: ModelVersion) -> None:
    """Take a new version to Production."""
    stages.promote(space, of.ref, to="Staging", identity=ADA)
    sign_off.sign(space, of.ref, approve=True, identity=BOB)
    stages.promote(space, of.ref, to="Production", identity=ADA)


def verdict(space: Workspace, of: ModelVersion, **said: object) -> Verdict:
    """What a gate makes of the reports of `canary`."""
    candidate = Candidate(space=space, version=of, body={}, stage="Production", production=None)
    [found] = make({"gate": "report", "name": "canary", **said}).judge(candidate)
    return found


@pytest.fixture
def two(recorder: Recorder) -> tuple[ModelVersion, ModelVersion]:
    """A version that was in Production, and one that is; canaries roll back."""
    versions = add(recorder), add(recorder)
    policy.save(
        recorder.store, versions[0], {"required": [], "rollback_on": ["canary"]}, identity=ADA
    )
    for of in versions:
        produce(recorder, of)
    return versions


def stage(space: Workspace, of: ModelVersion) -> str:
    return find(space, of.ref).stage


def test_none_yet(recorder: Recorder) -> None:
    """Without a report the gate refuses, with the command that sends one."""
    found = verdict(recorder, add(recorder))

    assert not found.passed
    assert "`begat gate report delays@1 canary --passed`" in found.reason


def test_the_last_word_counts(recorder: Recorder) -> None:
    """Of several reports the last decides, with its numbers and who sent it."""
    of = add(recorder)
    report(recorder, of.ref, "canary", passed=True, identity=ADA)
    report(
        recorder,
        of.ref,
        "canary",
        passed=False,
        identity=BOB,
        value=0.03,
        threshold=0.01,
        reason="5xx",
    )
    found = verdict(recorder, of)

    assert (found.passed, found.value, found.threshold) == (False, 0.03, 0.01)
    assert found.reason.startswith("5xx (reported as failed by bob at ")
    report(recorder, of.ref, "canary", passed=True, identity=ADA)
    assert verdict(recorder, of).passed
    assert verdict(recorder, of).reason.startswith("reported as passed by ada at ")


def test_of_others(recorder: Recorder) -> None:
    """Reports of another name, of another version or model, are none of it."""
    of, other, foreign = add(recorder), add(recorder), add(recorder, "rides")
    report(recorder, of.ref, "shadow", passed=True, identity=ADA)
    report(recorder, other.ref, "canary", passed=True, identity=ADA)
    report(recorder, foreign.ref, "canary", passed=True, identity=ADA)

    assert latest(recorder.store, of, "canary") is None
    assert not verdict(recorder, of).passed


def test_too_old(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report older than is allowed is as good as none, though it passed."""
    of = add(recorder)
    report(recorder, of.ref, "canary", passed=True, identity=ADA)
    later = datetime.now(UTC) + timedelta(hours=25)
    monkeypatch.setattr(reporting, "now", lambda: later.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    assert verdict(recorder, of, max_age_hours=26).passed
    found = verdict(recorder, of, max_age_hours=24)
    assert (found.passed, found.value) == (False, "reported 25.0 h ago")
    assert found.threshold == "reported in the last 24 h"


def test_rows(recorder: Recorder) -> None:
    """A report is a row of the log, sealed like any other, and moves nothing."""
    of = add(recorder)
    done = report(recorder, of.ref, "canary", passed=True, value=1.5, identity=ADA, reason="fine")
    [row] = audit.entries(recorder.store)

    assert done.report == row
    assert (row.action, row.who, row.reason, row.before, row.after) == (
        *("report", "ada", "fine"),
        *("", ""),
    )
    assert row.body == {"gate": "canary", "passed": True, "value": 1.5}
    assert (stage(recorder, of), audit.verify(recorder.store)) == ("None", [])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_number(recorder: Recorder, number: float) -> None:
    """What JSON cannot say is refused, and nothing is kept."""
    of = add(recorder)
    for said in ({"value": number}, {"threshold": number}):
        with pytest.raises(ParameterError, match="is a number; got"):
            report(recorder, of.ref, "canary", passed=True, identity=ADA, **said)
    with pytest.raises(ParameterError, match="a report has a name"):
        report(recorder, of.ref, " ", passed=True, identity=ADA)
    with pytest.raises(RefError):
        report(recorder, "delays@9", "canary", passed=True, identity=ADA)
    assert audit.entries(recorder.store) == []


def test_degraded(recorder: Recorder, two: tuple[ModelVersion, ModelVersion]) -> None:
    """A failure that the policy names puts the last version back, as an act of the policy's."""
    old, new = two
    done = report(recorder, new.ref, "canary", passed=False, identity=ADA, reason="slow")

    assert done.rollback is not None
    assert (done.rollback.who, done.rollback.identity) == ("begat", {"kind": "policy"})
    assert done.rollback.reason == "canary failed for delays@2: slow"
    assert (stage(recorder, old), stage(recorder, new)) == ("Production", "Archived")
    assert audit.verify(recorder.store) == []


@pytest.mark.parametrize(
    ("number", "name", "passed"), [(1, "canary", True), (1, "shadow", False), (0, "canary", False)]
)
def test_nothing_to_roll_back(
    recorder: Recorder,
    two: tuple[ModelVersion, ModelVersion],
    number: int,
    name: str,
    passed: bool,
) -> None:
    """A success, a name that is not in the policy, or another version leaves Production alone."""
    done = report(recorder, two[number].ref, name, passed=passed, identity=ADA)

    assert done.rollback is None
    assert [stage(recorder, of) for of in two] == ["Staging", "Production"]


def test_twice(recorder: Recorder, two: tuple[ModelVersion, ModelVersion]) -> None:
    """The same failure again rolls nothing further back: it is not about what is there now."""
    for _ in range(2):
        report(recorder, two[1].ref, "canary", passed=False, identity=ADA)

    assert [stage(recorder, of) for of in two] == ["Production", "Archived"]


def test_the_only_one(recorder: Recorder) -> None:
    """Where none was in Production before, the report is kept, and that is said."""
    of = add(recorder)
    policy.save(recorder.store, of, {"required": [], "rollback_on": ["canary"]}, identity=ADA)
    produce(recorder, of)
    with pytest.raises(RefusedError, match="the report is kept, but nothing is rolled back: no "):
        report(recorder, of.ref, "canary", passed=False, identity=ADA)

    assert stage(recorder, of) == "Production"
    assert latest(recorder.store, of, "canary") is not None


def test_lost(recorder: Recorder, two: tuple[ModelVersion, ModelVersion]) -> None:
    """Where the earlier model is gone nothing is switched, the report is kept, and that is said."""
    [lost] = Path(recorder.settings.artifacts).rglob(f"*{two[0].digest[-40:]}")
    lost.unlink()
    with pytest.raises(ArtifactError, match="the report is kept, but nothing is rolled back: the"):
        report(recorder, two[1].ref, "canary", passed=False, identity=ADA)

    assert [stage(recorder, of) for of in two] == ["Staging", "Production"]


def test_another_is_there_by_now(
    recorder: Recorder, two: tuple[ModelVersion, ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the place of a version that has failed is not taken back for it."""
    third = add(recorder)

    def meanwhile(space: Workspace, model: str, **said: Any) -> Entry:
        with monkeypatch.context() as patch:
            patch.setattr(stages, "rollback", rollback)
            produce(space, third)
        return rollback(space, model, **said)

    rollback = stages.rollback
    monkeypatch.setattr(stages, "rollback", meanwhile)
    with pytest.raises(RefusedError, match=r"nothing is rolled back: .*delays@3 is in Production"):
        report(recorder, two[1].ref, "canary", passed=False, identity=ADA)

    assert stage(recorder, third) == "Production"
