from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from begat.tasks.pictures.axes import spread, ticks

numbers = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(numbers, numbers)
def test_ticks_are_few_even_and_inside(low: float, high: float) -> None:
    """Between any two numbers there are two to twelve even ticks, none outside."""
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1e-3))
    values = [value for value, _ in ticks(low, high)]
    room = (high - low) * 1e-6

    assert 2 <= len(values) <= 12
    assert all(low - room <= value <= high + room for value in values)


def test_tick_names_do_not_repeat() -> None:
    """Numbers that differ have names that do."""
    for low, high in ((0, 1), (0, 0.003), (12000, 12010), (-5e7, 5e7), (1e-9, 2e-9)):
        names = [name for _, name in ticks(low, high)]

        assert len(set(names)) == len(names)


def test_spread_is_never_empty() -> None:
    """One number, or none, has room on both sides."""
    for values in ([], [3.0], [0.0, 0.0], [-1e-300], [1e300, -1e300]):
        low, high = spread(values)

        assert low < high
        assert all(low <= value <= high for value in values)


def test_spread_takes_in_another_number() -> None:
    """What the values are compared with is in the picture."""
    low, high = spread([5.0, 6.0], around=0.0)

    assert (low <= 0.0, high >= 6.0) == (True, True)
