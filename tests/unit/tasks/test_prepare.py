from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest

from begat.lineage.errors import DataError, ExpectationError
from begat.lineage.records import DatasetVersion
from begat.tasks.featurize import featurize
from begat.tasks.prepare import prepare

from .conftest import Lake

RAW = pd.DataFrame({"distance": [1.0, None, 999.0], "origin": ["JFK", "LGA", "EWR"]})


def clean(frame: pd.DataFrame, weather: pd.DataFrame | None = None) -> pd.DataFrame:
    """Drop rows with gaps, and join the weather if there is some."""
    kept = frame.dropna()
    return kept if weather is None else kept.merge(weather, on="origin")


def expect(maximum: float, severity: str = "critical") -> dict[str, Any]:
    """Expect distances up to a maximum."""
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "distance", "max_value": maximum},
        "severity": severity,
    }


@pytest.fixture
def part(lake: Lake) -> DatasetVersion:
    """A raw partition."""
    return lake.part(RAW, "month=2013-01", "raw")


def test_prepared_partition_keeps_its_key(lake: Lake, part: DatasetVersion) -> None:
    """What is prepared from a partition is the same partition of `{flow}/prepared`."""
    made = prepare(part, function=clean)

    assert str(made) == "delays/prepared[month=2013-01]"
    assert lake.read(made)["distance"].tolist() == [1.0, 999.0]


def test_lookups_come_as_frames(lake: Lake, part: DatasetVersion) -> None:
    """Lookups are read and handed over by name."""
    weather = lake.part(pd.DataFrame({"origin": ["JFK"], "wind": [7]}), "", "weather")
    made = prepare(part, function=clean, lookups={"weather": weather})

    assert lake.read(made).to_dict("list") == {"distance": [1.0], "origin": ["JFK"], "wind": [7]}


def test_met_expectations_are_told(lake: Lake, part: DatasetVersion) -> None:
    """Results and column metrics of what was prepared are told about the raw partition."""
    prepare(part, function=clean, expectations=[expect(1000)])
    told = lake.run.inputs[part]

    assert [item["success"] for item in told["dataQualityAssertions"]["assertions"]] == [True]
    assert told["dataQualityMetrics"]["rowCount"] == 2
    assert told["dataQualityMetrics"]["columnMetrics"]["distance"]["max"] == 999.0


def test_expectations_are_about_what_was_prepared(part: DatasetVersion) -> None:
    """A gap that the function drops is no failure."""
    gaps = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "distance"}}

    assert prepare(part, function=clean, expectations=[gaps]).partition == "month=2013-01"


def test_failed_expectation_refuses_the_partition(lake: Lake, part: DatasetVersion) -> None:
    """A refusal names partition, expectation, column, count and an example, and is told."""
    held = len(lake.run.outputs)
    with pytest.raises(ExpectationError) as caught:
        prepare(part, function=clean, expectations=[expect(500), expect(600)])

    assert str(caught.value) == (
        "delays/raw[month=2013-01] is refused: expect_column_values_to_be_between of column "
        "'distance' failed (max_value=500): 1 of 2 values are unexpected, for example 999.0 "
        "(and 1 more failed); mend the partition, the function or the expectation"
    )
    assert len(lake.run.inputs[part]["dataQualityAssertions"]["assertions"]) == 2
    assert len(lake.run.outputs) == held


def test_failed_warning_is_logged(part: DatasetVersion, caplog: pytest.LogCaptureFixture) -> None:
    """An expectation of a lower severity is logged, and the partition goes on."""
    with caplog.at_level(logging.WARNING, "begat"):
        prepare(part, function=clean, expectations=[expect(500, "warning")])

    assert "expect_column_values_to_be_between of column 'distance' failed" in caplog.text


def test_wrong_functions_are_told(part: DatasetVersion) -> None:
    """A function that fails is named with its task and partition."""
    with pytest.raises(DataError, match=r"^prepare=.*failed on delays/raw\[month=2013-01\]"):
        prepare(part, function=lambda frame: frame["no"])
    with pytest.raises(DataError, match=r"^featurize=.*returned NoneType"):
        featurize(part, function=lambda frame: None)


def test_featurized_partition_keeps_its_key(lake: Lake, part: DatasetVersion) -> None:
    """What is featurized from a partition is the same partition of `{flow}/features`."""
    made = featurize(part, function=lambda frame: frame[["distance"]])

    assert str(made) == "delays/features[month=2013-01]"
    assert list(lake.read(made).columns) == ["distance"]
