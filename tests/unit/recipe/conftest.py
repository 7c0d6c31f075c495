from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest


class Project:
    """A user's modules, written anew into a folder of their own each time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = count()
        self._modules: set[str] = set()

    def load(
        self, pipeline: str, /, *, name: str = "pipeline", files: Mapping[str, str] | None = None
    ) -> ModuleType:
        """Import a module with this source, beside modules with those."""
        sources = {f"{name}.py": pipeline, **(files or {})}
        # Other tests of this process may have left modules of these names.
        self._modules |= {path.partition("/")[0].removesuffix(".py") for path in sources}
        self.forget()
        folder = self._root / str(next(self._numbers))
        for path, text in sources.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def forget(self) -> None:
        """Make place for other modules of the same names."""
        sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(self._root))]
        for name in list(sys.modules):
            if name.partition(".")[0] in self._modules:
                del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.forget()
