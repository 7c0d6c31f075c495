"""Stop a process at a place of one's choosing, and know that it has got there.

What stops is code of a pipeline, whose reads of undeclared files would be told: it
connects to a socket in the working folder, says where it is, and waits.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: For a pipeline's file. Where nobody listens it does nothing, and its recipe stays the same.
STOP = """
import socket


def stop(place):
    with socket.socket(socket.AF_UNIX) as gate:
        try:
            gate.connect("gate")
        except OSError:
            return
        gate.sendall(place.encode())
        gate.recv(1)


"""
#: Runs begat; a background shell may have it ignore Ctrl-C.
BEGAT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from begat.lineage.cli import main
"""
#: Seconds after which a test that waits for nothing fails.
PATIENCE = 120


class Gate:
    """The other end: who has stopped, and letting them go."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._stopped: list[socket.socket] = []

    def wait(self, count: int = 1) -> list[str]:
        """Wait until so many more have stopped; where each is."""
        places = []
        for _ in range(count):
            stopped, _ = self._listener.accept()
            self._stopped.append(stopped)
            places.append(stopped.recv(100).decode())
        return places

    def open(self) -> None:
        """Let all go; nobody stops here again."""
        Path("gate").unlink(missing_ok=True)
        self._listener.close()
        for stopped in self._stopped:
            stopped.close()
        self._stopped.clear()


@contextmanager
def gate() -> Iterator[Gate]:
    """A gate in the working folder, open at the latest when the block ends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("gate")
        listener.listen()
        listener.settimeout(PATIENCE)
        made = Gate(listener)
        try:
            yield made
        finally:
            made.open()


class Begat:
    """A command that runs, in a process group of its own as in a terminal."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def interrupt(self, *, group: bool = True) -> None:
        """Ctrl-C, or the same signal to the process alone."""
        (os.killpg if group else os.kill)(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str, list[str]]:
        """Exit code, stdout, and the lines on stderr that have not been read."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err.splitlines()


@contextmanager
def begat(*arguments: str, environment: Mapping[str, str], setup: str = "") -> Iterator[Begat]:
    """Start a command here; it is gone at the end of the block."""
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", f"{BEGAT}{setup}\nmain()", *arguments],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        stack.callback(process.kill)
        yield Begat(process)
