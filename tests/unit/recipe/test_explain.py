"""Why two recipes differ."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from begat.lineage.recipe import explain, recipe
from begat.lineage.records import DatasetVersion

BEFORE = """
    import os
    LIMIT = 15
    def clean(x): return x
    def features(part, model=None, window=7):
        return clean(part) > LIMIT, os.getenv("MODE")
"""


def version(digest: str, **changed: Any) -> DatasetVersion:
    known = {"namespace": "begat", "name": "flights/prepared", "partition": "month=2013-01"}
    return DatasetVersion(digest=digest, size=1, **{**known, **changed})


def facet(module: Any, *, job: str = "j", seed: int = 0, **arguments: Any) -> dict[str, Any]:
    made = recipe(job=job, version=0, function=module.features, arguments=arguments, seed=seed)
    return made.to_facet()


def test_equal(project: Any) -> None:
    """Equal recipes have nothing to explain."""
    module = project.load(BEFORE)

    assert explain(facet(module, part=1), facet(module, part=1)) == []


def test_code(project: Any) -> None:
    """Changed, new and gone functions and globals are named."""
    before = facet(project.load(BEFORE))
    changed = BEFORE.replace("15", "20").replace("(x): return x", "(x): return other(x)")
    after = facet(project.load(changed + "\n    def other(x): return -x\n"))

    assert explain(before, after) == [
        "code LIMIT: changed",
        "code clean: changed",
        "code other: is reached now",
    ]
    assert explain(after, before)[-1] == "code other: is not reached any more"


def test_parameters(project: Any) -> None:
    """A parameter's change is shown where it lies, with both values."""
    module = project.load(BEFORE)
    before = facet(module, model=LogisticRegression(max_iter=50), window=[1, {"a": 2}])
    after = facet(module, model=LogisticRegression(max_iter=60), window=[1, {"a": 3}])

    assert explain(before, after) == [
        "parameter model.max_iter: 50 -> 60",
        "parameter window[1].a: 2 -> 3",
    ]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (1, 1.0, "parameter part: 1 -> 1.0"),
        (1, True, "parameter part: 1 -> True"),
        ((1,), [1], "parameter part: its type, or what is not shown of it, changed"),
    ],
)
def test_types(project: Any, before: Any, after: Any, line: str) -> None:
    """Values that look alike and are not the same are still explained."""
    module = project.load(BEFORE)

    assert explain(facet(module, part=before), facet(module, part=after)) == [line]


def test_new_parameter(project: Any) -> None:
    """A parameter that was not given before is shown as new."""
    module = project.load(BEFORE)

    assert explain(facet(module), facet(module, window=8)) == ["parameter window: none -> 8"]


def test_inputs(project: Any) -> None:
    """An input's change names dataset, partition and both digests."""
    module = project.load(BEFORE)
    one, two = ("blake3:" + letter * 64 for letter in "ab")
    lines = explain(facet(module, part=version(one)), facet(module, part=version(two)))

    name = "flights/prepared[month=2013-01]"
    assert lines == [f"input part: {name} blake3:{'a' * 12} -> {name} blake3:{'b' * 12}"]


def test_environment(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable is named, its value never."""
    module = project.load(BEFORE)
    monkeypatch.delenv("MODE", raising=False)
    unset = facet(module)
    monkeypatch.setenv("MODE", "one")
    one = facet(module)
    monkeypatch.setenv("MODE", "two")

    assert explain(unset, one) == ["environment variable MODE: unset -> set"]
    assert explain(one, facet(module)) == ["environment variable MODE: another value"]


def test_the_rest(project: Any) -> None:
    """Job, packages, Python and seed are named with both values."""
    before = facet(project.load(BEFORE))
    after = before | {"job": "k", "python": "3.99", "seed": 1, "packages": {"numpy": "9"}}

    assert explain(before | {"packages": {"numpy": "8", "six": "1"}}, after) == [
        "job: j -> k",
        "package numpy: 8 -> 9",
        "package six: 1 -> none",
        f"Python: {before['python']} -> 3.99",
        "seed: 0 -> 1",
    ]
