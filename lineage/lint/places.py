"""Where a finding is."""

from __future__ import annotations

from pathlib import Path


def place(path: Path, line: int | None = None) -> str:
    """A file and a line as editors open them: below the working folder, relative to it.

    Args:
        path: a file or a folder.
        line: from 1; none for the whole.
    """
    path = path.absolute()
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{line}" if line else str(shown)
