from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.tasks.pictures.values import listed, steady, thin


def off(x: np.ndarray, y: np.ndarray, kept: np.ndarray) -> float:
    """How far a curve is from its thinned self, at the curve's own points."""
    return float(np.abs(np.interp(x, x[kept], y[kept]) - y).max())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(2, 20))
def test_both_ends_stay(values: list[float], most: int) -> None:
    """Whatever a curve is like, its ends are kept, in order, and not more than asked for."""
    y = np.array(values)
    kept = thin(np.arange(len(y), dtype=float), y, most)

    assert (kept[0], kept[-1]) == (0, len(y) - 1)
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= max(most, 1)


def test_a_thinned_curve_is_the_same_curve() -> None:
    """Of 100,000 points 400 are enough to be within a few thousandths."""
    x = np.linspace(0, 1, 100_000)
    y = np.sqrt(x) + 0.05 * np.sin(30 * x)

    assert off(x, y, thin(x, y, 400)) < 3e-3


def test_a_peak_is_not_lost() -> None:
    """One point far from all others is among the first to be kept."""
    y = np.zeros(10_000)
    y[1234] = 1.0

    assert {1233, 1234, 1235} <= set(thin(np.arange(10_000.0), y, 5).tolist())


def test_a_straight_line_is_its_ends() -> None:
    """Points that say nothing are not kept to fill a number."""
    x = np.linspace(0, 1, 1000)

    assert thin(x, 3 * x, 400).tolist() == [0, 999]


def test_a_curve_may_return_to_where_it_began() -> None:
    """Ends at one place are two ends."""
    x = np.cos(np.linspace(0, 2 * np.pi, 1000))
    kept = thin(x, np.sin(np.linspace(0, 2 * np.pi, 1000)), 50)

    assert len(kept) == 50


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_steady_numbers_forget_the_order_of_addition(scale: float) -> None:
    """What differs in the last digits is one number, and what differs before is not."""
    values = np.array([0.1 + 0.2, 0.3, 0.3000001]) * scale
    found = steady(values)

    assert found[0] == found[1] != found[2]
    assert found == pytest.approx(values, rel=1e-11)


def test_steady_keeps_what_is_no_number() -> None:
    """Zero and infinity stay."""
    assert steady(np.array([0.0, -np.inf, np.inf])).tolist() == [0.0, -np.inf, np.inf]


def test_listed_numbers_are_json() -> None:
    """Six digits, nothing for what JSON cannot say, no negative zero."""
    assert str(listed([1 / 3, np.float64(2), np.inf, np.nan, -0.0])) == (
        "[0.333333, 2.0, None, None, 0.0]"
    )
