"""A store on PostgreSQL, and a history to fill it with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from begat.lineage.graph.store import Store
from support.history import History
from support.postgres import Server, postgres

__all__ = ["postgres"]


@pytest.fixture
def store(postgres: Server) -> Iterator[Store]:
    """An empty store on PostgreSQL."""
    with postgres.store() as url:
        opened = Store.open(url)
        yield opened
        opened.close()


@pytest.fixture
def history() -> History:
    """A history in which nothing has happened yet."""
    return History()
