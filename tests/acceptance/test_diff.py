"""Whoever is woken at night types `begat diff` and reads what differs on the first screen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from support.project import Project

#: Lines of a terminal.
SCREEN = 24
KEYS = {
    *("old", "new", "same", "causes", "holdout", "metrics", "slices", "data", "derived"),
    *(
        "code",
        "job",
        "parameters",
        "packages",
        "python",
        "image",
        "seeds",
        "hardware",
        "environment",
    ),
    *("notes", "truncated"),
}


def screen(project: Project, *arguments: str) -> str:
    """What stands on the first screen of a diff."""
    return "\n".join(project.begat("diff", *arguments).stdout.splitlines()[:SCREEN])


def train(project: Project, *arguments: str) -> str:
    """Train again; the version that results."""
    return str(project.run("--plain", *arguments)["model_version"])


def convert(path: Path, column: str, factor: float, offset: float, rows: str = "") -> None:
    """Write a column of a CSV file in another unit; in the rows of one month only, if asked."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    chosen = (frame[column] != "") & ((frame["month"] == rows) | (not rows))
    values = frame.loc[chosen, column].astype(float) * factor + offset
    frame.loc[chosen, column] = values.round(2).astype(str)
    frame.to_csv(path, index=False)


def test_unit_error_in_one_month(flights: Project) -> None:
    """Kilometres for miles in July stand on the first screen, as the first and only cause."""
    convert(flights.month("07"), "distance", 1.609344, 0)
    new = train(flights)
    shown = screen(flights, "flight-delays@2", new)
    found = flights.json("diff", "flight-delays@2", new)

    assert "1. flights[month=2013-07] changed; distance moved" in shown
    assert "miles to kilometres" in shown
    assert "the same holdout" in shown
    assert "2. " not in shown
    assert set(found) == KEYS
    assert set(found["data"]) == {"added", "removed", "changed"}
    assert [entry["partition"] for entry in found["data"]["changed"]] == ["month=2013-07"]


def test_unit_error_in_one_month_of_a_lookup(flights: Project) -> None:
    """Celsius for Fahrenheit in July's weather: the column, the month and the rule are there."""
    weather = flights.folder / "begat-demo" / "lake" / "weather.csv"
    convert(weather, "temp", 1 / 1.8, -32 / 1.8, rows="7")
    shown = screen(flights, "flight-delays@2", train(flights))

    assert "1. weather.csv changed; temp moved where month is 7" in shown
    assert "Fahrenheit to Celsius" in shown


def test_rescore(flights: Project) -> None:
    """Version 1 and 2 were held against different months: both are evaluated on both."""
    before = flights.json("runs")
    found = flights.json("diff", "flight-delays@1", "flight-delays@2", "--rescore")
    shown = flights.begat("diff", "flight-delays@1", "flight-delays@2", "--rescore").stdout

    assert found["holdout"]["same"] is False
    assert [entry["trained_on"] for entry in found["rescore"]] == [False, True, False, False]
    assert all("metrics" in entry for entry in found["rescore"])
    assert "both models on both holdouts" in shown
    assert "it was trained on this" in shown
    assert flights.json("runs") == before
    assert len(flights.json("models")["models"]) == 2


def test_same_version(flights: Project) -> None:
    """Whether anything differs or not, the command succeeds."""
    assert "nothing differs" in screen(flights, "flight-delays@2", "flight-delays@latest")


def test_unknown_version(flights: Project) -> None:
    """A version that is not there is refused in one line."""
    done = flights.begat("diff", "flight-delays@2", "flight-delays@9", code=2)

    assert done.stdout == ""
    assert done.stderr.startswith("begat: flight-delays has no version '9'")


def test_light() -> None:
    """Asking for help imports neither pandas nor scikit-learn nor an orchestrator."""
    code = (
        "import sys; from begat.lineage.cli import begat\n"
        "begat.main(['diff', '--help'], standalone_mode=False)\n"
        "print(sorted({'pandas', 'numpy', 'sklearn', 'prefect', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout.splitlines()[-1].replace("'", '"')) == []
