"""All tests here have the session's Prefect server."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def always(with_prefect: None) -> None:
    """Every test of this folder, whether it says so or not."""
