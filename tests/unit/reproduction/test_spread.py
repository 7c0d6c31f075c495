"""What other seeds make of a metric."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.reproduction.spread import Spread, spreads

measures = st.floats(min_value=0.01, max_value=100)
several = st.lists(measures, min_size=2, max_size=8)


def spread(recorded: float | None, *values: float | None) -> Spread:
    return Spread(name="auc", recorded=recorded, values=values)


@pytest.mark.parametrize(
    ("recorded", "values", "stable"),
    [
        (0.859, [0.851], True),
        (0.88, [0.80], False),
        (0.859, [0.851, 0.857, 0.862], True),
        (0.859, [0.851, 0.851, 0.851], True),
        (0.88, [0.850, 0.851, 0.852], False),
        (0.88, [0.850, 0.851], True),
    ],
)
def test_rule(recorded: float, values: list[float], stable: bool) -> None:
    """0.859 and 0.851 are the same ballpark; 0.88 and 0.80 are not, nor is a lucky 0.88."""
    assert (spread(recorded, *values).why == "") is stable


@given(measures, several)
def test_told(recorded: float, values: list[float]) -> None:
    """Lowest, highest, mean and deviation are those of the other seeds."""
    told = spread(recorded, *values).to_json()

    assert (told["min"], told["max"]) == (min(values), max(values))
    assert told["mean"] == pytest.approx(statistics.fmean(values))
    assert told["sd"] == pytest.approx(statistics.stdev(values))


@given(measures, several)
def test_order_of_seeds(recorded: float, values: list[float]) -> None:
    """The order of the seeds decides nothing."""
    assert spread(recorded, *values).why == spread(recorded, *sorted(values)).why


@given(measures, several, st.integers(-3, 3))
def test_unit(recorded: float, values: list[float], power: int) -> None:
    """The unit of a metric decides nothing: twice all of it is as stable."""
    unit = 2.0**power
    scaled = spread(recorded * unit, *(value * unit for value in values))

    assert (scaled.why == "") is (spread(recorded, *values).why == "")


@given(measures, st.integers(1, 8))
def test_same_everywhere(value: float, number: int) -> None:
    """What no seed changes is stable."""
    assert spread(value, *[value] * number).why == ""


@given(measures, several)
def test_bound(recorded: float, values: list[float]) -> None:
    """More than the bound between lowest and highest is unstable, whatever else holds."""
    everything = [recorded, *values]
    if max(everything) - min(everything) > 0.0501 * recorded:
        assert "moves by" in spread(recorded, *values).why


@pytest.mark.parametrize(
    ("recorded", "values"), [(0.8, (0.8, None)), (None, (0.8, 0.8)), (0.8, (None, None))]
)
def test_no_value(recorded: float | None, values: tuple[float | None, ...]) -> None:
    """A metric that has a value with some seeds only is unstable."""
    assert spread(recorded, *values).why


def test_never_a_value() -> None:
    """A metric that never has a value says nothing about stability."""
    (found,) = spreads({"auc": None}, [{"auc": None}, {}])

    assert found.why == ""
    assert found.to_json()["mean"] is None
