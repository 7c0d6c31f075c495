from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import SettingsError
from begat.lineage.records import ModelVersion
from begat.lineage.registry.gates import Candidate, Verdict, judge, make
from begat.lineage.registry.policy import Policy
from begat.lineage.workspace import Workspace, workspace

BODY: dict[str, Any] = {
    "metrics": {"roc_auc": 0.72, "log_loss": 0.6, "f1": None},
    "slices": {
        "carrier": {
            "AA": {"rows": 200, "roc_auc": 0.75, "log_loss": 0.5},
            "U.S": {"rows": 90, "roc_auc": 0.61, "log_loss": 0.7},
            "OO": {"rows": 3, "roc_auc": None, "log_loss": 0.9},
        }
    },
}


def candidate(
    body: dict[str, Any] = BODY, *, stage: str = "Staging", space: Workspace | None = None
) -> Candidate:
    return Candidate(
        space=space or workspace(),
        version=ModelVersion(model="delays", version=2, digest="blake3:" + "0" * 64),
        body=body,
        stage=stage,
        production=None,
    )


def verdicts(body: dict[str, Any] = BODY, **said: Any) -> list[Verdict]:
    return [*make({"gate": "metric", **said}).judge(candidate(body))]


def one(body: dict[str, Any] = BODY, **said: Any) -> Verdict:
    [verdict] = verdicts(body, **said)
    return verdict


def test_passes() -> None:
    """A value at its bound passes; the verdict has both."""
    assert one(metric="roc_auc", at_least=0.72) == Verdict(
        gate="roc_auc", passed=True, value=0.72, threshold="at least 0.72"
    )


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ({"at_least": 0.73}, False),
        ({"at_most": 0.71}, False),
        ({"at_most": 0.72}, True),
        ({"at_least": 0.7, "at_most": 0.8}, True),
        ({"at_least": 0.7, "at_most": 0.71}, False),
        ({"at_least": 0}, True),
    ],
    ids=range(6),
)
def test_bounds(said: dict[str, float], passed: bool) -> None:
    """Both bounds hold, each with what is on it."""
    assert one(metric="roc_auc", **said).passed is passed


def test_refuses() -> None:
    """A refusal says the value, the bound, and the gate's own name if it has one."""
    found = one(metric="roc_auc", at_least=0.75, at_most=0.9, name="floor")

    assert found.says() == "gate floor (roc_auc) is 0.72 (has to be at least 0.75 and at most 0.9)"


def test_missing() -> None:
    """A metric that was not evaluated refuses, and says which there are."""
    found = one(metric="brier", at_most=1)

    assert (found.passed, found.value) == (False, None)
    assert "it has roc_auc, log_loss, f1); add it to the pipeline's metrics" in found.reason


def test_nothing_registered() -> None:
    """A version without metrics is refused, not judged by none."""
    assert "it has none" in one({}, metric="roc_auc", at_least=0).reason


def test_null() -> None:
    """A metric without a value refuses, with the reason that its evaluation gives."""
    digest = workspace().artifacts.write(json.dumps({"undefined": {"f1": "one class"}}).encode())
    found = one({**BODY, "evaluation_digest": digest}, metric="f1", at_least=0)

    assert (found.passed, found.value, found.reason) == (False, None, "one class")


@pytest.mark.parametrize("lost", ["", "blake3:" + "1" * 64, "no digest"])
def test_null_without_evaluation(lost: str) -> None:
    """Where the evaluation is gone it refuses all the same."""
    found = one({**BODY, "evaluation_digest": lost}, metric="f1", at_least=0)

    assert (found.passed, found.reason) == (False, "it is undefined on these rows")


@pytest.mark.parametrize(
    ("path", "value"),
    [("slices.carrier.AA.roc_auc", 0.75), ("slices.carrier.U.S.roc_auc", 0.61)],
)
def test_one_slice(path: str, value: float) -> None:
    """A slice is named by its path, dots in its value included."""
    found = one(metric=path, at_least=0.7)
    column, carrier = "carrier", path.removeprefix("slices.carrier.").removesuffix(".roc_auc")

    assert found.gate == f"roc_auc in {column}={carrier}"
    assert (found.value, found.passed) == (value, value >= 0.7)


@pytest.mark.parametrize("path", ["slices.carrier.ZZ.roc_auc", "slices.city.AA.roc_auc", "slices."])
def test_no_such_slice(path: str) -> None:
    """A slice that was not evaluated refuses."""
    assert not one(metric=path, at_least=0).passed


def test_every_slice() -> None:
    """Each slice with rows enough has a verdict; one that refuses is named."""
    found = verdicts(metric="roc_auc", at_least=0.7, slices="carrier", min_rows=50)

    assert [(v.gate, v.passed) for v in found] == [
        ("roc_auc in carrier=AA", True),
        ("roc_auc in carrier=U.S", False),
    ]


def test_small_slice() -> None:
    """A slice without a value refuses, and is told how to be left out."""
    found = verdicts(metric="roc_auc", at_least=0, slices=True)

    assert [v.passed for v in found] == [True, True, False]
    assert found[2].reason == "it is undefined on its 3 rows; min_rows leaves small slices out"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"slices": "city"}, "sliced by carrier; add 'city' to the pipeline's slices"),
        ({"slices": "carrier", "min_rows": 1000}, "no slice has 1,000 rows"),
        ({"slices": True, "min_rows": 1000}, "no slice has 1,000 rows"),
    ],
    ids=range(3),
)
def test_no_slices(said: dict[str, Any], why: str) -> None:
    """A gate that has nothing to look at refuses: it does not pass for want of slices."""
    found = one(metric="roc_auc", at_least=0, **said)

    assert not found.passed
    assert why in found.reason


def test_no_slices_at_all() -> None:
    """A version that was not sliced refuses where every slice is asked for."""
    found = one({"metrics": {}}, metric="roc_auc", at_least=0, slices=True)

    assert "sliced by nothing; add a column to the pipeline's slices" in found.reason


@given(
    values=st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.tuples(st.floats(0, 1), st.integers(1, 99)),
        min_size=1,
        max_size=6,
    ),
    bound=st.floats(0, 1),
    least=st.integers(0, 60),
)
def test_the_weakest_slice_decides(
    values: dict[str, tuple[float, int]], bound: float, least: int
) -> None:
    """All pass if, and only if, the worst slice of those that count does."""
    sliced = {name: {"rows": rows, "m": value} for name, (value, rows) in values.items()}
    body = {"metrics": {"m": 0.0}, "slices": {"c": sliced}}
    counted = [value for value, rows in values.values() if rows >= least]
    found = verdicts(body, metric="m", at_least=bound, slices="c", min_rows=least)

    assert all(verdict.passed for verdict in found) is (bool(counted) and min(counted) >= bound)


def test_stages() -> None:
    """A gate is asked for its own stage only; Staging where it names none."""
    said = {"gate": "metric", "metric": "roc_auc", "at_least": 0.9}
    policy = Policy(required=(), gates=(said, {**said, "name": "late", "stage": "Production"}))

    assert [v.gate for v in judge(candidate(), policy)] == ["roc_auc"]
    assert [v.gate for v in judge(candidate(stage="Production"), policy)] == ["late (roc_auc)"]


def test_a_misspelt_stage_guards_nothing() -> None:
    """So it is refused, whichever stage is asked for."""
    said = {"gate": "metric", "metric": "roc_auc", "at_least": 0.9, "stage": "production"}
    for stage in ("Staging", "Production"):
        with pytest.raises(SettingsError, match="stage of gate metric is Staging or Production"):
            judge(candidate(stage=stage), Policy(gates=(said,)))
