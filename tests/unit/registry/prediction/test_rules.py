"""Which values of a column are fit, by what people expect and by what training saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from begat.lineage.registry.prediction.rules import OneOf, Range, expected, seen

AGE = {"name": "age", "dtype": "float64", "missing": False, "min": 20.0, "max": 60.0}
COLOUR = {"name": "colour", "dtype": "string", "missing": False, "values": ["blue", "red"]}


def between(**params: Any) -> dict[str, Any]:
    """An expectation of `age`, as an event tells it."""
    return {
        "assertion": "expect_column_values_to_be_between",
        "column": "age",
        "severity": "error",
        "params": params,
    }


def among(values: Any, **more: Any) -> dict[str, Any]:
    """An expectation of `colour`."""
    return {
        "assertion": "expect_column_values_to_be_in_set",
        "column": "colour",
        "params": {"value_set": values, **more},
    }


def test_bounds_are_inside_unless_they_are_strict() -> None:
    """A range holds its ends; a strict one does not, and half a range has one end."""
    values = np.array([17.0, 18.0, 100.0, 101.0, np.nan])
    whole, half = Range(low=18, high=100), Range(high=100)
    inner = Range(low=18, high=100, above=True, below=True)

    assert [rule.unfit(values).tolist() for rule in (whole, inner, half)] == [
        [True, False, False, True, False],
        [True, True, True, True, False],
        [False, False, False, True, False],
    ]
    assert [*map(str, (whole, inner, half))] == [
        "at least 18 and at most 100",
        "above 18 and below 100",
        "at most 100",
    ]


def test_a_set_lists_some_of_its_values() -> None:
    """A message has the first few, and how many there are."""
    many = OneOf(values=frozenset("abcdefg"), seen=True)

    assert str(many) == "one of 'a', 'b', 'c', 'd', 'e', … (7 in all), as training saw"
    assert OneOf(values=frozenset([1, 3])).unfit(np.array([1.0, 2.0, np.nan])).tolist() == [
        False,
        True,
        False,
    ]


def test_what_training_saw_is_a_rule_only_where_it_is_listed() -> None:
    """A column without any value, and one with too many different ones, have no rule."""
    assert seen(AGE) == (Range(low=20.0, high=60.0, seen=True),)
    assert seen(COLOUR) == (OneOf(values=frozenset(["blue", "red"]), seen=True),)
    assert seen({**COLOUR, "values": None}) == seen({**AGE, "min": None, "max": None}) == ()


@pytest.mark.parametrize(
    ("feature", "assertion", "rules"),
    [
        (AGE, between(min_value=18, max_value=100), (Range(low=18, high=100),)),
        (AGE, between(min_value=18, strict_min=True), (Range(low=18, above=True),)),
        (AGE, between(min_value=18, mostly=1.0), (Range(low=18),)),
        (
            COLOUR,
            among(["blue", "red", "green"]),
            (OneOf(values=frozenset(["blue", "red", "green"])),),
        ),
        # Not of every row, not of this column, not asked for, not about values.
        (AGE, between(min_value=18, mostly=0.9), ()),
        (AGE, between(min_value=18, row_condition="x > 1"), ()),
        (AGE, {**between(min_value=18), "column": "wage"}, ()),
        (AGE, {**between(min_value=18), "severity": "info"}, ()),
        (AGE, {**between(min_value=18), "assertion": "expect_column_mean_to_be_between"}, ()),
        (AGE, between(), ()),
        (AGE, between(min_value="2013-01-01"), ()),
        (AGE, between(min_value=18, max_value={"$PARAMETER": "x"}), ()),
        (COLOUR, among([]), ()),
        (COLOUR, among([["blue"]]), ()),
        # Featurize made something else of the column.
        (AGE, between(min_value=0, max_value=50), ()),
        (COLOUR, among(["b", "r"]), ()),
    ],
)
def test_expectations_of_values_become_rules(
    feature: dict[str, Any], assertion: dict[str, Any], rules: tuple[Any, ...]
) -> None:
    """Those of each value of a column that stayed as it was prepared, and no others."""
    assert expected([assertion], feature) == rules


def test_all_expectations_of_a_column_hold() -> None:
    """Two expectations of one column are two rules."""
    rules = expected([between(min_value=18), between(max_value=100)], AGE)

    assert rules == (Range(low=18), Range(high=100))
