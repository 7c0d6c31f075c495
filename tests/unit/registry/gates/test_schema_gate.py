"""The gate that compares the rows a model takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.registry.gates import Candidate, make

from .conftest import with_features


def test_what_train_writes_is_complete(candidate: Candidate) -> None:
    """A signature of a pipeline's own passes, and without Production that is all."""
    [found] = make({"gate": "schema"}).judge(candidate)

    assert (found.gate, found.passed) == ("schema complete", True)
    assert found.reason == "names, types, ranges or values of 5 features"


def test_gaps_are_refused(candidate: Candidate) -> None:
    """A feature without a range, and an example of other columns, are named."""
    spoiled = with_features(candidate, lambda features: features[1].update(min=None))
    fewer = with_features(candidate, lambda features: features.pop())
    [gap] = make({"gate": "schema"}).judge(spoiled)
    [example] = make({"gate": "schema"}).judge(fewer)

    assert not gap.passed
    assert "no range of distance" in gap.reason
    assert "an input example of other columns" in example.reason
    assert not make({"gate": "schema"}).judge(replace(candidate, body={}))[0].passed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda features: features[0].update(name="town"), "city is gone; town is new"),
        (lambda features: features[1].update(dtype="int64"), "distance is int64, and was float64"),
    ],
    ids=["name", "type"],
)
def test_other_rows_than_productions_are_refused(
    candidate: Candidate, change: Callable[[list[dict[str, Any]]], Any], said: str
) -> None:
    """Another name or type is told beside Production's, unless the gate lets it change."""
    other = replace(with_features(candidate, change), production=candidate.version)
    [_, found] = make({"gate": "schema"}).judge(other)

    assert (found.gate, found.passed) == ("schema of Production", False)
    assert found.reason.startswith(f"not the rows that trips@1 takes: {said}; register it as")
    assert len(make({"gate": "schema", "may_change": True}).judge(other)) == 1


def test_the_same_rows_pass(candidate: Candidate) -> None:
    """Other ranges are no other rows."""
    wider = with_features(candidate, lambda features: features[1].update(max=1e9))
    found = make({"gate": "schema"}).judge(replace(wider, production=candidate.version))

    assert [one.passed for one in found] == [True, True]


def test_what_it_does_not_know_is_refused() -> None:
    """A key of no meaning, or a value, is named with what was expected."""
    with pytest.raises(SettingsError, match="gate schema has no key 'may'"):
        make({"gate": "schema", "may": True})
    with pytest.raises(SettingsError, match="may_change of gate schema is true or false; got 1"):
        make({"gate": "schema", "may_change": 1})
