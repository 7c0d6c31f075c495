"""A lake with nothing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.delays import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A folder for raw data."""
    folder = tmp_path / "lake"
    folder.mkdir()
    return Lake(folder)
