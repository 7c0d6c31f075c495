"""Two tables against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.diff import tables


@pytest.fixture(name="frame")
def frame_() -> pd.DataFrame:
    """Flights of a year, without a key."""
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "month": np.repeat(np.arange(1, 13), 50),
            "carrier": random.choice(["AA", "UA", "B6"], 600),
            "temp": random.normal(60, 10, 600).round(1),
            "distance": random.integers(100, 3000, 600),
        }
    )


def counts(found: dict[str, Any]) -> tuple[int, int, int | None]:
    """Rows added, removed and changed."""
    rows = found["rows"]
    return rows["added"], rows["removed"], rows["changed"]


def test_equal(frame: pd.DataFrame) -> None:
    """Equal tables do not differ."""
    found = tables.compare(frame, frame.copy())

    assert counts(found) == (0, 0, 0)
    assert found["columns"] == []
    assert found["schema"] == {"added": [], "removed": [], "changed": []}


def test_one_month(frame: pd.DataFrame) -> None:
    """What changed in one month only is said to be there, and how far it moved there."""
    other = frame.copy()
    july = other["month"] == 7
    other.loc[july, "temp"] = ((other.loc[july, "temp"] - 32) / 1.8).round(1)
    found = tables.compare(frame, other)
    [column] = found["columns"]

    assert found["where"] == {"column": "month", "value": "7", "rows": 50, "of": 50}
    assert (column["column"], column["changed"]) == ("temp", 50)
    assert column["there"]["sd"] < -3
    assert column["rule"]["as"] == "Fahrenheit to Celsius"
    assert counts(found) == (0, 0, 50)


def test_every_value_of_a_column(frame: pd.DataFrame) -> None:
    """A column that changed in all rows does not keep the others from staying in place."""
    found = tables.compare(frame, frame.assign(distance=frame["distance"] * 1.609))

    assert counts(found) == (0, 0, 600)
    assert [column["column"] for column in found["columns"]] == ["distance"]
    assert found["schema"]["changed"] == [{"column": "distance", "old": "int64", "new": "float64"}]


def test_shuffled(frame: pd.DataFrame) -> None:
    """The same rows in another order are no change."""
    found = tables.compare(frame, frame.sample(frac=1, random_state=1).reset_index(drop=True))

    assert counts(found) == (0, 0, 0)
    assert found["rows"]["reordered"] is True
    assert found["columns"] == []


def test_appended(frame: pd.DataFrame) -> None:
    """Rows behind the last one are added, and the others as they were."""
    assert counts(tables.compare(frame, pd.concat([frame, frame[:7]], ignore_index=True))) == (
        7,
        0,
        0,
    )
    assert counts(tables.compare(frame, frame[:-4])) == (0, 4, 0)


def test_inserted_without_key(frame: pd.DataFrame) -> None:
    """Without a key, rows that went out and came in are counted by content."""
    other = frame.drop(index=[3, 50]).reset_index(drop=True)
    other.loc[100, "distance"] = -1
    found = tables.compare(frame, other)

    assert found["rows"]["by"] == "content"
    assert counts(found) == (1, 3, None)


def test_key(frame: pd.DataFrame) -> None:
    """Rows with a key are told apart by it, wherever they are."""
    old = frame.assign(id=[f"f{number}" for number in range(600)])
    new = old.drop(index=[3, 50]).sample(frac=1, random_state=1).reset_index(drop=True)
    new.loc[10, "distance"] = -1
    extra = old[:1].assign(id="new")
    found = tables.compare(old, pd.concat([new, extra], ignore_index=True))

    assert found["rows"]["by"] == "key id"
    assert counts(found) == (1, 2, 1)


def test_schema(frame: pd.DataFrame) -> None:
    """Columns that came, went, and changed their type are told."""
    new = frame.drop(columns="carrier").assign(month=frame["month"].astype(str), wind=1.0)
    schema = tables.compare(frame, new)["schema"]

    assert (schema["added"], schema["removed"]) == (["wind"], ["carrier"])
    assert [column["column"] for column in schema["changed"]] == ["month"]


def test_nothing_in_common(frame: pd.DataFrame) -> None:
    """Tables without a common column are two tables."""
    found = tables.compare(frame[["month"]], frame[["temp"]])

    assert counts(found) == (600, 600, None)
    assert found["columns"] == []


def test_odd_values() -> None:
    """Missing values of every kind, lists, booleans and categories are compared."""
    old = pd.DataFrame(
        {
            "list": [[1], [2], None],
            "flag": [True, False, True],
            "kind": pd.Categorical(["a", "b", None]),
            "count": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    new = old.assign(kind=pd.Categorical(["a", "c", None]), flag=[True, True, True])
    found = tables.compare(old, new)

    assert {column["column"]: column["changed"] for column in found["columns"]} == {
        "flag": 1,
        "kind": 1,
    }


@given(st.data())
def test_mirrored(data: st.DataObject) -> None:
    """Whatever was done to a table, the other way round added is removed and the rest the same."""
    values = st.sampled_from(["a", "b", "c", None])
    row = st.tuples(st.integers(0, 5), values, st.floats(0, 9).map(lambda x: round(x, 1)))
    rows = st.lists(row, min_size=1, max_size=12)
    frames = [pd.DataFrame(data.draw(rows), columns=["number", "letter", "size"]) for _ in range(2)]
    forth, back = tables.compare(*frames), tables.compare(*reversed(frames))

    assert counts(forth) == (back["rows"]["removed"], back["rows"]["added"], counts(back)[2])
    assert [c["column"] for c in forth["columns"]] == [c["column"] for c in back["columns"]]
    assert [c["changed"] for c in forth["columns"]] == [c["changed"] for c in back["columns"]]
    assert forth["where"] == back["where"]


@given(st.lists(st.integers(0, 3), max_size=8), st.lists(st.integers(0, 3), max_size=8))
def test_rows_add_up(first: list[int], second: list[int]) -> None:
    """Old rows less those removed and with those added are the new ones."""
    old, new = (pd.DataFrame({"a": part, "b": part}, dtype="int64") for part in (first, second))
    rows = tables.compare(old, new)["rows"]

    assert rows["old"] - rows["removed"] + rows["added"] == rows["new"]
