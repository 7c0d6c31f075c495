"""The gate that measures how a model predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from begat.lineage.errors import DataError, SettingsError
from begat.lineage.registry import measure
from begat.lineage.registry.gates import Candidate, latency, make
from begat.lineage.registry.measure import Measured

Says = Callable[..., None]
#: What a measurement may come to.
FOUND = Measured(p50_ms=2.0, p99_ms=4.56789, calls=1000, peak_mb=200.0, loaded_mb=80.0)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements come to the same, however busy the machine is."""
    monkeypatch.setattr(latency, "measure", lambda *_, **__: FOUND)


def test_a_model_is_measured_when_it_is_judged(candidate: Candidate) -> None:
    """Median, 99th percentile and memory are in the verdicts, with what was measured."""
    verdicts = make({"gate": "latency", "p99_ms": 1e-6, "memory_mb": 1e6}).judge(candidate)

    assert [one.gate for one in verdicts] == [
        "latency p50 in ms",
        "latency p99 in ms",
        "latency memory in MiB",
    ]
    assert [one.passed for one in verdicts] == [True, False, True]
    assert all(isinstance(one.value, float) and one.value > 0 for one in verdicts)
    assert verdicts[1].threshold == "at most 1e-06"
    assert "predictions of one row" in verdicts[1].reason
    assert verdicts[1].reason.endswith("; take a smaller model, or state another budget")


@pytest.mark.usefixtures("found")
def test_the_serving_requirements_are_the_limits(candidate: Candidate, says: Says) -> None:
    """What the gate leaves out is what the pipeline states; what nobody states passes."""
    says(serving={"latency_p50_ms": 2, "latency_p99_ms": 4.5, "memory_mb": 100})
    stated = make({"gate": "latency", "memory_mb": 512}).judge(candidate)
    says()
    free = make({"gate": "latency", "name": "fast"}).judge(candidate)

    assert [(one.passed, one.value, one.threshold) for one in stated] == [
        (True, 2.0, "at most 2"),
        (False, 4.568, "at most 4.5"),
        (True, 200.0, "at most 512"),
    ]
    assert [(one.passed, one.threshold) for one in free] == [(True, None)] * 3
    assert free[0].gate == "fast p50 in ms"


def test_few_calls_are_told(candidate: Candidate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model is too slow for a 99th percentile, the slowest call stands for it."""
    slow = replace(FOUND, calls=measure.ENOUGH - 1)
    monkeypatch.setattr(latency, "measure", lambda *_, **__: slow)
    verdicts = make({"gate": "latency"}).judge(candidate)

    assert verdicts[1].reason == (
        "of 99 predictions of one row, too few: the 99th percentile is the slowest"
    )


def test_a_model_that_cannot_be_tried_is_told(candidate: Candidate) -> None:
    """Without example rows there is nothing to measure."""
    with pytest.raises(DataError, match="cannot be measured"):
        make({"gate": "latency"}).judge(replace(candidate, body={}))


@pytest.mark.parametrize("key", ["p50_ms", "p99_ms", "memory_mb"])
def test_limits_are_above_zero(key: str) -> None:
    """A limit that nothing keeps is refused."""
    with pytest.raises(SettingsError, match=f"{key} of gate latency is a number above 0; got 0"):
        make({"gate": "latency", key: 0})
