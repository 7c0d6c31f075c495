"""What signatures say, and how two differ."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from begat.lineage.registry import schema


def signature() -> dict[str, Any]:
    """One that says everything."""
    return {
        "features": [
            {"name": "distance", "dtype": "float64", "min": 1.0, "max": 9.0},
            {"name": "carrier", "dtype": "string", "values": ["AA", "UA"], "distinct": 2},
            {"name": "far", "dtype": "bool", "values": [False, True], "distinct": 2},
        ],
        "target": {"name": "late", "dtype": "int64", "classes": [0, 1]},
        "example": {
            "columns": ["distance", "carrier", "far"],
            "rows": [[1.0, "AA", False]],
            "outputs": {"predict": [0]},
        },
    }


def changed(place: int, **values: Any) -> dict[str, Any]:
    """The signature with another description of one feature."""
    made = signature()
    made["features"][place] |= values
    return made


def test_a_complete_signature_has_no_gaps() -> None:
    """Names, types, ranges and values of all features, target and example: nothing is missing."""
    assert schema.gaps(signature()) == schema.example_gaps(signature()) == []


@pytest.mark.parametrize(
    ("given", "gap"),
    [
        ({}, "no features"),
        (changed(0, name=None), "no name of feature 1"),
        (changed(0, dtype=None), "no type of distance"),
        (changed(0, min=None), "no range of distance, which had no values"),
        (changed(0, max=None), "no range of distance, which had no values"),
        (changed(1, values=[], distinct=0), "no values of carrier"),
        (signature() | {"target": {"name": "late"}}, "no name and type of the target"),
    ],
    ids=["nothing", "name", "type", "min", "max", "values", "target"],
)
def test_each_gap_is_named(given: dict[str, Any], gap: str) -> None:
    """What one feature or the target lacks is told by its name."""
    assert schema.gaps(given) == [gap]


def test_a_column_of_too_many_values_is_open() -> None:
    """Values that are counted and not listed are no gap, and the column is named as open."""
    given = changed(1, values=None, distinct=5000)

    assert schema.gaps(given) == []
    assert schema.open_features(given) == ["carrier"]
    assert schema.open_features(signature()) == []


@pytest.mark.parametrize(
    ("example", "gap"),
    [
        (None, "no input example"),
        ({"rows": []}, "no input example"),
        ({"columns": ["far"]}, "an input example of other columns than its features"),
        ({"outputs": {}}, "an input example without the outputs that are expected of it"),
    ],
    ids=["none", "empty", "columns", "outputs"],
)
def test_an_example_that_tries_nothing_is_named(example: dict[str, Any] | None, gap: str) -> None:
    """Rows, all columns and the expected outputs are what an example needs."""
    given = signature()
    given["example"] = example if example is None else given["example"] | example

    assert schema.example_gaps(given) == [gap]


def test_differences_are_names_types_and_order() -> None:
    """What is gone, new, of another type or at another place is told; ranges are not compared."""
    old, fewer, moved = signature(), signature(), signature()
    fewer["features"] = [*deepcopy(old["features"][:2]), {"name": "hour", "dtype": "int64"}]
    moved["features"].reverse()

    assert schema.differences(old, changed(0, min=-5.0)) == []
    assert schema.differences(old, fewer) == ["far is gone", "hour is new"]
    assert schema.differences(old, changed(0, dtype="int64")) == [
        "distance is int64, and was float64"
    ]
    assert schema.differences(old, moved) == [
        "their order is far, carrier, distance, and was distance, carrier, far"
    ]
