"""An event's text, put together from its parts'."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.errors import EventError
from begat.lineage.events import canonical, sealed, text
from begat.lineage.events.sealed import Sealed

from .test_canonical import TEXT, VALUES

FACET = st.dictionaries(TEXT, VALUES, max_size=3)
FACETS = st.dictionaries(TEXT, FACET | FACET.map(Sealed) | VALUES, max_size=3)
HOLDER = st.fixed_dictionaries(
    {}, optional={"facets": FACETS | VALUES, "inputFacets": FACETS, "runId": VALUES, "é\n": TEXT}
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "eventTime": VALUES,
        "run": HOLDER | VALUES,
        "job": HOLDER,
        "inputs": st.lists(HOLDER | HOLDER.map(Sealed) | VALUES, max_size=2) | VALUES,
        "outputs": st.lists(HOLDER, max_size=2).map(tuple),
        "team_note": VALUES,
    },
)


@given(EVENTS)
def test_text_is_canonical(event: dict[str, Any]) -> None:
    """It is the canonical form of the whole, whichever parts are sealed."""
    first, again = text.text(event), text.text(event)

    assert first == again == canonical(event)


@pytest.mark.parametrize("seal", [dict, Sealed])
@pytest.mark.parametrize(
    "body",
    [
        {"rate": math.nan},
        {"name": "half \ud800"},
        {"name": "cut \0 off"},
        {"deep": [{1: "number"}]},
        {None: 1},
        {"kind": object()},
    ],
)
def test_refused_by_path(seal: Callable[[Any], dict[str, Any]], body: dict[Any, Any]) -> None:
    """What the canonical form refuses is refused in the same words, with the whole path."""
    event = {"run": {"facets": {"begat_recipe": seal(body)}}}
    with pytest.raises(EventError) as expected:
        canonical(event)
    with pytest.raises(EventError) as found:
        text.text(event)

    assert str(found.value) == str(expected.value)
    assert str(found.value).startswith("run.facets.begat_recipe")


def test_made_once() -> None:
    """What is made of a sealed part is made once; what failed is tried again."""
    part, calls = Sealed(a=1), []

    def make(given: sealed.Sealed) -> int:
        calls.append(given)
        return 1 // (len(calls) - 1)

    with pytest.raises(ZeroDivisionError):
        part.derived(make)
    found = [part.derived(make), part.derived(make)]

    assert (found, len(calls)) == ([1, 1], 2)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))]
)
def test_copies(copied: Callable[[Sealed], dict[str, Any]]) -> None:
    """A copy is a dictionary of its own."""
    part = Sealed(a=[1])
    found = copied(part)
    found["b"] = 2

    assert (found, type(found), part) == ({"a": [1], "b": 2}, dict, {"a": [1]})


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.update(a=2),
        lambda part: part.pop("a"),
        lambda part: part.clear(),
        lambda part: part.__setitem__("a", 2),
        lambda part: part.__ior__({"a": 2}),
    ],
)
def test_changes_are_refused(change: Callable[[Sealed], object]) -> None:
    """What many events share is not changed by who was given one of them."""
    with pytest.raises(TypeError, match="change a deep copy"):
        change(Sealed(a=1))
