from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.errors import ParameterError
from begat.tasks import split

fractions = st.floats(0.001, 0.999)
seeds = st.integers(0, 2**32)
keys = st.text(max_size=20)


@settings(deadline=None)
@given(keys, st.integers(0, 500), st.integers(0, 500), fractions, seeds)
def test_appended_rows_move_no_row(
    key: str, rows: int, more: int, fraction: float, seed: int
) -> None:
    """The rows of a partition keep their sides when rows are appended to it."""
    before = split.held_out(key, rows, fraction=fraction, seed=seed)
    after = split.held_out(key, rows + more, fraction=fraction, seed=seed)

    assert after[:rows].tolist() == before.tolist()
    assert len(after) == rows + more


@settings(deadline=None)
@given(keys, fractions, fractions, seeds)
def test_larger_fraction_holds_out_more(key: str, a: float, b: float, seed: int) -> None:
    """A larger fraction holds out every row that a smaller one does."""
    small = split.held_out(key, 200, fraction=min(a, b), seed=seed)
    large = split.held_out(key, 200, fraction=max(a, b), seed=seed)

    assert (large >= small).all()


@settings(deadline=None)
@given(keys, fractions, seeds)
def test_sides_are_complements(key: str, fraction: float, seed: int) -> None:
    """Every row is either trained on or evaluated on, never both."""
    from begat.lineage.records import DatasetVersion

    part = DatasetVersion(namespace="begat", name="f", partition=key, digest="d", size=0)
    train = split.chooser(fraction, seed=seed, held=False)
    test = split.chooser(fraction, seed=seed, held=True)

    assert train is not None
    assert test is not None
    assert (train(part, 100) != test(part, 100)).all()


def test_rows_are_the_same_for_ever() -> None:
    """The choice is pinned: another one would silently re-split every user's data."""
    held = split.held_out("month=2013-01", 24, fraction=0.25, seed=0)

    assert [row for row, out in enumerate(held) if out] == [0, 4, 6, 14, 15, 22]


def test_fraction_is_met() -> None:
    """About the asked share of rows is held out."""
    held = split.held_out("month=2013-01", 100_000, fraction=0.2, seed=7)

    assert abs(held.mean() - 0.2) < 0.005


def test_seed_and_partition_matter() -> None:
    """Another seed, and another partition, hold out other rows."""
    rows = [
        split.held_out(key, 1000, fraction=0.5, seed=seed).tolist()
        for key, seed in [("a", 0), ("a", 1), ("b", 0)]
    ]

    assert len({tuple(row) for row in rows}) == 3


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, True, "0.2", float("nan")])
def test_fraction_without_two_sides_is_refused(fraction: object) -> None:
    """A fraction that leaves one side empty, or is no number, is named."""
    with pytest.raises(ParameterError, match="is not a number between 0 and 1") as caught:
        split.check_fraction(fraction)

    assert repr(fraction) in str(caught.value)


def test_no_fraction_keeps_whole_partitions() -> None:
    """Where whole partitions are held out, no rows are chosen."""
    assert split.chooser(None, seed=0, held=True) is None
