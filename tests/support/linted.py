"""A small pipeline in which there is nothing to find, and its folder in git, to spoil."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CODE = """\
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline


def clean(rows, carriers):
    return rows.merge(carriers, on="carrier", how="left")


def features(frame):
    return frame


pipeline = Pipeline(
    name="linted",
    source="raw/month={month}.csv",
    lookups={"carriers": "carriers.csv"},
    prepare=clean,
    featurize=features,
    expectations=[
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": column, "min_value": 0, "max_value": 9999},
        }
        for column in ("distance", "size")
    ],
    estimator=DecisionTreeClassifier(max_depth=2, random_state=1),
    target="late",
)
"""
_MONTH = "distance,carrier,late\n" + "".join(
    f"{100 * step},{'AA' if step % 3 else 'UA'},{step % 2}\n" for step in range(1, 21)
)
#: A file's text, or what it is made of the text that it has; None takes it away.
Change = str | tuple[str, str] | None
FILES = {
    "linted.py": CODE,
    "raw/month=1.csv": _MONTH,
    "raw/month=2.csv": _MONTH.replace("00,", "50,"),
    "carriers.csv": "carrier,size\nAA,1\nUA,2\n",
    "pyproject.toml": '[project]\nname = "linted"\nversion = "1"\ndependencies = ["pandas>=2"]\n',
    "uv.lock": "version = 1\n",
}


@dataclass(frozen=True)
class Linted:
    """The pipeline's folder."""

    folder: Path

    @classmethod
    def write(cls, folder: Path, changes: Mapping[str, Change] | None = None) -> Linted:
        """Lay it out with some files otherwise, and commit it."""
        made = cls(folder)
        made.change(FILES)
        made.change(changes or {})
        made.commit()
        return made

    @property
    def name(self) -> str:
        """What commands call the pipeline."""
        return f"{self.folder / 'linted.py'}:pipeline"

    def change(self, changes: Mapping[str, Change]) -> None:
        """Write, edit or remove files."""
        for name, change in changes.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if change is None:
                path.unlink()
            elif isinstance(change, str):
                path.write_text(change)
            else:
                assert change[0] in path.read_text(), change[0]
                path.write_text(path.read_text().replace(*change))

    def commit(self) -> None:
        """Commit all there is."""
        who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
        for arguments in (("init", "--quiet"), ("add", "-A"), ("commit", "--quiet", "-m", "all")):
            subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True)
