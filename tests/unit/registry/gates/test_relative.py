from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from begat.lineage.records import ModelVersion
from begat.lineage.registry.gates import Candidate, Verdict
from begat.lineage.registry.gates.relative import gate
from begat.lineage.workspace import workspace

SHARES = st.integers(0, 1000).map(lambda n: n / 1000)


def body(value: float | None, **slices: float | None) -> dict[str, Any]:
    """An evaluation with one metric under two names, of which less and more is better."""
    sliced = {name: {"rows": 10, "roc_auc": one} for name, one in slices.items()}
    return {"metrics": {"roc_auc": value, "log_loss": value}, "slices": {"city": sliced}}


def compared(own: dict[str, Any], production: dict[str, Any], **said: Any) -> list[Verdict]:
    made = gate({"gate": "relative", "metric": "roc_auc", "worse_by": 0.01, **said})
    return made.compared(own, production, "trips@1 in Production")


def test_passes() -> None:
    """As much worse as is allowed passes, in numbers as people write them."""
    assert compared(body(0.71), body(0.72)) == [
        Verdict(
            gate="roc_auc beside Production",
            passed=True,
            value=0.71,
            threshold="at least 0.71",
            reason="trips@1 in Production has 0.72",
        )
    ]


def test_refuses() -> None:
    """A refusal says what it is, what it had to be, and what Production has."""
    [found] = compared(body(0.7), body(0.72), name="no worse")

    assert found.says() == (
        "gate no worse (roc_auc beside Production) is 0.7 (has to be at least 0.71), "
        "trips@1 in Production has 0.72"
    )


@pytest.mark.parametrize(
    ("said", "own", "passed"),
    [
        ({"metric": "log_loss"}, 0.73, True),
        ({"metric": "log_loss"}, 0.74, False),
        ({"metric": "log_loss"}, 0.1, True),
        ({"better": "less"}, 0.74, False),
        ({"metric": "log_loss", "better": "more"}, 0.74, True),
    ],
    ids=range(5),
)
def test_direction(said: dict[str, str], own: float, passed: bool) -> None:
    """Which way is better is told by the metric's name, or by `better`."""
    assert [one.passed for one in compared(body(own), body(0.72), **said)] == [passed]


@pytest.mark.parametrize(("own", "passed"), [(0.45, True), (0.449, False), (0.6, True)])
def test_percent(own: float, passed: bool) -> None:
    """A share of what Production has may be allowed instead."""
    made = gate({"gate": "relative", "metric": "roc_auc", "worse_by_percent": 10})

    assert [one.passed for one in made.compared(body(own), body(0.5), "")] == [passed]


def test_slices() -> None:
    """All rows and every slice have a verdict each."""
    found = compared(body(0.8, Oslo=0.6, Bergen=0.9), body(0.7, Oslo=0.7, Bergen=0.8), slices=True)

    assert [(one.gate, one.passed) for one in found] == [
        ("roc_auc beside Production", True),
        ("roc_auc in city=Oslo beside Production", False),
        ("roc_auc in city=Bergen beside Production", True),
    ]


def test_no_slices() -> None:
    """A column that is not there refuses, beside a verdict about all rows."""
    found = compared(body(0.8), body(0.7), slices="carrier")

    assert [one.passed for one in found] == [True, False]
    assert "add 'carrier' to the pipeline's slices" in found[1].reason


@pytest.mark.parametrize(
    ("own", "theirs", "passed"), [(None, None, True), (None, 0.5, False), (0.5, None, True)]
)
def test_undefined_slice(own: float | None, theirs: float | None, passed: bool) -> None:
    """Where these rows have no such metric for either, none is worse; for the candidate, it is."""
    found = compared(body(0.8, Oslo=own), body(0.7, Oslo=theirs), slices="city")

    assert found[1].passed is passed


def test_undefined() -> None:
    """A candidate without the metric is refused, whatever Production has."""
    assert [one.passed for one in compared(body(None), body(None))] == [False]
    assert [one.passed for one in compared(body(None), body(0.7))] == [False]
    assert [one.passed for one in compared(body(0.7), body(None))] == [True]


def test_missing() -> None:
    """A metric that was not evaluated is refused, and named."""
    [found] = compared(body(0.7), body(0.7), metric="f2")

    assert not found.passed
    assert "has no such metric (it has roc_auc, log_loss)" in found.reason


@pytest.mark.parametrize(
    ("production", "reason"),
    [
        (None, "no version is in Production to be compared with"),
        (2, "it is the version in Production"),
    ],
)
def test_nothing_beside(production: int | None, reason: str) -> None:
    """The first version that is to go to Production passes, and that is said."""
    of = ModelVersion(model="trips", version=2, digest="blake3:" + "0" * 64)
    candidate = Candidate(
        space=workspace(),
        version=of,
        body=body(0.1),
        stage="Staging",
        production=of if production else None,
    )
    made = gate({"gate": "relative", "metric": "roc_auc", "worse_by": 0})

    assert [(one.passed, one.reason) for one in made.judge(candidate)] == [(True, reason)]


@given(own=SHARES, theirs=SHARES, allowed=SHARES, metric=st.sampled_from(["roc_auc", "log_loss"]))
def test_better_never_refuses(own: float, theirs: float, allowed: float, metric: str) -> None:
    """What is better passes, what is not worse passes, and what passes by less passes by more."""
    [strict] = compared(body(own), body(theirs), metric=metric, worse_by=0)
    [lenient] = compared(body(own), body(theirs), metric=metric, worse_by=allowed)
    better = own <= theirs if metric == "log_loss" else own >= theirs

    assert strict.passed is better
    assert lenient.passed or not strict.passed


@given(own=SHARES, theirs=SHARES)
def test_one_of_two_is_no_worse(own: float, theirs: float) -> None:
    """Of two different numbers one beside the other passes, and the other does not."""
    assume(own != theirs)
    [forth] = compared(body(own), body(theirs), worse_by=0)
    [back] = compared(body(theirs), body(own), worse_by=0)

    assert forth.passed is not back.passed
