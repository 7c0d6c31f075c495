"""Metrics beside metrics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.reproduction.compare import Compared, compared, difference, judged, sliced

measures = st.floats(min_value=1e-6, max_value=1e6)
anything = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(anything, anything)
def test_difference_is_zero_only_for_the_same(recorded: float | None, made: float | None) -> None:
    """Nothing but the same value, or no value twice, differs by nothing."""
    assert (difference(recorded, made) == 0) is (recorded == made)


@given(measures, st.floats(min_value=0, max_value=10), st.sampled_from([1.0, -1.0]))
def test_difference_is_a_share(recorded: float, share: float, sign: float) -> None:
    """A difference is a share of what was recorded, whichever sign either has."""
    found = difference(sign * recorded, sign * recorded * (1 + share))

    assert found == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize(("recorded", "made"), [(0.0, 0.1), (None, 0.5), (0.5, None)])
def test_difference_without_a_share(recorded: float | None, made: float | None) -> None:
    """What was recorded as zero, or has a value on one side only, is no share off."""
    one = Compared(name="auc", recorded=recorded, made=made)

    assert one.difference == math.inf
    assert one.judgement == "not reproduced"
    assert one.to_json()["difference"] is None


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (0.8, "identical"),
        (0.804, "within tolerance"),
        (0.796, "within tolerance"),
        (0.8041, "not reproduced"),
    ],
)
def test_half_a_percent(made: float, expected: str) -> None:
    """Half a percent of the recorded metric is within tolerance, both ways; more is not."""
    assert Compared(name="auc", recorded=0.8, made=made, tolerance=0.005 + 1e-12).judgement == (
        expected
    )


def test_every_recorded_metric_is_compared() -> None:
    """A metric that is not made again is not reproduced; one that is new is not asked about."""
    found = {
        one.name: one.judgement for one in compared({"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 3.0}, 0.1)
    }

    assert found == {"a": "identical", "b": "not reproduced"}


def test_slices_are_compared_one_by_one() -> None:
    """Every metric of every slice is compared under the slice's name."""
    recorded = {"carrier": {"AA": {"auc": 0.8, "rows": 10}, "UA": {"auc": 0.6, "rows": 5}}}
    made = {"carrier": {"AA": {"auc": 0.8, "rows": 10}}}

    found = {one.name: one.judgement for one in sliced(recorded, made, 0.005)}

    assert found["carrier=AA: auc"] == "identical"
    assert found["carrier=UA: auc"] == "not reproduced"


def test_same_bytes_need_no_metric() -> None:
    """The recorded bytes are identical; other bytes with no metric to judge by are not."""
    near = [Compared(name="auc", recorded=0.8, made=0.801)]

    assert judged([], same_bytes=True) == "identical"
    assert judged([], same_bytes=False) == "not reproduced"
    assert judged(near, same_bytes=False) == "within tolerance"
    assert judged([*near, Compared(name="f1", recorded=1, made=0)], same_bytes=False) == (
        "not reproduced"
    )
