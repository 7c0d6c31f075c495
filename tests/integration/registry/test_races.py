"""Acts of several processes at one moment: one comes first, the others are told."""

from __future__ import annotations

from collections import Counter

import pytest

from begat.lineage.errors import RefusedError
from begat.lineage.graph.resolve import resolve
from begat.lineage.records import ModelVersion
from begat.lineage.registry import aliases, audit, policy, sign_off, stages
from begat.lineage.registry.gates import Candidate, Verdict
from begat.lineage.registry.policy import Policy
from begat.lineage.workspace import Workspace
from support.acting import Act, Registry, approve, passes, produce, rollback, to
from support.registered import ADA, BOB, add

PROCESSES = 8


def staged(space: Workspace, count: int) -> list[ModelVersion]:
    """New versions in Staging, signed off."""
    versions = [add(space) for _ in range(count)]
    for version in versions:
        to("Staging", version)(space)
        approve(version)(space)
    return versions


def one_wins(registry: Registry, acts: list[Act]) -> None:
    """All look, then all act: one of them is done, as one row of the log."""
    before = registry.rows()
    found = registry.at_once(acts, looked=True)
    after = registry.rows()
    refused = [said for said in found if said.startswith("RefusedError: somebody else was faster")]

    assert (found.count("done"), len(refused)) == (1, len(acts) - 1), found
    assert after["audit"][:-1] == before["audit"]
    assert after["told"] == before["told"] + 1


@pytest.mark.parametrize("replaced", [False, True])
def test_two_versions_to_production(registry: Registry, replaced: bool) -> None:
    """One of two versions enters Production, whether one is there or not."""
    with registry.space() as space:
        if replaced:
            produce(space, add(space))
        first, second = staged(space, 2)
    one_wins(registry, [to("Production", one) for one in (first, second) * (PROCESSES // 2)])

    last = ["Production", "Staging"]
    assert sorted(registry.stages()) == (["Production", "Staging", "Staging"] if replaced else last)


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_one_version_by_all(registry: Registry, stage: str) -> None:
    """A version is promoted once, whoever else wanted the same."""
    with registry.space() as space:
        first = add(space)
        if stage == "Production":
            for act in (to("Staging", first), approve(first)):
                act(space)
    one_wins(registry, [to(stage, first)] * PROCESSES)

    assert registry.stages() == [stage]


def test_promote_and_rollback(registry: Registry) -> None:
    """A promotion or a rollback, but not both: each saw another version in Production."""
    with registry.space() as space:
        for _ in range(2):
            produce(space, add(space))
        [third] = staged(space, 1)
    one_wins(registry, [rollback, to("Production", third)] * (PROCESSES // 2))

    assert registry.stages() in (
        ["Production", "Archived", "Staging"],
        ["Staging", "Staging", "Production"],
    )


def test_rolled_back_once(registry: Registry) -> None:
    """Several who want the bad version away take it back once, and nothing beyond it."""
    with registry.space() as space:
        for _ in range(3):
            produce(space, add(space))
    one_wins(registry, [rollback] * PROCESSES)

    assert registry.stages() == ["Staging", "Production", "Archived"]


def test_settled_once(registry: Registry) -> None:
    """What is due is archived once, however many see it."""
    with registry.space() as space:
        versions = [add(space) for _ in range(2)]
        for version in versions:
            produce(space, version)
        policy.save(space.store, versions[0], {"stable_hours": 0}, identity=ADA)
    found = registry.at_once([_settle] * PROCESSES, looked=False)

    assert Counter(found) == {"done": 1, "nothing": PROCESSES - 1}
    assert registry.stages() == ["Archived", "Production"]
    assert registry.rows()["audit"][-1].action == "archive"


def _settle(space: Workspace) -> object:
    return stages.settle(space) or None


def test_aliases(registry: Registry) -> None:
    """A name goes from hand to hand: each row says from whom, and the last one has it."""
    with registry.space() as space:
        versions = [add(space) for _ in range(PROCESSES)]

    def mover(number: int) -> Act:
        def act(space: Workspace) -> object:
            for step in range(4):
                of = versions[(number + step) % PROCESSES]
                aliases.put(space, of.ref, "champion", identity=ADA)
            return None

        return act

    registry.at_once([mover(number) for number in range(PROCESSES)], looked=False)
    rows = registry.rows()["audit"]

    assert [row.body["was"] for row in rows] == [None, *(row.version for row in rows[:-1])]
    with registry.space() as space:
        assert resolve(space.store, "delays@champion").ref == f"delays@{rows[-1].version}"  # type: ignore[union-attr]  # it is a version


def test_appended_by_all(registry: Registry) -> None:
    """The log of eight processes has no gap, and each row is sealed by the one before."""

    def act(space: Workspace) -> object:
        for number in range(8):
            with space.store.write() as db:
                audit.append(
                    space.store,
                    db,
                    action="report",
                    model="delays",
                    version=number + 1,
                    identity=ADA,
                )
        return None

    assert registry.at_once([act] * PROCESSES, looked=False) == ["nothing"] * PROCESSES
    rows = registry.rows()["audit"]  # which are verified

    assert [row.seq for row in rows] == [*range(1, 8 * PROCESSES + 1)]
    assert Counter(row.version for row in rows) == dict.fromkeys(range(1, 9), PROCESSES)


def test_rejected_while_it_is_judged(registry: Registry) -> None:
    """A rejection that comes before a version is in Production keeps it out."""
    with registry.space() as space:
        [first] = staged(space, 1)

        def slow(candidate: Candidate, rules: Policy) -> list[Verdict]:
            sign_off.sign(space, first.ref, approve=False, identity=BOB, reason="leaks")
            return passes(candidate, rules)

        before = len(audit.entries(space.store))
        with pytest.raises(RefusedError, match=r"was rejected by bob .leaks"):
            stages.promote(space, first.ref, to="Production", identity=ADA, judge=slow)

        assert len(audit.entries(space.store)) == before + 1
    assert registry.stages() == ["Staging"]


def test_approvals_beside_an_archiving(registry: Registry) -> None:
    """Nobody signs off what has left Staging meanwhile: no approval is behind the archiving."""
    with registry.space() as space:
        [first] = staged(space, 1)
    acts: list[Act] = [approve(first)] * (PROCESSES - 1)
    found = registry.at_once(
        [*acts, lambda space: stages.archive(space, first.ref, identity=ADA)], looked=False
    )
    rows = registry.rows()["audit"]

    assert registry.stages() == ["Archived"]
    assert rows[-1].action == "archive"
    assert all(said == "done" or said.startswith("RefusedError") for said in found), found
