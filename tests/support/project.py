"""A folder in which commands run as a user runs them: as processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Project:
    """A folder with a pipeline in it, and the commands run there."""

    folder: Path
    environment: Mapping[str, str]

    def begat(
        self, *arguments: str, code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here; it must end with `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "begat.lineage.cli", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"begat {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said
        return done

    def json(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """The one JSON object that a command prints."""
        printed: dict[str, Any] = json.loads(self.begat(*arguments, "--json", **variables).stdout)
        return printed

    def run(self, *arguments: str) -> dict[str, Any]:
        """`begat run` of the flights."""
        return self.json("run", "begat-demo/flights.py:pipeline", *arguments)

    def edit(self, old: str, new: str) -> None:
        """Change the pipeline's file."""
        path = self.folder / "begat-demo" / "flights.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def month(self, month: str) -> Path:
        """The raw file of a month."""
        lake = self.folder / "begat-demo" / "lake"
        return lake / "flights" / f"month=2013-{month}" / "flights.csv"

    def copy(self, folder: Path) -> Project:
        """The same project elsewhere."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Project(folder, self.environment)
