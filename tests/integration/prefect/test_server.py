from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_LOGGING_LEVEL,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    temporary_settings,
)

from begat.lineage.errors import WorldError
from begat.tasks import server
from begat.tasks.server import prefect_server


def test_a_configured_server_is_used() -> None:
    """With PREFECT_API_URL set and answering, nothing is started."""
    before = PREFECT_API_URL.value()
    with prefect_server():
        inside = PREFECT_API_URL.value()

    assert inside == before


def test_a_configured_server_that_does_not_answer_is_named() -> None:
    """A server that is away is one line, with its address and the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(WorldError, match="does not answer") as caught,
        prefect_server(),
    ):
        pass

    assert (url in str(caught.value), "\n" in str(caught.value)) == (True, False)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A database that cannot be opened is one line too, and nothing hangs."""
    updates = {
        PREFECT_HOME: tmp_path,
        PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{tmp_path}/no/such/folder.db",
    }
    with (
        temporary_settings(updates, restore_defaults=[PREFECT_API_URL]),
        pytest.raises(WorldError, match="did not start") as caught,
        prefect_server(),
    ):
        pass

    assert ("unable to open database file" in str(caught.value), "\n" in str(caught.value)) == (
        True,
        False,
    )


def test_a_prefect_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """PREFECT_HOME below a file is named, with the remedy."""
    (tmp_path / "file").touch()
    updates = {PREFECT_HOME: tmp_path / "file" / "home"}
    with (
        temporary_settings(updates, restore_defaults=[PREFECT_API_URL]),
        pytest.raises(WorldError, match="PREFECT_HOME"),
        prefect_server(),
    ):
        pass


def test_prefect_is_quiet_meanwhile() -> None:
    """What begat's commands say themselves, Prefect's loggers keep quiet about for a while."""
    names = ("prefect", "prefect.flow_runs", "prefect.task_runs", "prefect.client")
    before = [logging.getLogger(name).getEffectiveLevel() for name in names]
    with server._levels("CRITICAL"):
        inside = [logging.getLogger(name).getEffectiveLevel() for name in names]
    after = [logging.getLogger(name).getEffectiveLevel() for name in names]

    assert (inside, after) == ([logging.CRITICAL] * len(names), before)


def test_the_users_logging_level_stays() -> None:
    """Begat's commands are quiet by default; a level that the user has set is kept."""
    with temporary_settings({PREFECT_LOGGING_LEVEL: "ERROR"}), prefect_server():
        level = PREFECT_LOGGING_LEVEL.value()

    assert level == "ERROR"
