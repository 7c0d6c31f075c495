"""What Prefect is told of a new version."""

from __future__ import annotations

from typing import Any

import pytest

from begat.flows import Pipeline, signals
from support.delays import Lake


def told(pipeline: Pipeline, **parameters: Any) -> dict[str, dict[str, Any]]:
    """The events that a run calls for, by name."""
    report = pipeline.run(adapter="plain", parameters=parameters)
    return dict(signals.signals(report, pipeline.metrics))


@pytest.fixture
def small(lake: Lake) -> Lake:
    """Two months of it."""
    lake.months(["2013-10", "2013-11"])
    return lake


def test_the_first_version(small: Lake) -> None:
    """It is registered, and worse than none."""
    found = told(small.pipeline())

    assert [*found] == [signals.REGISTERED]
    assert found[signals.REGISTERED]["before"] is None


def test_the_first_metric_named_decides(small: Lake) -> None:
    """A version is worse by the first metric that the pipeline names, whatever its name."""
    names = ["log_loss", "accuracy"]
    told(small.pipeline(metrics=names), seed=1)
    report = small.pipeline(metrics=names).run(adapter="plain")
    for first, worse in (("log_loss", 1.0), ("accuracy", -1.0)):
        before = {"log_loss": 0.5, "accuracy": 0.5}
        now = {**before, first: 0.5 + worse}
        assert [signals.worse(name, before, now) for name in names] == [
            name == first for name in names
        ]
    [(name, payload), *_] = signals.signals(report, names)
    assert (name, payload["same_rows"]) == (signals.REGISTERED, True)


def test_other_rows_are_not_compared(small: Lake) -> None:
    """Where the holdout moved, metrics do not tell which model is better."""
    told(small.pipeline())
    small.months(["2013-12"])
    found = told(small.pipeline())

    assert [*found] == [signals.REGISTERED]
    assert found[signals.REGISTERED]["same_rows"] is False
