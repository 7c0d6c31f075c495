from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from begat.lineage import settings
from begat.lineage.errors import ArtifactError, GateError, ParameterError, RefError, RefusedError
from begat.lineage.graph.resolve import resolve
from begat.lineage.records import ModelVersion
from begat.lineage.registry import aliases, audit, policy, sign_off, stages
from begat.lineage.registry.current import find
from begat.lineage.registry.gates import Candidate, Verdict
from begat.lineage.registry.policy import Policy
from begat.lineage.workspace import Workspace
from support.recorder import Recorder
from support.registered import ADA, BOB, add


def refuses(candidate: Candidate, policy: Policy) -> list[Verdict]:
    return [Verdict(gate="roc_auc", passed=False, value=0.61, threshold="at least 0.7")]


def passes(candidate: Candidate, policy: Policy) -> list[Verdict]:
    return [Verdict(gate="roc_auc", passed=True, value=0.9, threshold="at least 0.7")]


def produce(space: Workspace, of: ModelVersion) -> None:
    """Take a new version all the way."""
    stages.promote(space, of.ref, to="Staging", identity=ADA, judge=passes)
    sign_off.sign(space, of.ref, approve=True, identity=BOB)
    stages.promote(space, of.ref, to="Production", identity=ADA, judge=passes)


def stage(space: Workspace, of: ModelVersion) -> str:
    return find(space, of.ref).stage


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets hours pass."""

    def wait(hours: float) -> None:
        then = datetime.now(UTC) + timedelta(hours=hours)
        text = then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for module in (audit, stages):
            monkeypatch.setattr(module, "now", lambda: text)

    return wait


def test_the_way_to_production(recorder: Recorder) -> None:
    """None, Staging, Production: each act is a row, an event, and the stage."""
    first = add(recorder)
    produce(recorder, first)

    assert stage(recorder, first) == "Production"
    assert resolve(recorder.store, "delays@Production") == first
    rows = audit.entries(recorder.store)
    assert [(row.action, row.before, row.after, row.who) for row in rows] == [
        ("promote", "None", "Staging", "ada"),
        ("approve", "", "", "bob"),
        ("promote", "Staging", "Production", "ada"),
    ]
    assert rows[0].body["gates"][0]["value"] == 0.9
    with recorder.store.read() as db:
        told = db.execute("SELECT body FROM event WHERE type = 'DATASET'", {}).fetchall()
    assert len(told) == 3
    assert audit.verify(recorder.store) == []


def test_nothing_goes_straight_to_production(recorder: Recorder) -> None:
    """A version without a stage is refused, and told where to go first."""
    first = add(recorder)
    with pytest.raises(RefusedError, match=r"straight to Production.*--to Staging"):
        stages.promote(recorder, first.ref, to="Production", identity=ADA, force=True, reason="x")
    assert audit.entries(recorder.store) == []


def test_a_gate_refuses(recorder: Recorder) -> None:
    """It says which gate, the value and the threshold; the log keeps the refusal."""
    first = add(recorder)
    with pytest.raises(GateError, match=r"gate roc_auc is 0\.61 \(has to be at least 0\.7\)"):
        stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=refuses)

    assert stage(recorder, first) == "None"
    [row] = audit.entries(recorder.store)
    assert (row.action, row.body["gates"][0]["value"]) == ("refuse", 0.61)


def test_force(recorder: Recorder) -> None:
    """A forced promotion needs a reason, which is kept with the gates that refused."""
    first = add(recorder)
    with pytest.raises(ParameterError, match="--reason"):
        stages.promote(recorder, first.ref, to="Staging", identity=ADA, force=True, judge=refuses)
    row = stages.promote(
        recorder,
        first.ref,
        to="Staging",
        identity=ADA,
        force=True,
        reason="a fix for Monday",
        judge=refuses,
    )

    assert row is not None
    assert (row.reason, row.body["forced"]) == ("a fix for Monday", ["roc_auc"])


def test_again(recorder: Recorder) -> None:
    """Promoting to the stage that it is in does nothing, and is no error."""
    first = add(recorder)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)

    assert stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=refuses) is None


def test_beyond(recorder: Recorder) -> None:
    """What is in Production stays there when it is promoted to Staging."""
    first = add(recorder)
    produce(recorder, first)

    assert stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=refuses) is None
    assert stage(recorder, first) == "Production"


def test_sign_off(recorder: Recorder) -> None:
    """Without an approval nothing enters Production, and the last word counts."""
    first = add(recorder)
    with pytest.raises(RefusedError, match="only versions in Staging"):
        sign_off.sign(recorder, first.ref, approve=True, identity=BOB)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)

    def produce() -> None:
        stages.promote(recorder, first.ref, to="Production", identity=ADA, judge=passes)

    with pytest.raises(RefusedError, match="begat approve delays@1"):
        produce()
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)
    with pytest.raises(ParameterError, match="reason"):
        sign_off.sign(recorder, first.ref, approve=False, identity=BOB)
    sign_off.sign(recorder, first.ref, approve=False, identity=BOB, reason="too slow")
    with pytest.raises(RefusedError, match=r"rejected by bob .too slow"):
        produce()
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)
    produce()
    assert stage(recorder, first) == "Production"


def test_sign_off_by_another(recorder: Recorder) -> None:
    """Where the policy says so, the author's own approval is refused."""
    first = add(recorder, by="ada")
    policy.save(recorder.store, first, {"sign_off": "other"}, identity=ADA)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)

    with pytest.raises(RefusedError, match="somebody else"):
        sign_off.sign(recorder, first.ref, approve=True, identity=ADA)
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)


def test_an_approval_is_of_one_stay_in_staging(recorder: Recorder) -> None:
    """What was archived and comes back has to be signed off again."""
    first = add(recorder)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)
    stages.archive(recorder, first.ref, identity=ADA)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)

    with pytest.raises(RefusedError, match="not signed off"):
        stages.promote(recorder, first.ref, to="Production", identity=ADA, judge=passes)


def test_the_old_one_is_kept_until_the_new_one_is_stable(
    recorder: Recorder, later: Callable[[float], None]
) -> None:
    """What was in Production goes to Staging, and is archived after 48 hours."""
    first, second = add(recorder), add(recorder)
    produce(recorder, first)
    produce(recorder, second)

    assert (stage(recorder, first), stage(recorder, second)) == ("Staging", "Production")
    with pytest.raises(RefusedError, match="48 h"):
        stages.archive(recorder, first.ref, identity=ADA)
    later(47.9)
    assert stages.settle(recorder) == []
    later(48.1)
    assert [row.who for row in stages.settle(recorder)] == ["begat"]
    assert stage(recorder, first) == "Archived"
    assert audit.verify(recorder.store) == []


def test_each_new_version_starts_the_hours_again(
    recorder: Recorder, later: Callable[[float], None]
) -> None:
    """What was replaced waits until the version that is there now has been stable."""
    versions = [add(recorder) for _ in range(3)]
    produce(recorder, versions[0])
    produce(recorder, versions[1])
    later(40)
    produce(recorder, versions[2])
    later(60)

    assert stages.settle(recorder) == []
    later(89)
    assert len(stages.settle(recorder)) == 2


def test_rollback(recorder: Recorder) -> None:
    """The version before is in Production again, the bad one is archived, in one row."""
    versions = [add(recorder) for _ in range(3)]
    for version in versions:
        produce(recorder, version)
    row = stages.rollback(recorder, "delays", identity=BOB, reason="worse on AA")

    assert [stage(recorder, one) for one in versions] == ["Staging", "Production", "Archived"]
    assert (row.version, row.replaced) == (2, 3)
    # Further back, and never to what was taken back.
    stages.rollback(recorder, "delays@2", identity=BOB, reason="that, too")
    assert [stage(recorder, one) for one in versions] == ["Production", "Archived", "Archived"]
    with pytest.raises(RefusedError, match=r"taken back; name one of them by --to: delays@2, del"):
        stages.rollback(recorder, "delays@1", identity=BOB, reason="again")
    assert audit.verify(recorder.store) == []


def test_two_who_see_the_same_trouble(recorder: Recorder) -> None:
    """Who comes second is told so, and goes further back only by naming the version."""
    versions = [add(recorder) for _ in range(3)]
    for version in versions:
        produce(recorder, version)
    stages.rollback(recorder, "delays", identity=BOB, reason="worse on AA")

    for ref, why in (
        ("delays@Production", "by a rollback already"),
        ("delays", r"by a rollback already, put there by bob at .* `begat rollback delays@2`"),
        ("delays@3", "delays@2 is in"),
    ):
        with pytest.raises(RefusedError, match=why):
            stages.rollback(recorder, ref, identity=ADA, reason="worse on AA")
    assert [stage(recorder, one) for one in versions] == ["Staging", "Production", "Archived"]


def test_rollback_is_taken_back(recorder: Recorder) -> None:
    """What was taken back wrongly is put back by its name."""
    versions = [add(recorder) for _ in range(2)]
    for version in versions:
        produce(recorder, version)
    stages.rollback(recorder, "delays", identity=BOB, reason="worse on AA")
    with pytest.raises(RefusedError, match="delays@1 is in Production already, put there by bob"):
        stages.rollback(recorder, "delays", identity=BOB, reason="once more", to="delays@1")
    stages.rollback(recorder, "delays", identity=BOB, reason="it was the data", to="delays@2")

    assert [stage(recorder, one) for one in versions] == ["Archived", "Production"]
    # What stood in for it was not taken back: it is there for the next time.
    stages.rollback(recorder, "delays@2", identity=BOB, reason="it was not")
    assert [stage(recorder, one) for one in versions] == ["Production", "Archived"]
    assert audit.verify(recorder.store) == []


def test_taken_back_enters_by_force_only(recorder: Recorder) -> None:
    """What a rollback took back is let in again by nobody who does not say that it is."""
    versions = [add(recorder) for _ in range(2)]
    for version in versions:
        produce(recorder, version)
    stages.rollback(recorder, "delays", identity=BOB, reason="worse on AA")
    given = {"to": "Staging", "identity": ADA, "judge": passes}
    with pytest.raises(RefusedError, match=r"delays@2 was taken back by bob at .*worse on AA"):
        stages.promote(recorder, "delays@2", **given)
    row = stages.promote(recorder, "delays@2", force=True, reason="mended", **given)

    assert row.body["forced"] == ["rollback"]
    assert stage(recorder, versions[1]) == "Staging"
    # By hand it is archived like any other, and enters like any other.
    stages.archive(recorder, "delays@2", identity=ADA)
    assert stages.promote(recorder, "delays@2", **given) is not None


def test_approved_already(recorder: Recorder) -> None:
    """To approve of what is in Production is nothing to do; to reject it takes a rollback."""
    produce(recorder, add(recorder))
    given = {"identity": BOB, "reason": "r"}

    assert sign_off.sign(recorder, "delays@1", approve=True, **given) is None
    with pytest.raises(RefusedError, match="`begat rollback delays@1` takes it back"):
        sign_off.sign(recorder, "delays@1", approve=False, **given)


def test_rollback_to(recorder: Recorder) -> None:
    """An earlier one can be named; what never was in Production cannot."""
    versions = [add(recorder) for _ in range(4)]
    for version in versions[:3]:
        produce(recorder, version)
    with pytest.raises(RefusedError, match="never in Production"):
        stages.rollback(recorder, "delays", identity=BOB, reason="x", to=versions[3].ref)
    stages.rollback(recorder, "delays", identity=BOB, reason="x", to=versions[0].ref)

    assert stage(recorder, versions[0]) == "Production"


def test_rollback_verifies_files_first(recorder: Recorder) -> None:
    """A version whose model file was changed or is gone is named, and nothing is switched."""
    versions = [add(recorder) for _ in range(3)]
    for version in versions:
        produce(recorder, version)
    path = Path(recorder.settings.artifacts)
    [file] = [one for one in path.rglob("*") if versions[1].digest[-40:] == one.name[-40:]]
    file.chmod(0o644)
    file.write_bytes(b"other bytes")

    with pytest.raises(ArtifactError, match=r"model of delays@2.*--to delays@1"):
        stages.rollback(recorder, "delays", identity=BOB, reason="x")
    assert stage(recorder, versions[2]) == "Production"


def test_rollback_of_nothing(recorder: Recorder) -> None:
    """Without a version in Production, a reason or such a model there is nothing to take back."""
    add(recorder)
    with pytest.raises(RefusedError, match="no version in Production"):
        stages.rollback(recorder, "delays", identity=BOB, reason="x")
    with pytest.raises(ParameterError, match="reason"):
        stages.rollback(recorder, "delays", identity=BOB, reason=" ")
    with pytest.raises(RefError, match="no model is named 'other'"):
        stages.rollback(recorder, "other", identity=BOB, reason="x")


def test_one_in_production(recorder: Recorder) -> None:
    """The database itself refuses a second version in Production."""
    first, second = add(recorder), add(recorder)
    produce(recorder, first)

    with pytest.raises(Exception, match="UNIQUE"), recorder.store.write() as db:
        db.execute(
            "UPDATE model_version SET stage = 'Production' WHERE version = :version",
            {"version": second.version},
        )


def test_another_was_faster(recorder: Recorder) -> None:
    """A version that moves while it is judged is not moved again: who comes second is told."""
    first = add(recorder)

    def slow(candidate: Candidate, policy: Policy) -> list[Verdict]:
        stages.promote(recorder, first.ref, to="Staging", identity=BOB, judge=passes)
        return passes(candidate, policy)

    with pytest.raises(RefusedError, match="somebody else was faster"):
        stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=slow)
    assert len(audit.entries(recorder.store)) == 1


def test_no_model_named(recorder: Recorder) -> None:
    """An alias is taken away from a model, which has to be named."""
    with pytest.raises(ParameterError, match="MODEL@NAME; got 'blue'"):
        aliases.remove(recorder, "", "blue", identity=ADA)


def test_aliases(recorder: Recorder) -> None:
    """A name of one's own moves from version to version, and can be taken away."""
    first, second = add(recorder), add(recorder)
    aliases.put(recorder, first.ref, "champion", identity=ADA)
    assert aliases.put(recorder, first.ref, "champion", identity=ADA) is None
    row = aliases.put(recorder, second.ref, "champion", identity=ADA)

    assert row is not None
    assert row.body == {"alias": "champion", "was": 1}
    assert resolve(recorder.store, "delays@champion") == second
    aliases.remove(recorder, "delays", "champion", identity=ADA)
    with pytest.raises(RefError):
        resolve(recorder.store, "delays@champion")
    with pytest.raises(RefError, match="no alias"):
        aliases.remove(recorder, "delays", "champion", identity=ADA)
    assert audit.verify(recorder.store) == []


@pytest.mark.parametrize(
    "name", ["", "3", "Production", "production", "LATEST", "-x", "a b", "a@b", "a\n"]
)
def test_bad_aliases(recorder: Recorder, name: str) -> None:
    """What could be taken for something else is no alias."""
    first = add(recorder)
    with pytest.raises(ParameterError, match="alias"):
        aliases.put(recorder, first.ref, name, identity=ADA)


class Histories(RuleBasedStateMachine):
    """Any order of acts: one in Production at most, and the log says where each version is."""

    def __init__(self) -> None:
        super().__init__()
        given = settings.load(environ={"BEGAT_HOME": "/nonexistent", "BEGAT_STORE": "sqlite://"})
        self.space = Workspace(given)
        from begat.lineage.content.memory import MemoryStore
        from begat.lineage.graph.store import Store

        self.space._store = Store.open("sqlite://")
        self.space.__dict__["artifacts"] = MemoryStore()
        self.versions: list[ModelVersion] = []

    @initialize()
    def begin(self) -> None:
        self.versions = [add(self.space), add(self.space)]

    @rule()
    def register(self) -> None:
        self.versions.append(add(self.space))

    @rule(data=st.data(), to=st.sampled_from(["Staging", "Production"]))
    def promote(self, data: st.DataObject, to: str) -> None:
        one = data.draw(st.sampled_from(self.versions))
        with suppress(RefusedError):
            stages.promote(self.space, one.ref, to=to, identity=ADA, judge=passes)

    @rule(data=st.data(), approve=st.booleans())
    def sign(self, data: st.DataObject, approve: bool) -> None:
        one = data.draw(st.sampled_from(self.versions))
        with suppress(RefusedError):
            sign_off.sign(self.space, one.ref, approve=approve, identity=BOB, reason="r")

    @rule(data=st.data(), force=st.booleans())
    def archive(self, data: st.DataObject, force: bool) -> None:
        one = data.draw(st.sampled_from(self.versions))
        with suppress(RefusedError):
            stages.archive(self.space, one.ref, identity=ADA, reason="r", force=force)

    @precondition(lambda self: self.versions)
    @rule()
    def rollback(self) -> None:
        with suppress(RefusedError):
            stages.rollback(self.space, "delays", identity=BOB, reason="r")

    @invariant()
    def the_log_says_it_all(self) -> None:
        assert audit.verify(self.space.store) == []
        found = [stage(self.space, one) for one in self.versions]
        assert found.count("Production") <= 1

    def teardown(self) -> None:
        self.space.store.close()


TestHistories = Histories.TestCase
TestHistories.__doc__ = Histories.__doc__


def test_an_approval_ends_in_production(recorder: Recorder) -> None:
    """What another has replaced is approved again before it may come back."""
    first, second = add(recorder), add(recorder)
    produce(recorder, first)
    produce(recorder, second)

    with pytest.raises(RefusedError, match="is not signed off"):
        stages.promote(recorder, first.ref, to="Production", identity=ADA, judge=passes)


def test_an_approval_is_of_what_was_approved(recorder: Recorder) -> None:
    """A version that is another model by now is not signed off, and `verify` names it."""
    first = add(recorder)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)
    other = recorder.artifacts.write(b"another model")
    with recorder.store.write() as db:
        db.execute("UPDATE model_version SET digest = :digest", {"digest": other})

    with pytest.raises(RefusedError, match="is another model than the one that bob approved"):
        stages.promote(recorder, first.ref, to="Production", identity=ADA, judge=passes)
    [flaw] = audit.verify(recorder.store)
    assert flaw.says == f"digest of delays@1 is {other}, and row 1 has {first.digest}"


def test_production_moves_while_a_candidate_is_judged(recorder: Recorder) -> None:
    """What was compared with one version in Production enters no stage beside another."""
    first, second = add(recorder), add(recorder)
    stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=passes)
    sign_off.sign(recorder, first.ref, approve=True, identity=BOB)

    def meanwhile(candidate: Candidate, policy: Policy) -> list[Verdict]:
        stages.promote(recorder, first.ref, to="Production", identity=ADA, judge=passes)
        return passes(candidate, policy)

    with pytest.raises(RefusedError, match="somebody else was faster"):
        stages.promote(recorder, second.ref, to="Staging", identity=ADA, judge=meanwhile)
    assert stage(recorder, second) == "None"


def test_the_rules_change_while_a_candidate_is_judged(recorder: Recorder) -> None:
    """A version is moved by the rules in force then, or not at all."""
    first = add(recorder)

    def meanwhile(candidate: Candidate, rules: Policy) -> list[Verdict]:
        policy.save(recorder.store, first, {"required": [], "keep_versions": 3}, identity=ADA)
        return passes(candidate, rules)

    with pytest.raises(RefusedError, match="policy of delays was changed"):
        stages.promote(recorder, first.ref, to="Staging", identity=ADA, judge=meanwhile)
    assert stage(recorder, first) == "None"
