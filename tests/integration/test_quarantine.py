"""A pipeline that puts rows aside: what follows it, what is reused, what commands say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from begat.flows.load import load
from begat.lineage.cli import begat
from begat.lineage.workspace import workspace
from support.small import Small, rows, states

EXPECTATIONS = """
    target="late",
    expectations=[{
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "distance", "max_value": 1501},
        "severity": "warning",
    }],
"""
#: By month, the rows of `{pipeline}/quarantine` that are current.
QUARANTINE = """
SELECT version.partition, version.rows FROM output JOIN version ON version.id = output.version
JOIN dataset ON dataset.id = version.dataset WHERE dataset.name = 'small/quarantine'
ORDER BY output.run, version.partition
"""


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A pipeline of three months with five, five and six odd rows."""
    made = Small.write(tmp_path / "project")
    made.edit('    target="late",\n', EXPECTATIONS)
    return made


def test_a_pipeline_puts_rows_aside(small: Small, home: Path) -> None:
    """Features are of the prepared rows; counts are shown; a mended month is done again alone."""
    pipeline = load(small.name)
    first = pipeline.run(adapter="plain")
    assert rows(home, QUARANTINE) == [
        ("month=2013-01", 5),
        ("month=2013-02", 5),
        ("month=2013-03", 6),
    ]
    assert rows(
        home,
        "SELECT version.rows FROM version JOIN dataset ON dataset.id = version.dataset "
        "WHERE dataset.name = 'small/features' ORDER BY version.partition",
    ) == [(15,), (15,), (14,)]

    said = CliRunner().invoke(begat, ["runs", first.flow_run_id]).output
    shown = CliRunner().invoke(begat, ["show", "small@1"]).output
    told = json.loads(CliRunner().invoke(begat, ["runs", first.flow_run_id, "--json"]).output)
    assert "6 rows quarantined" in said
    assert "month=2013-03" in shown
    assert shown.count("rows quarantined") == 3
    assert [task["quarantined"] for task in told["tasks"]][:4] == [5, 5, 6, 0]

    unchanged = pipeline.run(adapter="plain")
    assert (unchanged.count("COMPLETE"), unchanged.count("REUSED")) == (0, 9)

    month = small.month("2013-03")
    header, *lines = month.read_text().splitlines()
    near = [line for line in lines if int(line.partition(",")[0]) <= 1501]
    month.write_text("\n".join([header, *near, ""]))
    pipeline.run(adapter="plain")

    assert rows(home, QUARANTINE)[3:] == [("month=2013-03", 0)]
    assert len(states(home)["small.prepare"]) == 4


def test_a_lost_quarantine_is_made_again(small: Small, home: Path) -> None:
    """Rows that were put aside are an output like any other: without them prepare runs again."""
    pipeline = load(small.name)
    pipeline.run(adapter="plain")
    [(digest,)] = rows(
        home,
        "SELECT version.digest FROM version JOIN dataset ON dataset.id = version.dataset "
        "WHERE dataset.name = 'small/quarantine' AND version.partition = 'month=2013-02'",
    )
    before = workspace().artifacts.read(digest)
    path = home / "artifacts" / digest[7:9] / digest[9:]
    path.unlink()
    report = pipeline.run(adapter="plain")

    assert report.count("COMPLETE") == 1
    assert path.read_bytes() == before
