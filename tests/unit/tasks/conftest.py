"""Workspaces in memory, and rows to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from begat import lineage
from begat.lineage.active import ActiveRun, active
from begat.lineage.content.memory import MemoryStore
from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace, using


@dataclass(frozen=True, kw_only=True)
class Lake:
    """What tasks write and read, and the run that they belong to."""

    run: ActiveRun
    store: MemoryStore

    def read(self, version: DatasetVersion) -> Any:
        return lineage.read(version)

    def part(self, frame: pd.DataFrame, partition: str, name: str = "features") -> DatasetVersion:
        return lineage.write(frame, name, partition=partition)

    def snapshot(self, frames: dict[str, pd.DataFrame], name: str = "features") -> Snapshot:
        return Snapshot(versions=tuple(self.part(frames[key], key, name) for key in sorted(frames)))


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home that lasts as long as the tests."""
    home: Path = tmp_path_factory.mktemp("home")
    return Settings(home=home, store=f"sqlite:///{home / 'begat.db'}", artifacts="memory")


@pytest.fixture
def lake(settings: Settings) -> Iterator[Lake]:
    """A workspace whose artifacts are in memory, inside a run of the flow `delays`."""
    space = Workspace(settings)
    store = MemoryStore()
    vars(space)["artifacts"] = store
    run = ActiveRun(run_id="01990000-0000-7000-8000-000000000001", flow="delays", recipe="r")
    with using(space), active(run):
        yield Lake(run=run, store=store)


def month(seed: int, rows: int = 60) -> pd.DataFrame:
    """Rows in which flights over 1500 miles are late, and those of UA the other way round."""
    random = np.random.default_rng(seed)
    distance = random.uniform(100, 3000, rows)
    carrier = random.choice(["AA", "DL", "UA"], rows)
    return pd.DataFrame(
        {
            "distance": distance,
            "hour": random.integers(5, 23, rows),
            "carrier": carrier,
            "late": (distance > 1500) ^ (carrier == "UA"),
        }
    )
