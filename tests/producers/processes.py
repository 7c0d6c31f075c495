"""Processes: those that end by themselves, and servers that end with their block."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Seconds that a server has to be ready, and what runs in it to end.
PATIENCE = 300.0
#: Seconds that a server has to stop; Airflow's scheduler hands on its last events in them.
STOPPING = 60.0


class ProducerError(Exception):
    """A producer did not do what its definition says."""


def call(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, exits: int = 0
) -> None:
    """Run a command to its end, its output appended to the log.

    Raises:
        ProducerError: it ended otherwise than it was to.
    """
    with log.open("ab") as output:
        ended = subprocess.run(
            command, env=env, cwd=cwd, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if ended.returncode != exits:
        line = " ".join(command)
        raise ProducerError(f"`{line}` exited {ended.returncode}, not {exits}: see {log}")


@contextmanager
def serving(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    user: int | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that runs while the block does, in a session of its own.

    Args:
        command: what starts it.
        env: all its environment variables.
        cwd: where it runs.
        log: what its output is appended to.
        user: whose it is, if not this process's.
        stop: the signal that ends it in good order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(until: Callable[[], bool], what: str, servers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until something holds.

    Raises:
        ProducerError: it took too long, or a server ended.
    """
    deadline = time.monotonic() + PATIENCE
    while not until():
        for server in servers:
            if server.poll() is not None:
                raise ProducerError(f"a server ended while waiting for {what}: {server.args!r}")
        if time.monotonic() > deadline:
            raise ProducerError(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.5)  # what is waited for says nothing: it is asked again


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Whether somebody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
