"""A registry on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.acting import Registry
from support.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, home: Path) -> Iterator[Registry]:
    """One in which nothing is."""
    if request.param == "sqlite":
        home.mkdir()
        yield Registry(f"sqlite:///{home / 'begat.db'}")
    else:
        with request.getfixturevalue("postgres").store() as url:
            yield Registry(url)
