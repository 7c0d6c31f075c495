"""How far columns moved, and by what rule."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.diff import moves

counts = st.lists(st.integers(0, 50), min_size=2, max_size=8)
columns = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=80),
    st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ü", ""])), min_size=1, max_size=80),
)


@given(counts, counts)
def test_distance_is_symmetric_and_bounded(first: list[int], second: list[int]) -> None:
    """The distance is between 0 and 1, and the same both ways."""
    size = min(len(first), len(second))
    a, b = np.array(first[:size]), np.array(second[:size])

    assert 0 <= moves.distance(a, b) <= 1
    assert moves.distance(a, b) == moves.distance(b, a)


@given(counts, st.integers(1, 5))
def test_distance_of_equal_shares(count: list[int], times: int) -> None:
    """Equal shares are no distance apart, however many rows they are of."""
    assert moves.distance(np.array(count), np.array(count) * times) == pytest.approx(0, abs=1e-7)


def test_distance_of_nothing_in_common() -> None:
    """Distributions with nothing in common are 1 apart."""
    assert moves.distance(np.array([5, 0]), np.array([0, 9])) == 1.0


def test_distance_by_hand() -> None:
    """Half of a fair coin's tosses turned to one side: the divergence that a pen finds."""
    p, q = 0.5, 0.75
    middle = (p + q) / 2

    def entropy(share: float) -> float:
        return -share * math.log2(share) - (1 - share) * math.log2(1 - share)

    expected = math.sqrt(entropy(middle) - (entropy(p) + entropy(q)) / 2)
    assert moves.distance(np.array([50, 50]), np.array([75, 25])) == pytest.approx(expected)


@given(columns, columns)
def test_move_is_mirrored(first: list[object], second: list[object]) -> None:
    """A move back is as far as the move was; only the sign of its deviations is another."""
    old, new = pd.Series(first), pd.Series(second)
    forth, back = moves.move(old, new), moves.move(new, old)

    assert forth["moved"] == back["moved"]
    assert forth["by_chance"] == back["by_chance"]
    assert forth["sd"] == (None if back["sd"] is None else -back["sd"])
    assert (forth["old"], forth["new"]) == (back["new"], back["old"])


@given(columns)
def test_order_is_no_move(values: list[object]) -> None:
    """The same values in another order did not move."""
    assert moves.move(pd.Series(values), pd.Series(values[::-1], dtype=None))["moved"] == 0


def test_deviations() -> None:
    """Means one standard deviation apart are 1 sd apart."""
    random = np.random.default_rng(0)
    old = pd.Series(random.normal(10, 2, 20_000))

    assert moves.move(old, old + 2)["sd"] == pytest.approx(1, abs=0.02)


def test_two_constants() -> None:
    """Two constants are no number of deviations apart, and have nothing in common."""
    found = moves.move(pd.Series([7] * 9), pd.Series([8] * 9))

    assert (found["sd"], found["moved"]) == (None, 1.0)


def test_missing_values_count() -> None:
    """Values that went missing are a move."""
    old = pd.Series(["x"] * 100)
    found = moves.move(old, old.where(old.index >= 30))

    assert found["moved"] > 0.3
    assert (found["old"]["nulls"], found["new"]["nulls"]) == (0, 30)


def test_times() -> None:
    """Times are compared as numbers, and told as times."""
    old = pd.Series(pd.date_range("2024-01-01", periods=50, freq="h"))
    found = moves.move(old, old + pd.Timedelta("1h"))

    assert (found["old"]["mean"], found["new"]["mean"]) == (
        "2024-01-02T00:30:00",
        "2024-01-02T01:30:00",
    )
    assert found["sd"] > 0


def test_chance() -> None:
    """Samples of one distribution are about as far apart as chance would have it."""
    random = np.random.default_rng(3)
    found = [
        moves.move(pd.Series(random.normal(size=2000)), pd.Series(random.normal(size=2000)))
        for _ in range(30)
    ]
    squares = [one["moved"] ** 2 / one["by_chance"] ** 2 for one in found]

    assert 0.8 < np.mean(squares) < 1.2


@pytest.mark.parametrize(
    ("convert", "name"),
    [
        (lambda x: x * 1.609344, "miles to kilometres"),
        (lambda x: x / 1.609344, "the reverse of miles to kilometres"),
        (lambda x: (x - 32) / 1.8, "Fahrenheit to Celsius"),
        (lambda x: x * 1.8 + 32, "the reverse of Fahrenheit to Celsius"),
        (lambda x: x * 1000, "a thousand times as much"),
        (lambda x: -x, "the other sign"),
        (lambda x: x + 273.15, "Celsius to Kelvin"),
        (lambda x: x * 1.23, None),
    ],
)
def test_units(convert: object, name: str | None) -> None:
    """A change of units is found from the values, also when they were rounded again."""
    old = pd.Series(np.random.default_rng(1).normal(60, 15, 500).round(2))
    found = moves.rule(old, convert(old).round(2))  # type: ignore[operator]  # it is a function

    assert found is not None
    assert found["as"] == name


def test_no_rule_in_noise() -> None:
    """Values that lie on no line have no rule."""
    random = np.random.default_rng(2)
    old = pd.Series(random.normal(size=200))

    assert moves.rule(old, old * 2 + random.normal(size=200) / 10) is None
    assert moves.rule(old[:5], old[:5] * 2) is None
    assert moves.rule(pd.Series(["a"] * 50), pd.Series(["b"] * 50)) is None


def test_huge() -> None:
    """Numbers whose sum is none any more are compared all the same."""
    old = pd.Series(np.linspace(-1, 1, 200) * 1.7e308)
    found = moves.move(old, old.abs())

    assert found["new"]["mean"] == pytest.approx(8.5e307, rel=0.02)
    assert found["sd"] > 1
    assert all(math.isfinite(found[side]["sd"]) for side in ("old", "new"))
    assert moves.rule(old, old / 2) is None


def test_rule_of_large_numbers() -> None:
    """Ids that only counted on lie on a line, which is found without a warning."""
    old = pd.Series(2**60 + np.arange(1000) * 1000)

    assert moves.rule(old, old + 500_000)["factor"] == 1  # type: ignore[index]  # there is one


def test_yes_and_no() -> None:
    """Yes and no written as 1 and 0 are no other values."""
    old = pd.Series([True, False, True] * 10)

    assert moves.move(old, old.astype("int8"))["moved"] == 0
    assert moves.move(old, (~old).astype("int8"))["moved"] > 0


def test_decimals() -> None:
    """Decimals are numbers: they have means, and rules by which they changed."""
    old = pd.Series([Decimal(number) / 4 for number in range(50)])
    found = moves.move(old, old * 1000)

    assert found["new"]["mean"] == 1000 * found["old"]["mean"]
    assert moves.rule(old, old * 1000)["as"] == "a thousand times as much"  # type: ignore[index]  # there is one


@pytest.mark.parametrize("seed", range(4))
def test_most_frequent(seed: int) -> None:
    """Of many names the most frequent ones are taken; of equally frequent ones the first."""
    drawn = np.random.default_rng(seed).integers(0, 900, 1000 * (seed + 1))
    counted = pd.Series([f"{number:03}" for number in drawn], dtype=object).value_counts()
    ranked = sorted(counted.index, key=lambda name: (-counted[name], name))

    assert sorted(moves._most_frequent(counted)) == sorted(ranked[: moves.CATEGORIES])


def test_beyond() -> None:
    """What was to be expected is taken off, and no less than nothing is left."""
    assert moves.beyond(0.5, 0.3) == pytest.approx(0.4)
    assert moves.beyond(0.1, 0.3) == 0
