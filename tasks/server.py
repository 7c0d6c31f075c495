"""A Prefect server for begat's own commands: the configured one, or one of our own.

Prefect would start one by itself, of which two at once on a cold machine break each
other's database, and which outlives a process that was interrupted. Ours differs:
servers of one PREFECT_HOME start one after the other, and a server ends when the
process it was started for does, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from begat.lineage.errors import WorldError

#: Seconds a server may take to start, migrations of a new database included.
STARTUP = 120
#: Seconds it may take to stop before it is killed.
SHUTDOWN = 10
#: Loggers that have the level of PREFECT_LOGGING_LEVEL, by Prefect's own `logging.yml`.
_LEVELLED = ("prefect", "prefect.client", "prefect.extra", "prefect.infrastructure")


@contextlib.contextmanager
def prefect_server() -> Iterator[None]:
    """Have a Prefect server at hand: flows inside use it, and say little.

    Raises:
        WorldError: the configured server does not answer, or none can be started.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")  # Prefect reads it when it is imported
    from prefect.settings import PREFECT_API_URL

    with _quiet():
        if url := PREFECT_API_URL.value():
            check(url)
            yield
        else:
            with _own_server() as url, _settings({"PREFECT_API_URL": url}):
                try:
                    yield
                finally:
                    _drain()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import prefect.main  # noqa: F401 - sets Prefect's logging up
    from prefect.settings import get_current_settings

    said = get_current_settings().to_environment_variables(exclude_unset=True)
    # Prefect logs what a task raises with its traceback; begat's commands say it in one line.
    quiet = {"PREFECT_LOGGING_LEVEL": "CRITICAL", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    unsaid = {name: value for name, value in quiet.items() if name not in said}
    with _settings(unsaid), _levels(unsaid.get("PREFECT_LOGGING_LEVEL", "")):
        yield


@contextlib.contextmanager
def _levels(level: str) -> Iterator[None]:
    """The loggers to which Prefect gives the level of its settings, at another for a while.

    Prefect has read its settings when it was imported, and to set its logging up anew takes
    a twentieth of a second.
    """
    loggers = [logging.getLogger(name) for name in _LEVELLED] if level else []
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, number in zip(loggers, before, strict=True):
            logger.setLevel(number)


@contextlib.contextmanager
def _settings(values: Mapping[str, str]) -> Iterator[None]:
    """Prefect's settings for a while, in every thread and in processes started meanwhile."""
    from prefect import context, settings

    updates = {getattr(settings, name): value for name, value in values.items()}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        with settings.temporary_settings(updates=updates), contextlib.ExitStack() as stack:
            # Private, and only for threads that copied no context: without it they ask elsewhere.
            if everywhere := getattr(context, "_temporary_global_settings_context", None):
                stack.enter_context(everywhere(context.get_settings_context()))
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def check(url: str) -> None:
    """Refuse a Prefect server that does not answer.

    Raises:
        WorldError: names it.
    """
    from prefect.context import SyncClientContext

    try:
        with SyncClientContext.get_or_create() as context:  # a new client asks for the version
            error = context.client.api_healthcheck()
    except Exception as raised:
        error = raised
    if error is not None:
        cause = error.__cause__ or error
        raise WorldError(
            f"the Prefect server at {url} does not answer ({str(cause) or type(cause).__name__}); "
            "start it, or unset PREFECT_API_URL to run with one of begat's own"
        ) from None


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    with tempfile.TemporaryFile() as output:
        process: subprocess.Popen[bytes] | None = None
        ready = False
        try:
            with _lock() as lock:
                process, port = _spawn(lock, output)
                _wait(process, port, output)
                ready = True
            yield f"http://127.0.0.1:{port}/api"
        finally:
            if process is not None:
                _stop(process, migrating=not ready)


@contextlib.contextmanager
def _lock() -> Iterator[int]:
    """Exclude other starts in this PREFECT_HOME: two migrations at once break the database."""
    from prefect.settings import PREFECT_HOME

    path = Path(PREFECT_HOME.value()) / "begat-server.lock"
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise WorldError(
                f"Prefect's home {path.parent} cannot be written and locked ({error.strerror}); "
                "point PREFECT_HOME to a folder that can"
            ) from None
        yield file.fileno()
        # The server has a copy, so closing ours releases nothing: good if its start broke off.
        fcntl.flock(file, fcntl.LOCK_UN)


def _spawn(lock: int, output: IO[bytes]) -> tuple[subprocess.Popen[bytes], int]:
    from prefect.settings import get_current_settings

    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(listener.fileno())],
            env={
                **os.environ,
                **get_current_settings().to_environment_variables(exclude_unset=True),
                "PREFECT_UI_ENABLED": "0",
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
            },
            stdin=subprocess.PIPE,  # it ends when this pipe does
            stdout=output,
            stderr=output,
            # With the lock, a start that we abandon still excludes the next one.
            pass_fds=(listener.fileno(), lock),
            start_new_session=True,  # Ctrl-C is for us; the flow's last states need the server
        )
        return process, listener.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    from prefect.settings import PREFECT_HOME

    # Its socket listens already: the request waits there, or breaks off if the server dies.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTUP)
    try:
        connection.request("GET", "/api/health")
        status = connection.getresponse().status
        reason = "" if status == http.HTTPStatus.OK else f"it answers {status}"
    except TimeoutError:
        reason = f"no answer within {STARTUP} seconds"
    except (OSError, http.client.HTTPException):
        reason = _last_error(output)
    finally:
        connection.close()
    if reason:
        process.terminate()
        raise WorldError(
            f"a Prefect server did not start on {PREFECT_HOME.value()} ({reason}); "
            "mend its database (prefect server database --help), point PREFECT_HOME elsewhere, "
            "or set PREFECT_API_URL to a server that runs"
        )


def _last_error(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").splitlines()
    errors = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception)\b", line)]
    return (errors or lines or ["it ended without a word"])[-1][:200]


def _stop(process: subprocess.Popen[bytes], *, migrating: bool) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(SHUTDOWN)
    except subprocess.TimeoutExpired:
        # A migration is left to finish: half of one breaks the database. It ends by itself.
        if not migrating:
            process.kill()
            process.wait()


def _drain() -> None:
    """Send what Prefect still has queued for the server that is about to go."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=SHUTDOWN)


def _serve(descriptor: int) -> None:
    """Be the server, until standard input ends."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        lifespan="on",
        log_level="error",
        timeout_graceful_shutdown=SHUTDOWN // 3,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


def _end_with_parent() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STARTUP)  # a migration may end first; no server outlives its parent for longer
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
