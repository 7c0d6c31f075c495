"""A running server of Prefect or of begat, and its process id: its CPU is part of the price."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import environments, places

#: Seconds to start, migrations of a new database included; and to stop.
STARTUP, SHUTDOWN = 180, 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where it answers, and who it is."""

    url: str
    pid: int


@contextlib.contextmanager
def prefect(kind: str, *, name: str) -> Iterator[Server]:
    """Prefect's own server on a new database.

    Args:
        kind: from whose environment it runs.
        name: whom it is for.

    Raises:
        RuntimeError: it did not start.
    """
    home = places.fresh(places.SERVERS / name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environments.variables(kind, PREFECT_HOME=str(home), PREFECT_UI_ENABLED="false"),
            executable=environments.make(kind).with_name("prefect"),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}/api"
        _wait(process, url)
        yield Server(url=url, pid=process.pid)
    finally:
        _stop(process)


@contextlib.contextmanager
def begat(folder: Path) -> Iterator[Server]:
    """`begat serve` on a new database.

    Args:
        folder: where the database is.

    Raises:
        RuntimeError: it did not start.
    """
    places.fresh(folder)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["begat", "serve", "--port", "0"],
            env=environments.variables("begat", BEGAT_HOME=str(folder)),
            executable=environments.make("begat").with_name("begat"),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            assert process.stdout is not None
            said = re.search(r"http://[^\s;]+", process.stdout.readline())
            if said is None:
                raise RuntimeError(f"begat's server did not start; see {folder}")
            yield Server(url=said[0], pid=process.pid)
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + STARTUP
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        time.sleep(0.2)  # a server that is not up yet cannot be waited on
    raise RuntimeError(f"the Prefect server did not start; see {places.SERVERS}")


def _stop(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(SHUTDOWN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
