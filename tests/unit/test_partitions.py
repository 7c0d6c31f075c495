from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import ParameterError
from begat.lineage.partitions import choose, natural, values

PARTS = ("year=2012/month=9", "year=2012/month=10", "year=2013/month=1")


@given(st.lists(st.text(), max_size=6))
def test_any_texts_have_a_natural_order(texts: list[str]) -> None:
    """Sorting never fails, whatever digits other scripts have, and is stable."""
    once = sorted(texts, key=natural)

    assert sorted(once, key=natural) == once


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_numbers_are_in_the_order_of_their_values(numbers: list[int]) -> None:
    """month=9 comes before month=10."""
    ordered = sorted((f"month={number}" for number in numbers), key=natural)

    assert ordered == [f"month={number}" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("", PARTS),
        ("year=2012", PARTS[:2]),
        ("year==2012", PARTS[:2]),
        ("month<10", (PARTS[0], PARTS[2])),
        ("month <= 10 , year = 2012", PARTS[:2]),
        ("month>9", PARTS[1:2]),
        ("month>=9", PARTS[:2]),
        ("year!=2012", PARTS[2:]),
        ("year='2013'", PARTS[2:]),
        ("year=2014", ()),
    ],
)
def test_comparisons_choose(expression: str, kept: tuple[str, ...]) -> None:
    """All have to hold; numbers compare as numbers; the order stays."""
    assert choose(PARTS, expression) == [*kept]


@pytest.mark.parametrize("expression", ["month", "<=3", "month~3", "month<=", "2013-11"])
def test_what_is_no_comparison_is_refused(expression: str) -> None:
    """The message shows one that is."""
    with pytest.raises(ParameterError, match="month<=2013-11"):
        choose(PARTS, expression)


@pytest.mark.parametrize(
    ("partitions", "said"), [(PARTS, "year, month"), (("",), "partitioned by nothing")]
)
def test_a_key_that_is_not_there_is_refused(partitions: tuple[str, ...], said: str) -> None:
    """The message names those that are."""
    with pytest.raises(ParameterError, match=said):
        choose(partitions, "day=1")


def test_values_may_hold_an_equals_sign() -> None:
    """Only the first one ends the key."""
    assert values("query=a=b/month=1") == {"query": "a=b", "month": "1"}
