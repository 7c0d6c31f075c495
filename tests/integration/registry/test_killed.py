"""A process that is killed before any statement of an act: it is done, or nothing is."""

from __future__ import annotations

from itertools import count

import pytest

from begat.lineage.errors import GateError
from begat.lineage.graph.resolve import resolve
from begat.lineage.registry import aliases, policy, register, sign_off, stages
from begat.lineage.registry.gates import Candidate, Verdict
from begat.lineage.registry.policy import Policy
from begat.lineage.workspace import Workspace
from support.acting import Act, Registry, approve, produce, rollback, to
from support.registered import ADA, BOB, add

RECIPE = "blake3:" + "7" * 64


def die_everywhere(registry: Registry, act: Act) -> None:
    """Do it again and again, killed one statement later each time, until it is done."""
    before = registry.rows()
    for statement in count(1):
        assert registry.killed(act, statement), "it ended, and nothing was done"
        after = registry.rows()
        if after != before:
            break
    # Begin, what it changes, commit.
    assert statement > 5
    rows = len(after["audit"]) - len(before["audit"])
    assert after["audit"][: len(before["audit"])] == before["audit"]
    assert after["told"] - before["told"] == rows


def test_register(registry: Registry) -> None:
    """A version has its number, or none is taken; registering it again is the same one."""

    def act(space: Workspace) -> object:
        return register(
            space.store,
            model="delays",
            recipe=RECIPE,
            run_id="",
            training_run_id="",
            digest=RECIPE,
            body={},
        )

    with registry.space() as space:
        add(space)
    die_everywhere(registry, act)
    with registry.space() as space:
        assert getattr(act(space), "ref", "") == "delays@2"
        assert add(space).ref == "delays@3"


def test_promote_to_staging(registry: Registry) -> None:
    """A version is in Staging with its row and its event, or it is not."""
    with registry.space() as space:
        first = add(space)
    die_everywhere(registry, to("Staging", first))

    assert registry.stages() == ["Staging"]


def test_promote_to_production(registry: Registry) -> None:
    """The old version leaves as the new one comes: there is never none, and never two."""
    with registry.space() as space:
        first, second = add(space), add(space)
        produce(space, first)
        for act in (to("Staging", second), approve(second)):
            act(space)
    die_everywhere(registry, to("Production", second))

    assert registry.stages() == ["Staging", "Production"]


@pytest.mark.parametrize("approved", [True, False])
def test_sign_off(registry: Registry, approved: bool) -> None:
    """A version is signed off or rejected, or nobody has said anything."""
    with registry.space() as space:
        first = add(space)
        to("Staging", first)(space)
    die_everywhere(
        registry,
        lambda space: sign_off.sign(
            space, first.ref, approve=approved, identity=BOB, reason="on AA"
        ),
    )

    assert registry.rows()["audit"][-1].action == ("approve" if approved else "reject")


def test_a_refusal(registry: Registry) -> None:
    """What a gate refuses is in the log once, and nothing moves."""
    with registry.space() as space:
        first = add(space)

    def refuses(candidate: Candidate, policy: Policy) -> list[Verdict]:
        return [Verdict(gate="roc_auc", passed=False, value=0.1, threshold="at least 0.7")]

    def act(space: Workspace) -> object:
        with pytest.raises(GateError):
            stages.promote(space, first.ref, to="Staging", identity=ADA, judge=refuses)
        return None

    die_everywhere(registry, act)

    assert registry.stages() == ["None"]
    assert [row.action for row in registry.rows()["audit"]] == ["refuse"]


def test_rollback(registry: Registry) -> None:
    """The earlier version is back and the bad one archived, or all is as it was."""
    with registry.space() as space:
        for _ in range(2):
            produce(space, add(space))
    die_everywhere(registry, rollback)

    assert registry.stages() == ["Production", "Archived"]


def test_archive(registry: Registry) -> None:
    """A version is archived with its row, or it is where it was."""
    with registry.space() as space:
        first = add(space)
        to("Staging", first)(space)
    die_everywhere(registry, lambda space: stages.archive(space, first.ref, identity=ADA))

    assert registry.stages() == ["Archived"]


def test_settle(registry: Registry) -> None:
    """All that a version has replaced is archived when it is stable, or nothing is."""
    with registry.space() as space:
        versions = [add(space) for _ in range(3)]
        for version in versions:
            produce(space, version)
        policy.save(space.store, versions[0], {"stable_hours": 0}, identity=ADA)
    die_everywhere(registry, stages.settle)

    assert registry.stages() == ["Archived", "Archived", "Production"]


def test_alias(registry: Registry) -> None:
    """A name moves from one version to another with its row, or it stays."""
    with registry.space() as space:
        first, second = add(space), add(space)
        aliases.put(space, first.ref, "champion", identity=ADA)
    die_everywhere(registry, lambda space: aliases.put(space, second.ref, "champion", identity=ADA))
    with registry.space() as space:
        assert resolve(space.store, "delays@champion") == second
    die_everywhere(
        registry, lambda space: aliases.remove(space, "delays", "champion", identity=ADA)
    )

    assert registry.rows()["alias"] == []
