from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from begat import lineage
from begat.lineage.records import DatasetVersion
from begat.tasks import lookups

from .conftest import Lake

WEATHER = pd.DataFrame({"origin": ["JFK", "LGA"], "wind": [7, 9]})


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """No lookups from other tests, and none for them."""
    lookups._kept.clear()
    yield
    lookups._kept.clear()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tables that were read."""
    names: list[str] = []
    genuine = lineage.read

    def spy(version: DatasetVersion) -> object:
        names.append(version.name)
        return genuine(version)

    monkeypatch.setattr(lineage, "read", spy)
    return names


def test_read_once(lake: Lake, reads: list[str]) -> None:
    """As long as the lookups are the same, they are read once."""
    weather, planes = (lake.part(WEATHER, "", name) for name in ("weather", "planes"))
    for _ in range(3):
        lookups.tables({"weather": weather})
    again = lake.part(WEATHER.assign(wind=0), "", "weather")
    for changed in (again, weather, planes):
        lookups.tables({"weather": changed})

    assert reads == [weather.name, again.name, weather.name]


def test_each_has_its_own(lake: Lake) -> None:
    """What a run does to its lookups, no other run sees."""
    given = {"weather": lake.part(WEATHER, "", "weather")}
    first = lookups.tables(given)["weather"]
    first["wind"] = 0
    first.loc[0, "origin"] = "EWR"
    first.pop("wind")

    pd.testing.assert_frame_equal(lookups.tables(given)["weather"], WEATHER)


def test_every_run_tells_the_rows(lake: Lake) -> None:
    """A run says how many rows its lookup has, whether or not it was read for this run."""
    version = lake.part(WEATHER, "", "weather")
    uncounted = uncounted_rows(version)
    for _ in range(2):
        lake.run.inputs.clear()
        lookups.tables({"weather": uncounted})

        assert lake.run.inputs[uncounted]["inputStatistics"]["rowCount"] == 2


def test_large_ones_are_not_kept(
    lake: Lake, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lookups that are too large together are read by each run."""
    given = {"weather": lake.part(WEATHER, "", "weather")}
    monkeypatch.setattr(lookups, "MOST_BYTES", given["weather"].size - 1)
    frames = [lookups.tables(given)["weather"] for _ in range(2)]

    assert (len(reads), len(lookups._kept), len(frames)) == (2, 0, 2)


def uncounted_rows(version: DatasetVersion) -> DatasetVersion:
    """The same table, its rows not counted."""
    return DatasetVersion(
        namespace=version.namespace,
        name=version.name,
        digest=version.digest,
        size=version.size,
        format=version.format,
    )
