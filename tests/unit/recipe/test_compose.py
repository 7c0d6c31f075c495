"""Recipes as a whole."""

from __future__ import annotations

import datetime
import enum
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.recipe import digest_of, prepare, recipe
from begat.lineage.records import DatasetVersion

RATE = 3


def helper(x: Any) -> Any:
    return x * RATE


def work(part: Any, window: int = 7, **options: Any) -> Any:
    return helper(part), window, options


def recipe_of(**changed: Any) -> Any:
    known = {"job": "flights.work", "version": 0, "function": work, "arguments": {"part": 1}}
    return recipe(**{**known, **changed})


def test_digest_is_over_the_facet() -> None:
    """The digest can be had again from the facet, through JSON and back."""
    made = recipe_of(arguments={"part": [1, 2.5, None], "window": math.nan}, seed=3)
    facet = json.loads(json.dumps(made.to_facet(), allow_nan=False))

    assert (digest_of(facet), facet["digest"]) == (made.digest, made.digest)


@pytest.mark.parametrize(
    "changed",
    [
        {"job": "flights.other"},
        {"version": 1},
        {"function": helper},
        {"arguments": {"part": 2}},
        {"arguments": {"part": 1.0}},
        {"arguments": {"part": True}},
        {"arguments": {}},
        {"arguments": {"part": 1, "window": 7}},
        {"seed": 0},
        {"seed": 1},
    ],
)
def test_each_component_counts(changed: dict[str, Any]) -> None:
    """Another job, version, function, argument or seed is another recipe."""
    assert recipe_of(**changed).digest != recipe_of().digest


def test_python_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of Python is another recipe."""
    before = recipe_of()
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")

    assert recipe_of().digest != before.digest


def test_mutual_recursion_from_either_end() -> None:
    """Which of two functions that call each other is called, counts."""
    space: dict[str, Any] = {"__name__": "lost"}
    exec("def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - 1)\n", space)

    a, b = recipe_of(function=space["a"]), recipe_of(function=space["b"])

    assert (a.functions == b.functions, a.digest == b.digest) == (True, False)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)), st.randoms())
def test_order_of_parameters(arguments: dict[str, int], random: Any) -> None:
    """In which order parameters are given is no part of a recipe."""
    pairs = list(arguments.items())
    random.shuffle(pairs)

    assert recipe_of(arguments=dict(pairs)).to_facet() == recipe_of(arguments=arguments).to_facet()


def test_order_of_further_keywords() -> None:
    """Nor is the order of those that `**options` takes."""
    one, other = ({"options": {"a": 1, "b": 2}}, {"options": {"b": 2, "a": 1}})
    plain = ({"part": {"a": 1, "b": 2}}, {"part": {"b": 2, "a": 1}})

    assert recipe_of(arguments=one).digest == recipe_of(arguments=other).digest
    assert recipe_of(arguments=plain[0]).digest != recipe_of(arguments=plain[1]).digest


def test_nan_parameter() -> None:
    """NaN is the parameter it was the last time."""
    one, two = (recipe_of(arguments={"part": float("nan")}) for _ in range(2))

    assert (one.digest, one.parameters) == (two.digest, {"part": "nan"})


def test_prepared() -> None:
    """What was looked at once makes the recipes that looking each time makes."""
    estimator = pd.Series([1, 2])
    prepared = prepare(
        job="flights.work", version=0, function=work, fixed={"window": estimator, "f": helper}
    )
    for part in (1, DatasetVersion(namespace="begat", name="a/b", digest="blake3:0", size=1)):
        arguments = {"part": part, "window": estimator, "f": helper}

        assert prepared.recipe({"part": part}, seed=5) == recipe_of(arguments=arguments, seed=5)


def test_reusable() -> None:
    """A recipe all of which could be seen answers others."""
    assert (recipe_of().reusable, recipe_of().reasons) == (True, ())


class Color(enum.Enum):
    RED = 1


@dataclass
class Window:
    days: int
    color: Color = Color.RED


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, 1.5),
        (math.inf, "inf"),
        (np.float64(2), 2.0),
        (np.int64(2), 2),
        (np.bool_(True), True),
        ("a\0\ud800", "a\\x00\\ud800"),
        (Path("a/b"), "a/b"),
        (datetime.date(2013, 1, 1), "2013-01-01"),
        (pd.Timestamp("2013-01-01"), "2013-01-01T00:00:00"),
        (datetime.timedelta(hours=1), "1:00:00"),
        (Color.RED, "Color.RED"),
        ({1, 2}, [1, 2]),
        (re.compile("a+"), "a+"),
        (helper, f"{__name__}.helper"),
        (Window(3), {"class": f"{__name__}.Window", "days": 3, "color": "Color.RED"}),
        (np.arange(3), [0, 1, 2]),
        (np.zeros(1000), {"class": "numpy.ndarray", "dtype": "float64", "shape": [1000]}),
        (pd.DataFrame({"a": [1]}), {"class": "pandas.DataFrame", "shape": [1, 1]}),
        (object(), {"class": "builtins.object"}),
    ],
)
def test_readable(value: Any, shown: Any) -> None:
    """Parameters are shown as JSON that people understand."""
    assert recipe_of(arguments={"part": value}).parameters == {"part": shown}


def test_readable_estimator() -> None:
    """An estimator is shown with its class and all its parameters, defaults too."""
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline

    shown = recipe_of(arguments={"part": make_pipeline(DummyClassifier())}).parameters["part"]

    assert shown["class"] == "sklearn.pipeline.Pipeline"
    assert shown["steps"] == [
        [
            "dummyclassifier",
            {
                "class": "sklearn.dummy.DummyClassifier",
                "constant": None,
                "random_state": None,
                "strategy": "prior",
            },
        ]
    ]


def test_readable_is_bounded() -> None:
    """Long and deep values are cut for the reader, and count in full."""
    deep: Any = 0
    for _ in range(50):
        deep = [deep]
    long = list(range(5000))
    made = recipe_of(arguments={"part": long, "window": deep})

    assert (len(made.parameters["part"]), "…" in str(made.parameters["window"])) == (1000, True)
    assert recipe_of(arguments={"part": [*long, 1], "window": deep}).digest != made.digest
