"""The store of a test's own workspace."""

from __future__ import annotations

import pytest

from begat.lineage.graph.store import Store
from begat.lineage.workspace import workspace


@pytest.fixture
def store() -> Store:
    """The workspace's, in a file."""
    return workspace().store
