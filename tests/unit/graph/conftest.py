"""A store in memory, and a history to fill it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from begat.lineage.graph.store import Store
from support.history import History


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def history() -> History:
    """A history in which nothing has happened yet."""
    return History()
