from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from begat.lineage.errors import ParameterError, PipelineError
from begat.tasks import expectations
from begat.tasks.expectations import check, plain

FRAME = pd.DataFrame(
    {
        "distance": [1.0, 2.0, np.nan, 999.0],
        "carrier": ["UA", "AA", "DL", "UA"],
        "day": pd.to_datetime(["2013-01-01"] * 4),
    },
    index=[0, 0, 0, 0],
)


def between(**kwargs: Any) -> dict[str, Any]:
    """An expectation about distances."""
    return {"type": "expect_column_values_to_be_between", "kwargs": {"column": "distance"} | kwargs}


def not_null(column: str, **more: Any) -> dict[str, Any]:
    """An expectation that a column has no gaps."""
    return {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}, **more}


def test_results_come_in_the_order_given() -> None:
    """Results are matched to what was asked, which Great Expectations groups by column."""
    given = [
        not_null("distance"),
        not_null("carrier"),
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10}},
        between(max_value=10),
        not_null("carrier"),
    ]
    results = check(FRAME, given)

    assert [(r.type, r.column, r.success) for r in results] == [
        ("expect_column_values_to_not_be_null", "distance", False),
        ("expect_column_values_to_not_be_null", "carrier", True),
        ("expect_table_row_count_to_be_between", "", False),
        ("expect_column_values_to_be_between", "distance", False),
        ("expect_column_values_to_not_be_null", "carrier", True),
    ]


def test_objects_and_dictionaries_say_the_same() -> None:
    """Great Expectations' objects become the dictionaries that stand for them."""
    expectations._great_expectations()
    from great_expectations import expectations as gxe

    objects = [
        gxe.ExpectColumnValuesToBeBetween(
            column="distance", max_value=10, severity="warning", description="short"
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="carrier"),
    ]

    assert plain(objects) == (
        {**between(max_value=10.0), "severity": "warning", "description": "short"},
        {**not_null("carrier"), "severity": "critical"},
    )
    assert check(FRAME, objects) == check(FRAME, plain(objects))


def test_assertions_say_what_openlineage_has_words_for() -> None:
    """An assertion has severity, column, parameters, and what was found."""
    warning, fine = check(
        FRAME, [{**between(max_value=10), "severity": "warning"}, not_null("carrier")]
    )

    assert warning.assertion() == {
        "assertion": "expect_column_values_to_be_between",
        "success": False,
        "severity": "warn",
        "column": "distance",
        "params": {"max_value": 10},
        "description": (
            "expect_column_values_to_be_between of column 'distance' failed (max_value=10): "
            "1 of 4 values are unexpected, for example 999.0"
        ),
        "actual": "1 of 4 unexpected",
    }
    assert fine.assertion() == {
        "assertion": "expect_column_values_to_not_be_null",
        "success": True,
        "severity": "error",
        "column": "carrier",
        "actual": "0 of 4 unexpected",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10}},
            "expect_table_row_count_to_be_between failed (min_value=10): observed 4",
        ),
        (
            not_null("dist"),
            "expect_column_values_to_not_be_null of column 'dist' cannot be checked "
            '(The column "dist" in BatchData does not exist)',
        ),
        (
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "carrier", "value_set": ["UA", "AA"]},
            },
            "expect_column_values_to_be_in_set of column 'carrier' failed "
            "(value_set=['UA', 'AA']): 1 of 4 values are unexpected, for example 'DL'",
        ),
        (
            {
                "type": "expect_column_quantile_values_to_be_between",
                "kwargs": {
                    "column": "distance",
                    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]},
                },
            },
            "observed {quantiles: [0.5], values: [2.0]}",
        ),
        (
            {
                "type": "expect_column_pair_values_to_be_equal",
                "kwargs": {"column_A": "distance", "column_B": "carrier"},
            },
            "of column 'distance, carrier' failed: 4 of 4 values are unexpected",
        ),
        (
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "day", "min_value": pd.Timestamp("2014-01-01")},
            },
            "(min_value=2014-01-01 00:00:00): 4 of 4 values are unexpected, for example 2013-01-01",
        ),
    ],
)
def test_failures_are_told_in_one_line(given: dict[str, Any], message: str) -> None:
    """A failure names expectation, column, count and an example, or what was observed."""
    (result,) = check(FRAME, [given])

    assert message in str(result)
    assert "\n" not in str(result)
    assert result.refuses


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_only_critical_ones_refuse(severity: str) -> None:
    """A failed warning is recorded, and does not refuse."""
    (result,) = check(FRAME, [not_null("distance", severity=severity)])

    assert (result.success, result.refuses) == (False, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("expect_x", "is neither an object of Great Expectations nor a dictionary"),
        ({"kwargs": {}}, "is not of the form"),
        ({"type": "expect_x", "kwargs": ["a"]}, "is not of the form"),
        ({"type": "expect_x", "column": "a"}, "unknown key 'column'; arguments go into 'kwargs'"),
        ({"type": "expect_x", "severity": "fatal"}, "severity 'fatal' of expectation 'expect_x'"),
    ],
)
def test_wrong_form_is_told(given: Any, message: str) -> None:
    """What is no expectation is told where the pipeline is defined."""
    with pytest.raises(PipelineError) as caught:
        plain([given])

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "expect_x", "kwargs": {}}, "Great Expectations knows no 'expect_x'"),
        (between(min_value={"$PARAMETER": "x"}), "Great Expectations cannot check expect_column"),
        (between(mini=3), "refuses {'column': 'distance', 'mini': 3}"),
    ],
)
def test_unknown_expectation_is_told(given: Any, message: str) -> None:
    """What Great Expectations does not know, or refuses, is told in one line."""
    with pytest.raises(ParameterError) as caught:
        check(FRAME, [given])

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_threads_do_not_mix_their_results() -> None:
    """Frames that are checked at the same time get each their own results."""

    def failures(count: int) -> int | None:
        frame = pd.DataFrame({"distance": [None] * count + [1.0] * (8 - count)}, dtype="float64")
        return check(frame, [not_null("distance")])[0].unexpected

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(failures, range(8)))

    assert found == list(range(8))


def test_nothing_is_imported_without_expectations() -> None:
    """Where nothing is expected, Great Expectations is not imported."""
    code = (
        "import sys, pandas as pd; from begat.tasks import expectations, prepare; "
        "expectations.check(pd.DataFrame({'a': [1]}), ()); "
        "print('great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
