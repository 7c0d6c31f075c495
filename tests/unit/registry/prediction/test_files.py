"""Rows out of files, and predictions into them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from begat.lineage.errors import DataError, ParameterError, SignatureError
from begat.lineage.registry.prediction import files
from support.served import BARE, ROWS, SIGNATURE, frames, model

FEATURES = SIGNATURE["features"]


@given(frame=frames())
def test_rows_of_every_format_are_predicted_alike(frame: pd.DataFrame) -> None:
    """CSV, JSON lines and Parquet of the same rows have the predictions of the rows themselves."""
    # No file format tells an empty text, or one such as NA, from a missing value in CSV.
    frame = frame.assign(tail=[f"N{text.encode().hex()}" for text in frame["tail"]])
    lines = "".join(
        json.dumps({key: None if pd.isna(value) else value for key, value in row.items()}) + "\n"
        for row in frame.to_dict("records")
    )
    contents = {
        "csv": frame.to_csv(index=False).encode(),
        "jsonl": lines.encode(),
        "parquet": frame.to_parquet(index=False),
    }
    strict = model(ranges="seen")

    for kind, content in contents.items():
        rows = files.read(content, kind, FEATURES, name=f"rows.{kind}")
        assert strict.predict(rows).tolist() == BARE.predict(frame).tolist(), kind


def test_a_bad_value_in_csv_costs_its_row_alone() -> None:
    """One word among numbers does not make text of the others, and text stays what it was."""
    head = ROWS.iloc[:3].assign(hour=["7", "late", "9"], tail=["007", "1.0", "2"], night="true")
    rows = files.read(head.to_csv(index=False).encode(), "csv", FEATURES, name="rows.csv")

    assert rows["tail"].tolist() == ["007", "1.0", "2"]
    assert [(one.column, one.row, one.value) for one in model(ranges="off").check(rows)] == [
        ("hour", 1, "late")
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_no_rows(kind: str) -> None:
    """A file without rows has no predictions, and they are written with the same columns."""
    none = ROWS.iloc[:0]
    contents = {
        "csv": none.to_csv(index=False).encode(),
        "jsonl": b"\n",
        "parquet": none.to_parquet(index=False),
    }
    rows = files.read(contents[kind], kind, FEATURES, name=f"rows.{kind}")
    found = files.table(model().outputs(rows), [0, 1])

    assert (len(rows), len(found)) == (0, 0)
    assert files.write(found, "csv").decode() == "prediction,probability_0,probability_1\n"
    assert files.write(found, "jsonl") == b""
    assert [*pd.read_parquet(io.BytesIO(files.write(found, "parquet"))).columns] == [*found.columns]


def test_no_rows_of_other_columns() -> None:
    """A header alone is held against the signature like any other; without one it is no table."""
    with pytest.raises(SignatureError, match="no column"):
        model().predict(files.read(b"a,b\n", "csv", FEATURES, name="rows.csv"))
    with pytest.raises(DataError, match=r"rows.csv is empty"):
        files.read(b"", "csv", FEATURES, name="rows.csv")


def test_a_file_that_is_no_table_is_named() -> None:
    """A record with a field too many, and a name without a table's suffix."""
    with pytest.raises(DataError, match=r"rows.csv has 3 fields in line 2"):
        files.read(b"a,b\n1,2,3\n", "csv", FEATURES, name="rows.csv")
    with pytest.raises(ParameterError, match=r"rows.txt is no table by its name; give one of .csv"):
        files.kind_of("rows.txt")
    assert [files.kind_of(name) for name in ("-", "a.NDJSON", "a.csv", "b.pq")] == [
        "csv",
        "jsonl",
        "csv",
        "parquet",
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_predictions_are_written_with_gaps(kind: str) -> None:
    """What was not predicted is empty or null, and whole numbers stay whole."""
    outputs: dict[str, Any] = {
        "predict": np.array([1, None, 0], dtype=object),
        "predict_proba": np.array([[0.25, 0.75], [np.nan, np.nan], [1.0, 0.0]]),
    }
    content = files.write(files.table(outputs, [0, 1]), kind)

    if kind == "csv":
        assert content.decode().splitlines() == [
            "prediction,probability_0,probability_1",
            "1,0.25,0.75",
            ",,",
            "0,1.0,0.0",
        ]
    elif kind == "jsonl":
        assert json.loads(content.splitlines()[1]) == {
            "prediction": None,
            "probability_0": None,
            "probability_1": None,
        }
    else:
        read = pd.read_parquet(io.BytesIO(content))
        assert read["prediction"].isna().tolist() == [False, True, False]
        assert read["probability_1"].tolist()[::2] == [0.75, 0.0]
