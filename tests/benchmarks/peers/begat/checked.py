"""The same pipeline with Great Expectations looking at each prepared month."""

from __future__ import annotations

from dataclasses import replace

from flights import pipeline as unchecked

pipeline = replace(
    unchecked,
    expectations=[
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "late", "value_set": [0, 1]},
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "distance", "min_value": 1},
        },
    ],
)
