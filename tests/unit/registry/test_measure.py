"""Measuring how a model predicts."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from begat.lineage.content import models
from begat.lineage.errors import DataError, UntrustedModelError
from begat.lineage.registry import measure
from begat.tasks.signature import signature


@pytest.fixture(scope="module")
def model() -> tuple[bytes, dict[str, Any]]:
    """A small model's file, and its signature."""
    frame = pd.DataFrame({"hour": [1, 2, 3, 4, 5, 6]})
    fitted = LinearRegression().fit(frame, [0.1, 0.7, 0.4, 0.2, 0.9, 0.3])
    return models.dump(fitted), signature(fitted, frame, pd.Series([0.1], name="y"))


def test_a_model_is_measured_in_a_process_of_its_own(
    model: tuple[bytes, dict[str, Any]],
) -> None:
    """A median, a 99th percentile not below it, how many calls, and memory come back."""
    found = measure.measure(*model)

    assert 0 < found.p50_ms <= found.p99_ms
    assert 0 < found.calls <= measure.CALLS
    assert 0 <= found.loaded_mb < found.peak_mb


def test_percentiles_are_times_that_were_measured() -> None:
    """So many of a hundred times are not above the percentile, and it is one of them."""
    times = list(range(1, 1001))

    assert [measure.percentile(times, of) for of in (50, 99, 100)] == [500, 990, 1000]
    assert measure.percentile([7], 99) == 7


def test_a_pickle_is_not_opened(model: tuple[bytes, dict[str, Any]]) -> None:
    """A file that is no skops archive is refused as untrusted, as everywhere."""
    with pytest.raises(UntrustedModelError, match="not a skops model file"):
        measure.measure(pickle.dumps({}), model[1])


def test_unreviewed_types_are_named(model: tuple[bytes, dict[str, Any]]) -> None:
    """A model that holds a function nobody reviewed is not loaded, and the function is named."""
    hostile = models.dump(FunctionTransformer(np.save))

    with pytest.raises(UntrustedModelError, match=r"numpy\.save"):
        measure.measure(hostile, model[1])


def test_a_model_that_cannot_be_tried_is_told(model: tuple[bytes, dict[str, Any]]) -> None:
    """Without an example, or with one that the model fails on, it cannot be measured."""
    data, recorded = model
    empty = recorded | {"example": {"columns": ["hour"], "rows": [], "outputs": {}}}
    other = recorded | {
        "features": [{"name": "day", "dtype": "int64"}],
        "example": {"columns": ["day"], "rows": [[1]], "outputs": {}},
    }

    for given, said in ((empty, "no example rows"), (other, "day"), ({}, "cannot be measured")):
        with pytest.raises(DataError, match=said):
            measure.measure(data, given)
