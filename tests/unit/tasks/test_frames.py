from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.errors import DataError
from begat.tasks import frames

from .conftest import Lake


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([1, None], dtype="Int64"), "number"),
        (pd.Series([1.5, None]), "number"),
        (pd.Series([1, None], dtype=object), "number"),
        (pd.Series([decimal.Decimal("1.5")]), "number"),
        (pd.Series([True, False]), "bool"),
        (pd.Series([True, None], dtype=object), "bool"),
        (pd.Series([True, None], dtype="boolean"), "bool"),
        (pd.Series(["a", None]), "string"),
        (pd.Series(["a", None], dtype=object), "string"),
        (pd.Series(["a"], dtype="category"), "category"),
        (pd.Series([1], dtype="category"), "category"),
        (pd.Series([None, None], dtype=object), "empty"),
        (pd.Series([np.nan]), "empty"),
        (pd.Series([pd.Timestamp("2013-01-01")]), "datetime"),
        (pd.Series([pd.Timedelta("1D")]), "datetime"),
        (pd.Series([datetime.date(2013, 1, 1)]), "mixed"),
        (pd.Series([1, "a"], dtype=object), "mixed"),
        (pd.Series([[1], [2]]), "mixed"),
        (pd.Series([1j]), "mixed"),
    ],
)
def test_kind(values: pd.Series, expected: str) -> None:
    """A column's kind is what it holds, however it is stored."""
    assert frames.kind(values) == expected


def test_gather_keeps_order_and_wanted_columns(lake: Lake) -> None:
    """Rows come in the order of the partitions, with the columns asked for and no others."""
    snapshot = lake.snapshot(
        {
            "month=1": pd.DataFrame({"b": ["x", "y"], "a": [1, 2], "late": [True, False]}),
            "month=2": pd.DataFrame({"late": [True], "b": ["z"], "a": [3]}),
        }
    )

    frame = frames.gather(snapshot, ["a"], roles={"late": "target"})

    assert frame.to_dict("list") == {"a": [1, 2, 3], "late": [True, False, True]}
    assert list(frames.gather(snapshot).columns) == ["b", "a", "late"]
    assert frame.dtypes.astype(str).to_dict() == {"a": "int64", "late": "bool"}


def test_gather_unifies_types(lake: Lake) -> None:
    """A column has one type however each partition stores it, and NaN where nothing is."""
    first = pd.DataFrame(
        {
            "whole": pd.Series([1], dtype="int8"),
            "gaps": pd.Series([None], dtype=object),
            "flag": pd.Series([True], dtype=bool),
            "word": pd.Series(["a"], dtype=object),
            "kind": pd.Series(["a"], dtype="category"),
            "void": pd.Series([None], dtype=object),
        }
    )
    second = pd.DataFrame(
        {
            "whole": pd.Series([2], dtype="Int64"),
            "gaps": pd.Series([1.5]),
            "flag": pd.Series([None], dtype="boolean"),
            "word": pd.Series([None], dtype=object),
            "kind": pd.Series(["b"], dtype=object),
            "void": pd.Series([None], dtype="str"),
        }
    )

    frame = frames.gather(lake.snapshot({"m=1": first, "m=2": second}))

    assert frame.dtypes.astype(str).to_dict() == {
        "whole": "int64",
        "gaps": "float64",
        "flag": "float64",
        "word": "object",
        "kind": "category",
        "void": "float64",
    }
    assert frame.astype(object).where(frame.notna(), "-").to_dict("list") == {
        "whole": [1, 2],
        "gaps": ["-", 1.5],
        "flag": [1.0, "-"],
        "word": ["a", "-"],
        "kind": ["a", "b"],
        "void": ["-", "-"],
    }


def test_gather_large_unsigned_numbers_stay_themselves(lake: Lake) -> None:
    """A uint64 beyond int64 does not wrap around."""
    frame = frames.gather(lake.snapshot({"": pd.DataFrame({"a": np.array([2**63], "uint64")})}))

    assert frame["a"].tolist() == [float(2**63)]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_gather_keeps_the_chosen_rows(lake: Lake, sizes: list[int], skip: int) -> None:
    """The chosen rows of every partition are kept, and no others."""
    parts = {
        f"p={place}": pd.DataFrame({"a": [10 * place + row for row in range(size)]})
        for place, size in enumerate(sizes)
    }
    kept = frames.gather(lake.snapshot(parts), rows=lambda part, count: np.arange(count) >= skip)

    assert kept["a"].tolist() == [row for part in parts.values() for row in part["a"][skip:]]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            {"a": [1]},
            {"b": [1]},
            "delays/features[m=2] has no feature column 'a'; its columns are b",
        ),
        (
            {"a": [1]},
            {"a": [1], "b": [1]},
            "delays/features[m=2] has a column 'b' that delays/features[m=1] has not",
        ),
        (
            {"a": [1]},
            {"a": ["x"]},
            "column 'a' holds string values in delays/features[m=2] and number values in "
            "delays/features[m=1]",
        ),
    ],
)
def test_gather_refuses_partitions_that_differ(
    lake: Lake, first: dict[str, list[object]], second: dict[str, list[object]], message: str
) -> None:
    """Partitions whose columns differ are named, both of them."""
    snapshot = lake.snapshot({"m=1": pd.DataFrame(first), "m=2": pd.DataFrame(second)})

    with pytest.raises(DataError) as caught:
        frames.gather(snapshot)

    assert message in str(caught.value)


def test_gather_says_what_a_missing_column_was_wanted_for(lake: Lake) -> None:
    """A missing target is called the target."""
    snapshot = lake.snapshot({"": pd.DataFrame({"a": [1]})})

    with pytest.raises(DataError, match="has no target 'late'; its columns are a"):
        frames.gather(snapshot, roles={"late": "target"})
