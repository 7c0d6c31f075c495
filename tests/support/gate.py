"""Stop a process at a place of one's choosing, and know that it has got there.

What stops is code of a pipeline, whose reads of undeclared files would be told: so it
connects to a socket in the working folder, and waits for its end.
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
            gate.connect(place)
        except OSError:
            return
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
    """The other end: knows who has stopped, and lets them go."""

    def __init__(self, listener: socket.socket, place: str) -> None:
        self._listener = listener
        self._place = Path(place)
        self._stopped: list[socket.socket] = []

    def wait(self, count: int = 1) -> None:
        """Wait until so many more have stopped."""
        for _ in range(count):
            self._stopped.append(self._listener.accept()[0])

    @property
    def last(self) -> socket.socket:
        """The connection of who has stopped last."""
        return self._stopped[-1]

    def let_go(self) -> None:
        """Let those go that have stopped."""
        while self._stopped:
            self._stopped.pop().close()

    def open(self) -> None:
        """Let all go; nobody stops here again."""
        self._place.unlink(missing_ok=True)
        self._listener.close()
        self.let_go()


@contextmanager
def gate(place: str) -> Iterator[Gate]:
    """A gate at a place, in the working folder; open at the latest when the block ends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        listener.settimeout(PATIENCE)
        made = Gate(listener, place)
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
