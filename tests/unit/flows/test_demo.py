from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest

from begat.flows import demo
from begat.flows.demo import DemoDataError


@pytest.fixture
def flights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data like the demo's, of two flights a month."""
    data = tmp_path / "data"
    data.mkdir()
    frame = pd.DataFrame({"year": 2013, "month": [*range(1, 13)] * 2, "carrier": "NA"})
    frame.to_csv(data / "flights.csv.zip", index=False)
    for name in ("weather.csv", "planes.csv"):
        (data / name).write_text(f"{name}\n")
    monkeypatch.setattr(demo, "_data", lambda: data)
    return data


def test_the_demo_is_laid_out_with_eleven_months(flights: Path, tmp_path: Path) -> None:
    """Pipeline, lookups and one file a month, each value as it stands in the data."""
    pipeline = demo.write(tmp_path / "demo")
    lake = tmp_path / "demo" / "lake"
    months = sorted(path.parent.name for path in lake.glob("flights/*/flights.csv"))

    assert (pipeline, months[0], months[-1], len(months)) == (
        tmp_path / "demo" / "flights.py",
        "month=2013-01",
        "month=2013-11",
        11,
    )
    assert (lake / "flights" / "month=2013-03" / "flights.csv").read_text() == (
        "year,month,carrier\n2013,3,NA\n2013,3,NA\n"
    )
    assert (lake / "weather.csv").read_bytes() == b"weather.csv\n"


def test_december_arrives_later(flights: Path, tmp_path: Path) -> None:
    """A month that is there already is not touched."""
    demo.write(tmp_path / "demo")
    november = tmp_path / "demo" / "lake" / "flights" / "month=2013-11" / "flights.csv"
    november.write_text("mine\n")
    demo.arrive(tmp_path / "demo")

    assert (november.read_text(), november.parents[1].joinpath("month=2013-12").is_dir()) == (
        "mine\n",
        True,
    )


def test_what_the_user_changed_stays(flights: Path, tmp_path: Path) -> None:
    """Laying out the demo again overwrites nothing."""
    pipeline = demo.write(tmp_path / "demo")
    pipeline.write_text("# mine\n")
    demo.write(tmp_path / "demo")

    assert pipeline.read_text() == "# mine\n"


def test_a_write_that_fails_leaves_nothing(
    flights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a month would be a month with fewer flights."""

    def full(*paths: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        demo.write(tmp_path / "demo")

    assert [path for path in (tmp_path / "demo").rglob("*") if path.is_file()] == []


def test_without_its_data_the_demo_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra that is missing is named."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(DemoDataError, match="its extra `demo`"):
        demo.write(tmp_path / "demo")
