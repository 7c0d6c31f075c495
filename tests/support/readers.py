"""A pipeline whose file reads all that a pipeline's file can read while it is loaded."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .forks import Commands, Done

MONTHS = ("2013-01", "2013-02", "2013-03")
PIPELINE = """\
import json
import os
from pathlib import Path

from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline
from parts.units import MILE

HERE = Path(__file__).parent
RULES = sorted(path.name for path in (HERE / "rules").iterdir())
CHOSEN = json.loads((HERE / "settings" / "chosen.json").read_text())
try:
    CHOSEN |= json.loads((HERE / "settings" / "local.json").read_text())
except FileNotFoundError:
    pass
exec((HERE / "settings" / "depth.txt").read_text())
LEAST = int(os.environ.get("LEAST", "0"))


def clean(frame, planes):
    frame = frame[frame["distance"] >= LEAST].merge(planes, on="plane", how="left")
    return frame.assign(rules=len(RULES), chosen=CHOSEN["chosen"])


def features(frame, limit=1000):
    unit = float(os.environ["UNIT"]) if "UNIT" in os.environ else MILE
    return frame.assign(far=frame["distance"] * unit > limit)


pipeline = Pipeline(
    name="readers",
    source="raw/month={month}/*.csv",
    lookups={"planes": "planes.csv"},
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(max_depth=DEPTH, random_state=0),
    target="late",
    slices=["carrier"],
)
"""


@dataclass(frozen=True)
class Readers:
    """The pipeline in a folder of its own, with a home beside it and a folder of modules."""

    folder: Path
    commands: Commands

    @classmethod
    def write(cls, folder: Path, commands: Commands) -> Readers:
        """Lay it out."""
        made = cls(folder, commands)
        for name, text in {
            "project/readers.py": PIPELINE,
            "project/parts/__init__.py": "",
            "project/parts/units.py": "MILE = 1.0\n",
            "project/rules/first.txt": "",
            "project/settings/chosen.json": '{"chosen": 1}',
            "project/settings/depth.txt": "DEPTH = 2",
            "project/params.yaml": "train: {min_samples_leaf: 1}\n",
            "project/planes.csv": "plane,seats\nN1,100\nN2,200\n",
            "modules/installed-1.0.dist-info/METADATA": "Name: installed\nVersion: 1.0\n",
            "home/.gitignore": "*\n",
        }.items():
            made.put(name, text)
        for number, month in enumerate(MONTHS):
            made.put(f"project/raw/month={month}/a.csv", made.rows(number))
        return made

    def put(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file."""
        text = (self.folder / name).read_text()
        assert old in text
        self.put(name, text.replace(old, new))

    def rows(self, number: int) -> str:
        """A month of rides."""
        rows = (
            f"{100 * step + number},{'AA' if step % 3 else 'UA'},N{step % 2 + 1},{step % 2}"
            for step in range(1, 21)
        )
        return "\n".join(["distance,carrier,plane,late", *rows, ""])

    def begat(
        self, command: str, *arguments: str, remember: bool = True, first: str = "", **env: str
    ) -> Done:
        """Run a command on the pipeline, in its folder."""
        return self.commands.run(
            self.folder / "project",
            command,
            "readers.py:pipeline",
            "--json",
            *arguments,
            environment={"BEGAT_HOME": str(self.folder / "home"), **env},
            path=[self.folder / "modules"],
            remember=remember,
            first=first,
        )

    def save(self, folder: Path) -> None:
        """Put a copy of all of it there."""
        shutil.copytree(self.folder, folder, symlinks=True)

    def restore(self, folder: Path) -> None:
        """Have everything as it was when that copy was made."""
        shutil.rmtree(self.folder)
        shutil.copytree(folder, self.folder, symlinks=True)
