"""The thread that forwards, and what happens at the end of its process."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import BegatError, SettingsError
from ...settings import Settings, make_home
from ..text import text
from .configuration import configured
from .queue import Queue

if TYPE_CHECKING:
    from .delivery import Deliveries

log = logging.getLogger("begat")

#: Seconds between looks whether the process that is sending has stopped: usually, and at the end.
_TURN, _TURN_AT_END = 1.0, 0.05
#: Seconds between attempts to note on a full disk what was sent.
_DISK_FULL = 30.0


class Forwarder(Protocol):
    """Where events go beside the store."""

    def append(self, events: Sequence[dict[str, Any]]) -> None:
        """Let events be forwarded; never stops the caller."""

    def close(self) -> None:
        """Send what waits, for as long as the settings allow."""


class Off:
    """No backend is configured: takes everything and keeps nothing."""

    def append(self, events: Sequence[dict[str, Any]]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def open_forwarder(settings: Settings) -> Forwarder:
    """The forwarder of a process. A configuration that cannot be read is told, and is none."""
    try:
        return Courier(settings) if configured() else Off()
    except SettingsError as error:
        log.warning("%s; events are not forwarded", error)
        return Off()


class Courier:
    """Keeps events in a queue on disk, and sends them from a thread of this process.

    Args:
        settings: where the queue lies, and how long the end of the process may take.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.home / "forward"
        self.queue = Queue(self.folder / "queue")
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._deliveries: Deliveries | None = None
        #: Events came since the thread looked last.
        self._more = False
        #: Whether it is to look at once when they come: not while all backends are away.
        self._eager = True
        #: Whether the last round ended because backends are away.
        self._away = False
        self._closing = False
        self._told = self._broken = False

    def append(self, events: Sequence[dict[str, Any]]) -> None:
        """Let events wait, and have them sent.

        A disk that takes no more costs the forwarding, with one warning, not the run.
        """
        if self._pid != os.getpid():  # neither threads nor connections survive a fork
            self._begin()
        try:
            texts = [text(event) for event in events]
            if not self.settings.home.is_dir():
                make_home(self.settings)
            self.queue.append(texts)
        except (BegatError, OSError) as error:
            self._tell(f"events are not forwarded: {self.folder} takes none ({error})")
            return
        with self._lock:
            self._more = True
            if self._thread is None:
                self._start()
            elif self._eager:
                self._wake.set()

    def close(self) -> None:
        """Send what waits, for at most the settings' `forward_seconds`; the rest stays.

        A backend that was found to be away is not waited for.
        """
        atexit.unregister(self.close)
        if self._pid != os.getpid():  # forked: the lock may be held by a thread that is not here
            return
        with self._lock:
            thread = self._thread
            self._closing = True
            self._wake.set()
        if thread is not None:
            thread.join(self.settings.forward_seconds)

    def _start(self) -> None:
        if self._broken:
            return
        # What the client imports cannot be imported for the first time while Python ends.
        import concurrent.futures.thread  # noqa: F401

        self._closing = False
        atexit.unregister(self.close)
        atexit.register(self.close)
        thread = threading.Thread(target=self._work, name="begat-forward", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # Python is ending: a later process sends it
            return
        self._thread = thread

    def _work(self) -> None:
        try:
            while self._goes_on(self._round()):
                pass
        except Exception as error:  # a thread has nobody to raise to
            said = str(error) if isinstance(error, SettingsError) else repr(error)
            self._tell(f"{said}; events are not forwarded by this process, they wait in its queue")
            with self._lock:
                self._broken, self._thread = True, None
        finally:
            if self._deliveries is not None:
                self._deliveries.close()

    def _round(self) -> float | None:
        """Seconds to wait before the next one; None if nothing waits any more."""
        with self._lock:
            self._more = False
            self._wake.clear()
        try:
            with self.queue.sending() as mine:
                if mine:
                    return self._deliver()
        except OSError as error:
            self._tell(f"events are not forwarded for now: {self.folder} takes no notes ({error})")
            self._eager, self._away = False, True
            return _DISK_FULL
        self._eager = self._away = False
        return (_TURN_AT_END if self._closing else _TURN) if self.queue.files() else None

    def _deliver(self) -> float | None:
        if self._deliveries is None:
            from .delivery import Deliveries
            from .destinations import backends

            self._deliveries = Deliveries(self.folder, backends())
        wait = self._deliveries.round()
        self._eager = any(not delivery.wait for delivery in self._deliveries.each)
        self._away = bool(wait)
        return wait

    def _goes_on(self, wait: float | None) -> bool:
        with self._lock:
            finished = not self._more if wait is None else self._closing and self._away
            if finished:
                self._thread = None
                return False
        self._wake.wait(wait or 0)
        return True

    def _tell(self, message: str) -> None:
        if not self._told:
            self._told = True
            log.warning("%s", message)
