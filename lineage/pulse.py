"""Signs of life: a thread that tells the store which runs of this process are open."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection

log = logging.getLogger("begat")

#: Signs of life in the time that a lease lasts: two may get lost.
BEATS = 3


class Pulse:
    """Calls `beat` with what is held, every so often; asleep otherwise.

    Args:
        beat: is given the ids of this process's open runs. What it raises is logged.
        lasts: seconds for which a lease lasts after a sign of life.
    """

    def __init__(self, beat: Callable[[Collection[str]], None], *, lasts: float) -> None:
        self._beat = beat
        self._every = lasts / BEATS
        self._held: set[str] = set()
        self._thread: threading.Thread | None = None
        self._begin()

    def hold(self, run_id: str) -> None:
        """Speak for a run from now on."""
        if self._pid != os.getpid():  # no thread survives a fork, and the runs are the parent's
            self._begin()
        with self._lock:
            self._held.add(run_id)
        if self._thread is None:
            self.start()

    def drop(self, run_id: str) -> None:
        """Speak for a run no more; it may be none of this process's."""
        with self._lock:
            self._held.discard(run_id)

    def start(self) -> None:
        """Beat though nothing is held: a process that stays looks after the runs of others."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="begat-pulse", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Be silent from now on."""
        self._stop.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._held.clear()
        self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            with self._lock:
                held = frozenset(self._held)
            try:
                self._beat(held)
            except Exception as error:  # the next one may be heard
                log.debug("no sign of life got through: %r", error)
