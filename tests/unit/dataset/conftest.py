"""A small lake, and models over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from begat.lineage import DatasetVersion, Snapshot, plain, read, source, write
from begat.lineage.registry.versions import register
from begat.lineage.workspace import workspace

RAW = "raw/month={month}/*.csv"


@plain.task
def prepare(part: DatasetVersion, lookups: Mapping[str, DatasetVersion]) -> DatasetVersion:
    frame = read(part).merge(read(lookups["planes"]), on="plane")
    return write(frame, "prepared", partition=part.partition)


@plain.task
def train(features: Snapshot) -> DatasetVersion:
    return write({"rows": sum(len(read(part)) for part in features.versions)}, "model")


class Lake:
    """Three months of rides, the last of them two files; and models trained on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for month in ("01", "02"):
            self.put(month, f"id,plane,delay\n1,a,{month}\n2,b,3\n3,a,4\n")
        self.put("03", "id,plane,delay\n1,a,1\n", "x.csv")
        self.put("03", "id,plane,delay\n2,b,1\n", "y.csv")
        (folder / "planes.csv").write_text("plane,seats\na,10\nb,20\n")

    def path(self, month: str, name: str = "rides.csv") -> Path:
        return self.folder / "raw" / f"month={month}" / name

    def put(self, month: str, text: str, name: str = "rides.csv") -> None:
        self.path(month, name).parent.mkdir(parents=True, exist_ok=True)
        self.path(month, name).write_text(text)

    def train(self) -> str:
        """Train on what is there; the model version."""
        raw = source(RAW, folder=self.folder)
        planes = source("planes.csv", folder=self.folder)
        assert isinstance(raw, Snapshot)
        assert isinstance(planes, DatasetVersion)
        with plain.flow("rides"):
            made = [prepare(part, {"planes": planes}) for part in raw.versions]
            model = train(Snapshot(versions=tuple(made)))
        return register(
            workspace().store,
            model="rides",
            recipe=model.digest + model.producer,
            run_id=model.producer,
            training_run_id=model.producer,
            digest=model.digest,
            body={},
        ).ref


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The lake."""
    (tmp_path / "lake").mkdir()
    return Lake(tmp_path / "lake")
