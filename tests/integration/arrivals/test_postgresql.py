"""What the unit tests say of arrivals in a file holds for PostgreSQL as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.graph.test_contract import contract
from unit.arrivals import test_arrivals

from begat.lineage.graph.store import Store
from begat.lineage.workspace import Workspace, using, workspace
from support.postgres import Server


@pytest.fixture
def store(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a workspace on PostgreSQL."""
    with postgres.store() as url:
        monkeypatch.setenv("BEGAT_STORE", url)
        with using(Workspace()):
            yield workspace().store


Test_arrivals = contract(test_arrivals)
