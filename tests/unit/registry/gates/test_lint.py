from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.lint import of_version
from begat.lineage.records import ModelVersion
from begat.lineage.registry.gates import Candidate, Verdict, make
from begat.lineage.registry.versions import register
from begat.lineage.workspace import workspace
from support.history import History, digest, train
from support.registered import add


@pytest.fixture
def late(home: Any) -> ModelVersion:
    """A version whose lineage is recorded."""
    home.mkdir()
    history = History()
    runs = train(history, ["01", "02", "03"])
    store = workspace().store
    store.record(history.events, history.chunks)
    return register(
        store,
        model="late",
        recipe=digest("r"),
        run_id=runs["register"].run_id,
        training_run_id=runs["train"].run_id,
        digest=runs["train"].outputs[0].digest,
        body={
            "metrics": {"auc": 0.7},
            "signature": {"features": [{"name": "x", "dtype": "int64"}]},
        },
    )


def verdicts(of: ModelVersion, **said: Any) -> list[Verdict]:
    candidate = Candidate(space=workspace(), version=of, body={}, stage="Staging", production=None)
    return [*make({"gate": "lint", **said}).judge(candidate)]


def test_every_finding_refuses(late: ModelVersion) -> None:
    """Each error refuses by its code, with what it is, where, and what helps."""
    errors = [one for one in of_version(workspace(), late) if one.level == "error"]
    found = verdicts(late)

    assert errors
    assert [one.gate for one in found] == [f"lint {one.code}" for one in errors]
    assert not any(one.passed for one in found)
    assert found[0].reason == f"{errors[0].what} ({errors[0].where}); {errors[0].remedy}"


def test_ignored(late: ModelVersion) -> None:
    """Findings whose codes are left out do not refuse; that they are there is said."""
    findings = of_version(workspace(), late)
    codes = sorted({one.code for one in findings})

    assert verdicts(late, ignore=codes, name="clean") == [
        Verdict(
            gate="clean",
            passed=True,
            reason=f"`begat lint` finds {len(findings)} that do not count",
        )
    ]


def test_strict(late: ModelVersion) -> None:
    """Warnings refuse only where that is asked for."""
    findings = of_version(workspace(), late)
    told = {False: ["error"], True: ["error", "warning"]}

    assert {one.level for one in findings} >= {"error", "warning"}
    for strict, levels in told.items():
        found = verdicts(late, strict=strict)
        assert len(found) == len([one for one in findings if one.level in levels])


def test_a_stranger(home: Any) -> None:
    """A version of which nothing is recorded is refused for that."""
    home.mkdir()
    [found] = verdicts(add(workspace()))

    assert (found.gate, found.passed) == ("lint unrecorded-run", False)


@pytest.mark.parametrize(
    "said", [{"ignore": ["no-such-code"]}, {"ignore": "latest"}, {"strict": 1}]
)
def test_nonsense(said: dict[str, Any]) -> None:
    """A code that there is not is refused, so that no misspelt one is thought to be ignored."""
    with pytest.raises(SettingsError, match="of gate lint is"):
        make({"gate": "lint", **said})
