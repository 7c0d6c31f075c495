"""What a task returned can be had again."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage import results
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot

DIGEST = "blake3:" + "0" * 64

versions = st.builds(
    DatasetVersion,
    namespace=st.sampled_from(["begat", "file"]),
    name=st.text(min_size=1),
    partition=st.text(),
    digest=st.just(DIGEST),
    size=st.integers(min_value=0),
    rows=st.none() | st.integers(min_value=0),
    producer=st.sampled_from(["", "0190-run"]),
)
models = st.builds(
    ModelVersion, model=st.text(min_size=1), version=st.integers(1), digest=st.just(DIGEST)
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | versions
    | models
    | st.builds(lambda version: Snapshot(versions=(version,)), versions)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.sampled_from(["$version", "$tuple"]), inner)
        | st.dictionaries(st.integers(), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_round_trip(value: object) -> None:
    """Any nesting of JSON values, tuples and references comes back equal, through JSON text."""
    text = json.dumps(results.encode(value), allow_nan=False)

    assert results.decode(json.loads(text)) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities(value: float) -> None:
    """The infinities come back, though JSON has no word for them."""
    assert results.decode(json.loads(json.dumps(results.encode([value])))) == [value]


def test_nan() -> None:
    """NaN comes back as NaN."""
    assert math.isnan(results.decode(results.encode(math.nan)))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j])
def test_not_encodable(value: object) -> None:
    """What JSON and references cannot say is refused by its type's name."""
    with pytest.raises(results.NotEncodableError, match=type(value).__qualname__):
        results.encode({"deep": [value]})


@given(st.lists(versions))
def test_digests(found: list[DatasetVersion]) -> None:
    """The digests of a result are those of all references in it, however nested."""
    encoded = results.encode({"a": [(version,) for version in found]})

    assert list(results.digests(encoded)) == [version.digest for version in found]
