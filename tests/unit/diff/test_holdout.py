"""Whether the labels of a holdout are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from begat.lineage.diff import holdout

LATE = [1, 0, 1, 1]


class Tables:
    """Hands out a table for each side."""

    def __init__(self, **labels: Any) -> None:
        self._labels = labels

    def gone(self, *rows: dict[str, str]) -> str:
        return ""

    def table(self, row: dict[str, str]) -> pd.DataFrame:
        return pd.DataFrame({"late": self._labels[row["side"]]})


def judged(old: Any, new: Any) -> tuple[bool | None, str]:
    """What is said of these labels."""
    about = {"namespace": "file", "name": "/lake/trips", "partition": "month=1"}
    sides: Any = [({**about, "side": "old"}, {**about, "side": "new"})]
    tables: Any = Tables(old=old, new=new)
    return holdout._labels(sides, "late", tables)


@pytest.mark.parametrize(
    "new",
    [
        np.array(LATE, dtype="int8"),
        np.array(LATE, dtype=bool),
        pd.array([1, 0, 1, 1], dtype="Int64"),
        np.array(LATE, dtype=float),
    ],
    ids=lambda new: str(new.dtype),
)
def test_same_in_another_type(new: Any) -> None:
    """The same labels in another type are the same holdout."""
    assert judged(LATE, new)[0] is True
    assert judged(new, LATE)[0] is True


def test_categories() -> None:
    """Labels that are categories are compared, whatever categories there are."""
    old = pd.Categorical(["late", "early", "late", "late"])
    new = pd.Categorical(["late", "early", "late", "lost"])

    assert judged(old, old.add_categories("lost"))[0] is True
    assert judged(old, new) == (False, "late is another in 1 of 4 rows of trips[month=1]")
