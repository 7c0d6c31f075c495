"""Rows that fail an expectation of severity warning are put aside; all others go on."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.errors import DataError, ExpectationError
from begat.lineage.records import DatasetVersion
from begat.tasks.expectations import check, quarantines
from begat.tasks.prepare import prepare

from .conftest import Lake

RAW = pd.DataFrame(
    {
        "distance": [100.0, 9000.0, None, 200.0, 8000.0],
        "carrier": ["AA", "AA", "UA", None, None],
        "late": pd.Series([0, 1, 0, 1, 1], dtype="int8"),
    }
)
NEAR = "expect_column_values_to_be_between of column 'distance' (max_value=5000)"
NAMED = "expect_column_values_to_not_be_null of column 'carrier'"


def same(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it is, under labels that are no positions."""
    return frame.set_axis([7] * len(frame))


def near(severity: str = "warning", **more: Any) -> dict[str, Any]:
    """Expect distances of up to 5000."""
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "distance", "max_value": 5000, **more},
        "severity": severity,
    }


def named(severity: str = "warning") -> dict[str, Any]:
    """Expect every row to have a carrier."""
    return {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "carrier"},
        "severity": severity,
    }


def whole(severity: str = "warning") -> dict[str, Any]:
    """Expect more rows than there are."""
    return {
        "type": "expect_table_row_count_to_be_between",
        "kwargs": {"min_value": 10},
        "severity": severity,
    }


@pytest.fixture
def part(lake: Lake) -> DatasetVersion:
    """A raw partition, three of whose rows are odd."""
    return lake.part(RAW, "month=2013-01", "raw")


def both(part: DatasetVersion, *expectations: dict[str, Any]) -> tuple[DatasetVersion, ...]:
    """What prepare made: the prepared rows and those that it put aside."""
    made = prepare(part, function=same, expectations=expectations)
    assert isinstance(made, dict)
    assert list(made) == ["prepared", "quarantine"]
    return tuple(made.values())


def test_odd_rows_are_put_aside_with_their_reasons(lake: Lake, part: DatasetVersion) -> None:
    """A row that fails is in the quarantine once, with all that it failed, and nowhere else."""
    prepared, aside = both(part, near(), named())
    kept, odd = lake.read(prepared), lake.read(aside)

    assert str(prepared) == "delays/prepared[month=2013-01]"
    assert str(aside) == "delays/quarantine[month=2013-01]"
    assert kept.equals(RAW.iloc[[0, 2]].reset_index(drop=True))
    assert odd.drop(columns="quarantine_reason").equals(RAW.iloc[[1, 3, 4]].reset_index(drop=True))
    assert odd["quarantine_reason"].tolist() == [NEAR, NAMED, f"{NEAR}; {NAMED}"]
    assert (prepared.rows, aside.rows) == (2, 3)


@pytest.mark.parametrize("limit", [9000, 10_000])
def test_a_partition_that_is_all_right_has_an_empty_quarantine(
    lake: Lake, part: DatasetVersion, limit: int
) -> None:
    """What nothing is put aside of is prepared as without expectations, byte by byte.

    The empty quarantine has the schema of any other.
    """
    prepared, aside = both(part, near(max_value=limit))
    plain = prepare(part, function=same)

    assert prepared == plain
    assert aside.rows == 0
    assert lake.read(aside).dtypes.equals(lake.read(both(part, near())[1]).dtypes)
    assert list(lake.read(aside).columns) == [*RAW.columns, "quarantine_reason"]


@pytest.mark.parametrize(
    "expectations",
    [(), (near("info"),), (whole(),), (named("info"), whole("info"))],
    ids=["none", "info", "table", "mixed"],
)
def test_others_only_record(part: DatasetVersion, expectations: tuple[dict[str, Any], ...]) -> None:
    """Severity info, and a warning about the table as a whole, put nothing aside."""
    made = prepare(part, function=same, expectations=expectations)

    assert made == prepare(part, function=same)
    assert not quarantines(expectations)


def test_critical_ones_refuse_before_anything_is_put_aside(
    lake: Lake, part: DatasetVersion
) -> None:
    """A partition is refused for its rows as they were prepared, also for odd ones among them."""
    held = len(lake.run.outputs)
    with pytest.raises(ExpectationError, match="is refused: expect_column_values_to_not_be_null"):
        prepare(part, function=same, expectations=[near(), named("critical")])

    assert len(lake.run.outputs) == held


def test_mostly_is_a_limit(part: DatasetVersion) -> None:
    """The same once more, critical and mostly: some odd rows are put aside, too many refuse."""
    some = both(part, near(), near("critical", mostly=0.4))[1]
    with pytest.raises(ExpectationError, match=r"mostly=0.6\): 2 of 5 values are unexpected"):
        prepare(part, function=same, expectations=[near(), near("critical", mostly=0.6)])

    assert some.rows == 2


def test_what_holds_mostly_puts_nothing_aside(part: DatasetVersion) -> None:
    """A warning that holds, for as many rows as it asks for, leaves its odd rows where they are."""
    assert both(part, near(mostly=0.4))[1].rows == 0
    assert both(part, near(mostly=0.6))[1].rows == 2


def test_a_partition_of_which_nothing_is_left_is_refused(lake: Lake, part: DatasetVersion) -> None:
    """A partition with odd rows only is refused, and nothing is written."""
    held = len(lake.run.outputs)
    with pytest.raises(ExpectationError) as caught:
        both(part, near(max_value=1), near(min_value=1, max_value=None), named(), nowhere())

    assert str(caught.value) == (
        "delays/raw[month=2013-01] is refused: all of its 5 rows would be put aside, the first for "
        "expect_column_values_to_be_between of column 'distance' (max_value=1); mend the "
        "partition, the function or the expectation"
    )
    assert len(lake.run.outputs) == held


def nowhere() -> dict[str, Any]:
    """Expect what no row has."""
    return {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "late", "value_set": [2]},
        "severity": "warning",
    }


def test_a_column_of_the_reasons_name_is_refused(lake: Lake, part: DatasetVersion) -> None:
    """A column that would be overwritten is named."""
    with pytest.raises(DataError, match=r"a column 'quarantine_reason'.*rename it"):
        prepare(
            part,
            function=lambda frame: frame.assign(quarantine_reason=""),
            expectations=[near()],
        )


def test_pairs_and_groups_put_their_rows_aside() -> None:
    """Expectations about several columns of a row are about rows; duplicates go all of them."""
    frame = pd.DataFrame({"a": [1, 2, 2, 4], "b": [0, 3, 3, 1]}, index=[0, 0, 0, 0])
    greater, distinct, compound = check(
        frame,
        [
            {
                "type": "expect_column_pair_values_a_to_be_greater_than_b",
                "kwargs": {"column_A": "a", "column_B": "b"},
                "severity": "warning",
            },
            {
                "type": "expect_column_values_to_be_unique",
                "kwargs": {"column": "a"},
                "severity": "warning",
            },
            {
                "type": "expect_compound_columns_to_be_unique",
                "kwargs": {"column_list": ["a", "b"]},
                "severity": "warning",
            },
        ],
    )

    assert greater.rows == distinct.rows == compound.rows == (1, 2)


def test_a_warning_that_cannot_be_checked_puts_nothing_aside(
    part: DatasetVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a column that is not there no row is odd; that it is not there is logged."""
    with caplog.at_level(logging.WARNING, "begat"):
        _, aside = both(part, near(column="speed"))

    assert aside.rows == 0
    assert "cannot be checked" in caplog.text


def test_what_is_put_aside_is_said(
    lake: Lake, part: DatasetVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which rows go, and the assertion how many; an output says its rows."""
    with caplog.at_level(logging.WARNING, "begat"):
        both(part, near(), whole())
    (first, second) = lake.run.inputs[part]["dataQualityAssertions"]["assertions"]

    assert [
        record.getMessage().endswith("the rows are put aside") for record in caplog.records
    ] == [
        True,
        False,
    ]
    assert (first["severity"], first["success"], first["actual"]) == (
        "warn",
        False,
        "2 of 5 unexpected",
    )
    assert second["success"] is False


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(lambda v: min(v) < 5))
def test_every_row_is_in_one_of_the_two(lake: Lake, values: list[int]) -> None:
    """Prepared and quarantine are together what was prepared, in its order, and again the same."""
    part = lake.part(pd.DataFrame({"distance": values}), "month=2013-02", "raw")
    expectation = near(max_value=4)
    prepared, aside = both(part, expectation)

    assert lake.read(prepared)["distance"].tolist() == [v for v in values if v <= 4]
    assert lake.read(aside)["distance"].tolist() == [v for v in values if v > 4]
    assert both(part, expectation) == (prepared, aside)
