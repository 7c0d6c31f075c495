"""A pipeline of three small months, to spoil, interrupt and run twice at once."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from begat.lineage.content.digest import digest_bytes

MONTHS = ("2013-01", "2013-02", "2013-03")
PIPELINE = """\
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline


def clean(frame):
    return frame


def features(frame, limit=1000):
    return frame.assign(far=frame["distance"] > limit)


pipeline = Pipeline(
    name="small",
    source="raw/month={month}/rows.csv",
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(max_depth=2),
    target="late",
    slices=["carrier"],
)
"""


@dataclass(frozen=True)
class Small:
    """The pipeline's file and its data, in a folder of their own."""

    folder: Path

    @classmethod
    def write(cls, folder: Path) -> Small:
        """Lay it out; it can be trained."""
        small = cls(folder)
        for number, month in enumerate(MONTHS):
            path = small.month(month)
            path.parent.mkdir(parents=True)
            rows = (
                f"{100 * step + number},{'AA' if step % 3 else 'UA'},{step % 2}"
                for step in range(1, 21)
            )
            path.write_text("\n".join(["distance,carrier,late", *rows, ""]))
        small.file.write_text(PIPELINE)
        return small

    @property
    def file(self) -> Path:
        """The pipeline's file."""
        return self.folder / "small.py"

    @property
    def name(self) -> str:
        """What commands call the pipeline."""
        return f"{self.file}:pipeline"

    def month(self, month: str) -> Path:
        """The raw file of a month."""
        return self.folder / "raw" / f"month={month}" / "rows.csv"

    def edit(self, old: str, new: str) -> None:
        """Change the pipeline's file."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))


#: What is said of a version whose code is in no repository.
UNCOMMITTED = (
    "begat: small@1 lacks what it needs to be promoted: code version: the training run has no "
    "commit; commit all that `git status` shows, and run again"
)


def is_progress(line: str) -> bool:
    """Whether a line of a command only shows how far a run is."""
    return re.fullmatch(r"  \w+ +\d+ to run +\d+ reused", line) is not None


def states(home: Path) -> Mapping[str, list[str]]:
    """By job, the states of its runs in the order in which they started."""
    found: dict[str, list[str]] = {}
    for job, state in rows(
        home,
        "SELECT job.name, run.state FROM run JOIN job ON job.id = run.job ORDER BY run.id",
    ):
        found.setdefault(job, []).append(state)
    return found


def versions(home: Path) -> list[int]:
    """The numbers of the registered model versions."""
    return [number for (number,) in rows(home, "SELECT version FROM model_version ORDER BY 1")]


def damage(home: Path) -> list[Path]:
    """Artifacts that are half written, or are not what they are called."""
    artifacts = home / "artifacts"
    return [
        *artifacts.glob("partial/*"),
        *(
            path
            for path in artifacts.glob("[0-9a-f][0-9a-f]/*")
            if digest_bytes(path.read_bytes()) != f"blake3:{path.parent.name}{path.name}"
        ),
    ]


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in a home's store; nothing where there is none."""
    if not (home / "begat.db").exists():
        return []
    with closing(sqlite3.connect(home / "begat.db")) as database:
        return database.execute(query).fetchall()
