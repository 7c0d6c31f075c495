"""A server in memory, its store in a file of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.serving import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """One without tokens, on loopback."""
    with Served(tmp_path, max_body=1 << 20).running() as server:
        yield server
