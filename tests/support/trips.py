"""A small pipeline whose data, code and parameters are changed, to see what a diff says."""

from __future__ import annotations

import linecache
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from begat.flows import training
from begat.flows.load import load
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace, using

MONTHS = ("2024-01", "2024-02", "2024-03", "2024-04")
ROWS = 240
PIPELINE = '''\
"""Which trips were late?"""

from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline

LATE = 20


def clean(frame, weather):
    """Trips with the weather of their day."""
    frame = frame.merge(weather, on="day", how="left")
    return frame.assign(late=(frame["delay"] > LATE).astype("int8")).drop(columns=["delay"])


def speed(frame):
    return frame["distance"] / frame["minutes"]


def features(frame):
    return frame.assign(speed=speed(frame)).drop(columns=["day"])


pipeline = Pipeline(
    name="trips",
    source="lake/trips/month={month}/trips.csv",
    lookups={"weather": "lake/weather.csv"},
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(max_depth=3, random_state=1),
    target="late",
    slices=["city"],
)
'''


@dataclass(frozen=True)
class Trips:
    """The pipeline's folder, and what is recorded of its runs."""

    folder: Path
    space: Workspace

    @classmethod
    def write(cls, folder: Path) -> Trips:
        """Lay out the pipeline and its lake."""
        home = folder / "home"
        settings = Settings(
            home=home, store=f"sqlite:///{home / 'begat.db'}", artifacts=str(home / "artifacts")
        )
        trips = cls(folder, Workspace(settings))
        trips.file.parent.mkdir(parents=True, exist_ok=True)
        trips.file.write_text(PIPELINE)
        for number, month in enumerate(MONTHS):
            trips.put(month, rows(number))
        days = pd.DataFrame({"day": range(1, 31)})
        random = np.random.default_rng(9)
        days.assign(temp=random.normal(60, 8, 30).round(1)).to_csv(trips.weather, index=False)
        return trips

    @property
    def file(self) -> Path:
        """The pipeline's file."""
        return self.folder / "trips.py"

    @property
    def weather(self) -> Path:
        """The lookup's file."""
        return self.folder / "lake" / "weather.csv"

    def month(self, month: str) -> Path:
        """The raw file of a month."""
        return self.folder / "lake" / "trips" / f"month={month}" / "trips.csv"

    def put(self, month: str, frame: pd.DataFrame) -> None:
        """Write a month."""
        self.month(month).parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(self.month(month), index=False)

    def get(self, month: str) -> pd.DataFrame:
        """Read a month."""
        return pd.read_csv(self.month(month))

    def edit(self, old: str, new: str) -> None:
        """Change the pipeline's file."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))
        linecache.checkcache(str(self.file))

    def commit(self) -> None:
        """Make a repository of the folder, with a commit of the code alone."""
        (self.folder / ".gitignore").write_text("home\nlake\n__pycache__\n")
        author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        for words in (
            ["init", "--quiet"],
            ["add", "."],
            [*author, "commit", "--quiet", "-m", "one"],
        ):
            subprocess.run(["git", *words], cwd=self.folder, check=True)

    def run(self, **parameters: Any) -> str:
        """Train without an orchestrator; the model version that results."""
        path = list(sys.path)
        with self.using():
            pipeline = load(f"{self.file}:pipeline").with_parameters(
                {name.replace("__", "."): value for name, value in parameters.items()}
            )
            version = training.run(pipeline, adapter="plain").model_version
        sys.path[:] = path
        del sys.modules[self.file.stem]
        return version

    def using(self) -> AbstractContextManager[Workspace]:
        """Make its home the process's."""
        return using(self.space)


def rows(seed: int, count: int = ROWS) -> pd.DataFrame:
    """Trips of one month: far ones are late, more so in Oslo."""
    random = np.random.default_rng(seed)
    distance = random.gamma(3, 4, count).round(1) + 1
    city = random.choice(["Bergen", "Oslo", "Tromsø"], count)
    delay = (distance * (1 + (city == "Oslo")) + random.normal(0, 5, count)).round(0)
    return pd.DataFrame(
        {
            "day": random.integers(1, 31, count),
            "city": city,
            "distance": distance,
            "minutes": (distance * 3 + random.gamma(2, 2, count)).round(0) + 1,
            "delay": delay,
        }
    )
