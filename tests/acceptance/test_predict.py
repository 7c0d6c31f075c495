"""`begat predict`: what a registered model says of the rows of a file, as a user asks it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from support.project import Project

REF = "flight-delays@2"


@pytest.fixture
def rows(flights: Project) -> pd.DataFrame:
    """The first rows that version 2 was trained on: featurized, with the target."""
    shown = flights.json("versions", "flight-delays/features")["versions"]
    digest = next(one["digest"] for one in shown if one["partition"] == "month=2013-01")
    name = digest.rpartition(":")[2]
    [path] = (flights.folder / ".begat" / "artifacts").rglob(f"*{name[-40:]}*")
    return pd.read_parquet(path).head(200)


def test_formats_agree(flights: Project, rows: pd.DataFrame) -> None:
    """CSV, JSON lines, Parquet and standard input of the same rows have the same predictions."""
    rows.to_csv(flights.folder / "rows.csv", index=False)
    rows.to_json(flights.folder / "rows.jsonl", orient="records", lines=True, double_precision=15)
    rows.to_parquet(flights.folder / "rows.parquet", index=False)
    said = flights.begat("predict", REF, "rows.csv").stdout
    piped = subprocess.run(
        [sys.executable, "-m", "begat.lineage.cli", "predict", REF, "-"],
        cwd=flights.folder,
        env=flights.environment,
        input=(flights.folder / "rows.csv").read_text(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    flights.begat("predict", REF, "rows.parquet", "-o", "out.parquet")
    flights.begat("predict", REF, "rows.jsonl", "-o", "out.jsonl")
    table = pd.read_csv(io.StringIO(said))
    lines = [json.loads(line) for line in (flights.folder / "out.jsonl").read_text().splitlines()]

    assert [*table.columns] == ["prediction", "probability_0", "probability_1"]
    assert len(table) == len(rows)
    assert piped == said
    pd.testing.assert_frame_equal(pd.read_parquet(flights.folder / "out.parquet"), table)
    pd.testing.assert_frame_equal(pd.DataFrame(lines), table)


def test_no_rows(flights: Project, rows: pd.DataFrame) -> None:
    """A header alone comes back as a header alone: a batch of nothing is no mistake."""
    rows.head(0).to_csv(flights.folder / "none.csv", index=False)

    said = flights.begat("predict", REF, "none.csv").stdout
    told = json.loads(flights.begat("predict", REF, "none.csv", "--json").stdout)

    assert said == "prediction,probability_0,probability_1\n"
    assert told == {"model": REF, "rows": 0, "violations": [], "predictions": []}


def test_bad_rows_are_named(flights: Project, rows: pd.DataFrame) -> None:
    """Refused with exit code 2, or left without a prediction; an expectation of the demo counts."""
    bad = rows.head(4).assign(distance=["far", 0, 500, 600])
    bad.to_csv(flights.folder / "bad.csv", index=False)
    refused = flights.begat("predict", REF, "bad.csv", "-o", "out.csv", code=2)
    told = flights.begat("predict", REF, "bad.csv", "--json", code=2)
    nulled = flights.begat("predict", REF, "bad.csv", "--on-violation", "null")

    assert refused.stderr.splitlines() == [
        f"begat: {REF} does not take these rows: distance of row 0 is the text 'far', expected a "
        "whole number; distance of row 1 is 0, expected at least 1"
    ]
    assert (refused.stdout, (flights.folder / "out.csv").exists()) == ("", False)
    assert [(one["row"], one["kind"]) for one in json.loads(told.stdout)["violations"]] == [
        (0, "type"),
        (1, "range"),
    ]
    assert [line[:1] for line in nulled.stdout.splitlines()[1:3]] == [",", ","]
    assert nulled.stdout.splitlines()[3][0] in "01"
    assert "takes not all of these rows as they are: distance of row 0" in nulled.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["flight-delays@99", "rows.csv"], 2, "99"),
        ([REF, "nothing.csv"], 2, "there is no file nothing.csv"),
        ([REF, "rows.txt"], 2, "rows.txt is no table by its name"),
        (
            [REF, "narrow.csv"],
            2,
            f"the rows for {REF} have no column 'carrier'; they have distance",
        ),
        ([REF, "ragged.csv"], 2, "ragged.csv has 2 fields in line 2"),
        ([REF, "rows.csv", "-o", "nowhere/out.csv"], 2, "nowhere/out.csv cannot be written"),
        ([REF, "rows.csv", "-o", "out.xls"], 2, "out.xls is no table by its name"),
    ],
)
def test_what_cannot_be_is_one_line(
    flights: Project, rows: pd.DataFrame, arguments: list[str], code: int, said: str
) -> None:
    """Each mistake is named with what to do, and nothing is written."""
    rows.to_csv(flights.folder / "rows.csv", index=False)
    rows[["distance"]].to_csv(flights.folder / "narrow.csv", index=False)
    (flights.folder / "rows.txt").touch()
    (flights.folder / "ragged.csv").write_text("a\n1,2\n")
    before = {*Path(flights.folder).iterdir()}
    done = flights.begat("predict", *arguments, code=code)

    assert said in done.stderr
    assert (len(done.stderr.splitlines()), done.stdout) == (1, "")
    assert {*Path(flights.folder).iterdir()} == before


def test_hostile_and_lost_models_are_refused(flights: Project, rows: pd.DataFrame) -> None:
    """A model file of other bytes is not loaded, whatever they are; exit code 1."""
    rows.to_csv(flights.folder / "rows.csv", index=False)
    digest = flights.json("show", REF)["artifact"]
    [path] = (flights.folder / ".begat" / "artifacts").rglob(f"*{digest[-40:]}*")
    path.chmod(0o644)
    path.write_bytes(b"\x80\x04cposix\nsystem\n.")

    assert digest[:19] in flights.begat("predict", REF, "rows.csv", code=1).stderr
