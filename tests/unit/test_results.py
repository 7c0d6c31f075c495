"""What a task returned can be had again."""

from __future__ import annotations

import enum
import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage import results
from begat.lineage.events.canonical import canonical
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot

DIGEST = "blake3:" + "0" * 64

#: Without U+0000, which is refused.
printable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
versions = st.builds(
    DatasetVersion,
    namespace=st.sampled_from(["begat", "file"]),
    name=printable,
    partition=printable,
    digest=st.just(DIGEST),
    size=st.integers(min_value=0),
    rows=st.none() | st.integers(min_value=0),
    producer=st.sampled_from(["", "0190-run"]),
)
models = st.builds(ModelVersion, model=printable, version=st.integers(1), digest=st.just(DIGEST))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | printable
    | versions
    | models
    | st.builds(lambda version: Snapshot(versions=(version,)), versions)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(printable | st.sampled_from(["$version", "$tuple"]), inner)
        | st.dictionaries(st.integers(), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_round_trip(value: object) -> None:
    """Any nesting of JSON values, tuples and references comes back, through canonical JSON.

    In its types and the order of its dictionaries too, which later recipes see.
    """
    text = canonical(results.encode(value))
    found = results.decode(json.loads(text))

    assert (found, repr(found)) == (value, repr(value))


@pytest.mark.parametrize(
    "number",
    [
        *(np.float64(0.1), np.float32(0.1), np.float16(2), np.float64("-inf")),
        *(np.int64(-3), np.uint8(255), np.uint64(2**64 - 1), np.bool(True)),
    ],
    ids=repr,
)
def test_numpys_numbers(number: np.generic) -> None:
    """A metric that numpy computed comes back as numpy's."""
    found = results.decode(json.loads(canonical(results.encode([number]))))

    assert (found, type(found[0])) == ([number], type(number))


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities(value: float) -> None:
    """The infinities come back, though JSON has no word for them."""
    assert results.decode(json.loads(json.dumps(results.encode([value])))) == [value]


def test_nan() -> None:
    """NaN comes back as NaN."""
    assert math.isnan(results.decode(results.encode(math.nan)))


class Flag(enum.IntEnum):
    """A number that is more than a number."""

    ON = 1


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", 1j, Counter("a"), Flag.ON, np.zeros(1), np.array(1), np.str_("a")],
    ids=lambda value: type(value).__name__,
)
def test_not_encodable(value: object) -> None:
    """What JSON and references cannot say is refused by its type's name."""
    with pytest.raises(results.NotEncodableError, match=type(value).__qualname__):
        results.encode({"deep": [value]})


@given(st.lists(versions))
def test_digests(found: list[DatasetVersion]) -> None:
    """The digests of a result are those of all references in it, however nested."""
    encoded = results.encode({"a": [(version,) for version in found]})

    assert list(results.digests(encoded)) == [version.digest for version in found]


# Outputs

MADE = DatasetVersion(namespace="begat", name="delays/made", digest=DIGEST, size=1)


@dataclass(frozen=True)
class Derived:
    """A value of the user's own with something computed in it."""

    version: DatasetVersion
    label: str = field(init=False, default="made")


@pytest.mark.parametrize(
    "value",
    [
        [1, {"a": (2, None)}],
        Counter(a=1),
        Derived(replace(MADE, producer="run")),
        (replace(MADE, producer="run"),),
    ],
    ids=str,
)
def test_what_needs_no_change_is_the_same_object(value: Any) -> None:
    """A value without references, or with none that has to be claimed, is not copied."""
    assert results.claimed(value, run_id="run", read=[])[0] is value


def test_containers_keep_their_types() -> None:
    """What holds a claimed reference is copied as what it was."""
    found, _ = results.claimed([defaultdict(list, a=MADE), Derived(MADE)], run_id="run", read=[])

    assert (found[0]["missing"], found[0]["a"].producer, found[1].version.producer) == (
        [],
        "run",
        "run",
    )
    assert found[1].label == "made"


@pytest.mark.parametrize("producer", ["", "other", "run"])
def test_an_output_is_the_runs_and_lies_in_the_store(producer: str) -> None:
    """Whatever a reference said of producer and place, as an output it is the run's."""
    given = replace(MADE, producer=producer, location="/tmp/made")
    found, outputs = results.claimed(given, run_id="run", read=[])

    assert (found.producer, found.location, outputs) == ("run", "", [found])


def test_the_same_output_twice_is_one() -> None:
    """A reference that is returned in two places is one output."""
    _, outputs = results.claimed([MADE, {"again": MADE}], run_id="run", read=[])

    assert len(outputs) == 1


def test_what_was_read_keeps_its_producer() -> None:
    """A passed-through reference stays what it was, and is no output."""
    read = replace(MADE, producer="other", location="/lake")
    found, outputs = results.claimed(read, run_id="run", read=[read])

    assert (found is read, outputs) == (True, [])


def test_the_same_bytes_made_again_are_an_output() -> None:
    """Equal content under another producer was not read: the run made it."""
    read = replace(MADE, producer="other")
    _, outputs = results.claimed(replace(MADE, producer="run"), run_id="run", read=[read])

    assert [version.producer for version in outputs] == ["run"]
