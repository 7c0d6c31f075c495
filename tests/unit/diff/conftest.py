"""One history of a small pipeline, changed in one way after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from begat.lineage.diff import diff
from support.trips import MONTHS, Trips, rows

MILES = 1.609344
#: The month whose distances are in kilometres.
BAD = MONTHS[1]


@dataclass(frozen=True)
class Told:
    """The pipeline, and its versions by what was done before each."""

    trips: Trips
    versions: dict[str, str]

    def diff(self, old: str, new: str, **options: Any) -> dict[str, Any]:
        """What differs between two of its versions."""
        names = (self.versions.get(name, name) for name in (old, new))
        space = self.trips.space
        return diff(space.store, space.artifacts, *names, **options)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Every version stands on the one before it, with one thing changed."""
    trips = Trips.write(tmp_path_factory.mktemp("trips"))
    versions = {"first": trips.run()}
    frame = trips.get(BAD)
    trips.put(BAD, frame.assign(distance=(frame["distance"] * MILES).round(2)))
    versions["unit"] = trips.run()
    trips.edit('frame["distance"] / frame["minutes"]', 'frame["minutes"] / frame["distance"]')
    versions["code"] = trips.run()
    versions["parameter"] = trips.run(train__max_depth=2)
    trips.edit("LATE = 20", "LATE = 25")
    versions["target"] = trips.run(train__max_depth=2)
    trips.put("2024-05", rows(7))
    versions["month"] = trips.run(train__max_depth=2)
    weather = trips.weather.read_text().splitlines()
    trips.weather.write_text("\n".join([*weather[:-1], f"{weather[-1].split(',')[0]},15.5", ""]))
    versions["lookup"] = trips.run(train__max_depth=2)
    frame = rows(8)
    trips.put("2024-06", frame.assign(distance=(frame["distance"] * MILES).round(2)))
    versions["bad month"] = trips.run(train__max_depth=2)
    yield Told(trips, versions)
    trips.space.close()
