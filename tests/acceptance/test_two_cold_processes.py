"""Processes that need a Prefect server, on a machine where none runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ANSWER = """
from begat.tasks.server import prefect_server

with prefect_server():
    from prefect import flow, task

    @task
    def double(number):
        return 2 * number

    @flow
    def answer():
        return double.submit(21).result()

    print(answer())
"""

WAIT = """
import os, signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell may have ignored it

from begat.tasks.server import prefect_server

with prefect_server():
    from prefect import flow

    @flow
    def wait():
        print(os.environ["PREFECT_API_URL"], flush=True)
        signal.pause()

    wait()
"""


@pytest.fixture(scope="module")
def warm_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PREFECT_HOME that the tests of this module share."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Ends whatever processes a test leaves behind."""
    with ExitStack() as stack:
        yield stack


def start(script: str, home: Path, folder: Path, processes: ExitStack) -> subprocess.Popen[str]:
    """Run a script in a process that knows of no Prefect server."""
    path = folder / "script.py"
    path.write_text(script)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    process = subprocess.Popen(
        [sys.executable, path],
        env=env | {"PREFECT_HOME": str(home)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    processes.enter_context(process)
    processes.callback(process.kill)
    return process


def test_two_processes_at_once_on_a_cold_machine_both_finish_and_say_nothing(
    tmp_path: Path, processes: ExitStack
) -> None:
    """Two first runs that share an empty PREFECT_HOME both work, with no word from Prefect."""
    both = [start(ANSWER, tmp_path / "prefect", tmp_path, processes) for _ in range(2)]

    ends = [(*process.communicate(), process.returncode) for process in both]

    assert ends == [("42\n", "", 0)] * 2


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Signal a process until it ends: Python drops an interrupt that falls into a finalizer."""
    while process.poll() is None:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_the_process_it_was_started_for(
    number: signal.Signals, tmp_path: Path, warm_home: Path, processes: ExitStack
) -> None:
    """However a process is stopped in the middle of a flow, its server goes as well."""
    process = start(WAIT, warm_home, tmp_path, processes)
    assert process.stdout is not None
    address = urlsplit(process.stdout.readline()).netloc.partition(":")
    server = (address[0], int(address[2]))
    with socket.create_connection(server) as connection:
        stop(process, number)
        connection.recv(1)  # returns when the server has closed its connections
    with socket.socket() as probe:
        refused = probe.connect_ex(server) != 0

    assert (refused, process.returncode != 0) == (True, True)
