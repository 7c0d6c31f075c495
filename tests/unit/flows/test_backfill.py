from __future__ import annotations

import re

import pytest

from begat.flows.backfill import cuts
from begat.lineage.errors import DataError
from support.delays import Lake


def test_the_last_partition_cannot_be_the_only_one(lake: Lake) -> None:
    """It is held out: who begins at the first, in natural order, is told to begin at the second."""
    lake.months(["2013-9", "2013-10", "2013-11"])
    pipeline = lake.pipeline()
    said = "leaves none before it to train on; begin with the second, month=2013-10"

    with pytest.raises(DataError, match=f"^the first partition .* is month=2013-9, .*{said}$"):
        cuts(pipeline, "month>=2013-9")
    assert cuts(pipeline, "month>=2013-10") == ["month<=2013-10", "month<=2013-11"]


def test_one_partition_is_not_enough(lake: Lake) -> None:
    """There is no second to begin with: one has to be added."""
    lake.months(["2013-9"])

    with pytest.raises(DataError, match=re.escape("to train on; add a partition")):
        cuts(lake.pipeline(), "month>=2013-9")


def test_a_fraction_of_one_partition_can_be_held_out(lake: Lake) -> None:
    """Where rows are held out the first partition is enough."""
    lake.months(["2013-9", "2013-10"])

    assert cuts(lake.pipeline(holdout=0.25), "month>=2013-9") == [
        "month<=2013-9",
        "month<=2013-10",
    ]
