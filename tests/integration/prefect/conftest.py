"""A real Prefect server for the session, and a recorder for each test."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings, workspace

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}
os.environ.update(QUIET)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Prefect, with begat or without, leave sockets of its clients to the collector."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(scope="module", autouse=True)
def no_socket_is_left_to_others() -> Iterator[None]:
    """Collect them before tests elsewhere get the warning."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Recorder(workspace.Workspace):
    """A workspace that also remembers what it was given to record."""

    def __init__(self, given: settings.Settings) -> None:
        super().__init__(given)
        self.events: list[dict[str, Any]] = []

    def record(self, events: Sequence[dict[str, Any]], chunks: Sequence[Any] = ()) -> None:
        """Remember the events and record them."""
        self.events.extend(events)
        super().record(events, chunks)

    def table(self) -> list[tuple[str, str]]:
        """Job and state of every event, in order."""
        return [(event["job"]["name"], event["eventType"]) for event in self.events]

    def of(self, job: str, state: str = "") -> list[dict[str, Any]]:
        """The events of a job."""
        return [
            event
            for event in self.events
            if event["job"]["name"] == job and state in ("", event["eventType"])
        ]


@pytest.fixture(scope="session", autouse=True)
def prefect_server_of_the_session(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
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


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    """This process's workspace; processes it starts share its home."""
    with workspace.using(Recorder(settings.load())) as given:
        assert isinstance(given, Recorder)
        assert given.settings.home == home
        yield given
