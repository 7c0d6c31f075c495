"""A small trained pipeline with a lookup, and hands that spoil what it left behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from begat.lineage.graph import registers

MONTHS = ("2013-01", "2013-02", "2013-03")
PIPELINE = """\
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline


def clean(frame, planes):
    return frame.merge(planes, on="plane", how="left")


def features(frame, limit=1000):
    return frame.assign(far=frame["distance"] > limit)


pipeline = Pipeline(
    name="rides",
    source="raw/month={month}/*.csv",
    lookups={"planes": "planes.csv"},
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(max_depth=2),
    target="late",
    slices=["carrier"],
)
"""


def write(folder: Path) -> str:
    """Lay out the pipeline and its data; how commands call it."""
    (folder / "planes.csv").write_text("plane,seats\nN1,100\nN2,200\n")
    for number, month in enumerate(MONTHS):
        # The last month is of two files: its version is a manifest of them.
        for part in ("a", "b") if month == MONTHS[-1] else ("a",):
            path = folder / "raw" / f"month={month}" / f"{part}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = (
                f"{100 * step + number},{'AA' if step % 3 else 'UA'},N{step % 2 + 1},{step % 2}"
                for step in range(1, 21 if part == "a" else 20)
            )
            path.write_text("\n".join(["distance,carrier,plane,late", *rows, ""]))
    (folder / "rides.py").write_text(PIPELINE)
    return f"{folder / 'rides.py'}:pipeline"


@dataclass(frozen=True)
class Spoiler:
    """Changes things in a home behind begat's back."""

    home: Path

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement in the store; it must find something."""
        with closing(sqlite3.connect(self.home / "begat.db")) as database:
            cursor = database.execute(statement, values)
            found = cursor.fetchall()
            assert found or cursor.rowcount > 0, statement
            database.commit()
            return found

    def one(self, query: str, *values: Any) -> str:
        """The one value that a query finds."""
        ((value,),) = self.sql(query, *values)
        return str(value)

    def digest(self, dataset: str, partition: str = "") -> str:
        """The digest of the first version of a dataset's partition."""
        return self.one(
            "SELECT v.digest FROM version v JOIN dataset d ON d.id = v.dataset "
            "WHERE d.name LIKE ? AND v.partition = ? ORDER BY v.id LIMIT 1",
            f"%/{dataset}",
            partition,
        )

    def run(self, job: str, partition: str = "") -> str:
        """The id of the first run of a task, by the partition that it wrote."""
        return self.one(
            "SELECT r.uuid FROM run r JOIN job j ON j.id = r.job JOIN output o "
            "ON o.run = r.id JOIN version v ON v.id = o.version "
            "WHERE j.name = ? AND v.partition = ? ORDER BY r.started_at LIMIT 1",
            job,
            partition,
        )

    def facet(self, run: str, key: str) -> Any:
        """What a run says under a facet's key."""
        return registers.bodies(self.one("SELECT facets FROM run WHERE uuid = ?", run))[key]

    def path(self, digest: str) -> Path:
        """Where an artifact lies."""
        name = digest.removeprefix("blake3:")
        return self.home / "artifacts" / name[:2] / name[2:]

    def write(self, digest: str, content: bytes) -> None:
        """Put other bytes in an artifact's place, with its mtime."""
        path = self.path(digest)
        before = path.stat()
        path.chmod(0o644)
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def keep(self, content: bytes, digest: str) -> None:
        """Put bytes where an artifact of this digest would lie."""
        self.path(digest).parent.mkdir(exist_ok=True)
        self.path(digest).write_bytes(content)

    def swap(self, one: str, other: str) -> None:
        """Exchange two artifacts' files."""
        aside = self.home / "aside"
        shutil.move(self.path(one), aside)
        shutil.move(self.path(other), self.path(one))
        shutil.move(aside, self.path(other))

    def artifacts(self) -> dict[str, bytes]:
        """All artifacts but what was set aside."""
        folder = self.home / "artifacts"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "set-aside" not in path.parts
        }
