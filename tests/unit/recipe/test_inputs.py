"""Versions among arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from begat.lineage.content.merkle import roots
from begat.lineage.recipe import inputs_of, recipe
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot


def version(number: int = 1, **changed: Any) -> DatasetVersion:
    known = {
        "namespace": "file",
        "name": "/lake/flights",
        "partition": f"month=2013-{number:02}",
        "digest": f"blake3:{number:064x}",
        "size": 1,
    }
    return DatasetVersion(**{**known, **changed})


def work(part: Any, **lookups: Any) -> Any:
    return part, lookups


def recipe_of(**arguments: Any) -> Any:
    return recipe(job="flights.prepare", version=0, function=work, arguments=arguments)


@dataclass
class Pair:
    left: Any
    right: Any


def test_paths() -> None:
    """Versions are found however nested, each under its path."""
    a, b, snapshot = version(1), version(2), Snapshot(versions=(version(3),))
    model = ModelVersion(model="m", version=1, digest="blake3:00")
    loop: list[Any] = [b]
    loop.append(loop)
    value = {
        "part": a,
        "lookups": {"weather": b, "two words": a, 3: a},
        "parts": [a, (b,)],
        "pair": Pair(snapshot, {"model": model}),
        "loop": loop,
        "window": 7,
    }

    assert inputs_of(value) == [
        ("part", a),
        ("lookups.weather", b),
        ("lookups['two words']", a),
        ("lookups[3]", a),
        ("parts[0]", a),
        ("parts[1][0]", b),
        ("pair.left", snapshot),
        ("pair.right.model", model),
        ("loop[0]", b),
    ]


def test_returned() -> None:
    """A returned version has the empty path, those in a returned tuple their positions."""
    assert [path for path, _ in inputs_of(version())] == [""]
    assert [path for path, _ in inputs_of((version(1), version(2)))] == ["[0]", "[1]"]


def test_what_counts() -> None:
    """Of an input count name, partition and digest: not its place, producer or format."""
    moved = version(
        namespace="s3://lake", name="elsewhere/flights", size=9, producer="run",
        location="s3://lake/x", format="csv",
    )  # fmt: skip
    made = recipe_of(part=version())

    assert recipe_of(part=moved).digest == made.digest
    assert made.inputs == {
        "part": {
            "dataset": "flights",
            "partition": "month=2013-01",
            "digest": f"blake3:{1:064x}",
        }
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"part": version(digest="blake3:00")},
        {"part": version(name="/lake/weather")},
        {"other": version()},
        {"part": [version()]},
        {"part": version(), "weather": version()},
        {"part": str(version())},
    ],
)
def test_what_changes(changed: dict[str, Any]) -> None:
    """Other bytes, another dataset or another argument are another recipe."""
    assert recipe_of(**changed).digest != recipe_of(part=version()).digest


def test_equal_bytes() -> None:
    """Two partitions with equal bytes are two recipes."""
    january, february = (version(n, digest="blake3:00") for n in (1, 2))

    assert recipe_of(part=january).digest != recipe_of(part=february).digest


def test_snapshot() -> None:
    """A snapshot counts by its content root, whoever made its partitions."""
    snapshot = Snapshot(versions=(version(1), version(2)))
    again = Snapshot(versions=(version(1, producer="run"), version(2)))
    made = recipe_of(part=snapshot)

    assert made.inputs["part"] == {
        "dataset": "flights",
        "content_root": roots(snapshot).content,
        "count": 2,
    }
    assert recipe_of(part=again).digest == made.digest
    assert recipe_of(part=Snapshot(versions=(version(1),))).digest != made.digest


def test_inputs_are_no_parameters() -> None:
    """Arguments that hold nothing but inputs are not among the parameters; others are both."""
    made = recipe_of(part=[version(1), version(2)], lookups={"a": version()}, mixed=[version(), 1])

    assert (list(made.parameters), list(made.arguments)) == (["mixed"], ["mixed"])
    assert list(made.inputs) == ["lookups.a", "mixed[0]", "part[0]", "part[1]"]


def test_empty_collections_are_parameters() -> None:
    """No inputs at all is a value like any other."""
    assert recipe_of(part=[]).digest != recipe_of(part={}).digest
    assert recipe_of(part=[]).parameters == {"part": []}
