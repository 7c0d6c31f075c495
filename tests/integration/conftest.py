"""A real Prefect server for those tests that ask for one, and a recorder for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.recorder import recorder

__all__ = ["recorder"]

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}
os.environ.update(QUIET)


@pytest.fixture(scope="session")
def prefect_server_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One server for all tests, in a PREFECT_HOME of its own."""
    from prefect import settings as prefect_settings
    from prefect.testing.utilities import prefect_test_harness

    home = tmp_path_factory.mktemp("prefect")
    updates = {getattr(prefect_settings, name): QUIET[name] for name in list(QUIET)[1:]} | {
        prefect_settings.PREFECT_HOME: home,
        # Each flow run would wait a second for its heartbeat to end.
        prefect_settings.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with (
        prefect_settings.temporary_settings(updates=updates),
        prefect_test_harness(server_startup_timeout=120),
    ):
        yield


@pytest.fixture(scope="module")
def with_prefect(prefect_server_of_the_session: None) -> None:
    """The server."""
