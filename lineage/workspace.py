"""What one process works with: its settings, its store, its artifacts, its spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import results, settings
from .errors import BegatError, SettingsError, StoreError, WorldError
from .events.spool import Spool

if TYPE_CHECKING:
    from .content.merkle import Chunk
    from .content.stat import StatCache
    from .content.store import ArtifactStore
    from .events.forward import Forwarder
    from .graph.store import Answer, Store

log = logging.getLogger("begat")

#: After the store failed, events go straight to the spool for this many seconds.
RETRY_STORE_AFTER = 10.0


class Workspace:
    """The parts a process needs to track runs, each opened when it is first used.

    Args:
        given: the settings; `settings.load()` when absent.
    """

    def __init__(self, given: settings.Settings | None = None) -> None:
        self.settings = given or settings.load()
        self.spool = Spool(self.settings.spool)
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._away_until = 0.0
        #: Why the store is away; empty while it is there.
        self._why = ""
        self._warned: set[str] = set()

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Where begat itself keeps things: what is opened there is nobody's undeclared input."""
        artifacts = self.settings.artifacts
        if "://" in artifacts:
            return (self.settings.home,)
        return (self.settings.home, Path(artifacts).expanduser().absolute())

    @cached_property
    def cache(self) -> StatCache:
        """Digests of files that have not changed since they were last hashed.

        Raises:
            SettingsError: the home cannot be written.
        """
        from .content.stat import StatCache

        settings.make_home(self.settings)
        return StatCache(self.settings.cache)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Where the bytes lie.

        Raises:
            SettingsError: the home cannot be written, or the settings name no such store.
        """
        from .content.store import open_store

        settings.make_home(self.settings)
        return open_store(self.settings)

    @cached_property
    def forwarder(self) -> Forwarder:
        """Takes the same events to other OpenLineage backends, if any is configured."""
        from .events.forward import open_forwarder

        return open_forwarder(self.settings)

    @property
    def store(self) -> Store:
        """The lineage store; opening it replays what earlier processes had to spool.

        Raises:
            StoreError: it cannot be reached within two seconds.
            SettingsError: the home cannot be written.
        """
        with self._lock:
            if self._store is None:
                from .graph.store import Store

                settings.make_home(self.settings)
                self._store = Store.open(self.settings.store)
                self.spool.replay(self._store.record)
            return self._store

    @property
    def away(self) -> bool:
        """Whether the store failed just now, so that nothing should wait for it again."""
        return time.monotonic() < self._away_until

    def record(self, events: Sequence[dict[str, Any]], chunks: Sequence[Chunk] = ()) -> None:
        """Store events, or spool them if the store is away; it being away stops no caller.

        Raises:
            EventError: an event holds what JSON cannot say.
        """
        self.forwarder.append(events)
        if self.away:
            self._spool(events, chunks, self._why)
            return
        try:
            self.store.record(events, chunks)
        except (StoreError, SettingsError) as error:
            self._went_away(error)
            self._spool(events, chunks, str(error))
        else:
            if self._why:
                self._came_back()

    def settle(self) -> None:
        """At the end of a flow: take what had to be spooled into the store, if it is back."""
        if self._why:
            self._came_back()

    def answers(self, recipes: Sequence[str]) -> Mapping[str, Answer]:
        """For each recipe that a completed run answers: the earliest with its outputs present.

        Raises:
            StoreError: the store is away.
            SettingsError: the home cannot be written.
        """
        try:
            candidates = self.store.answers(recipes)
        except (StoreError, SettingsError) as error:
            self._went_away(error)
            raise
        wanted = {
            digest
            for answers in candidates.values()
            for answer in answers
            for digest in results.digests(answer.result)
        }
        present = self.artifacts.present(wanted) if wanted else frozenset()
        return {
            recipe: answer
            for recipe, answers in candidates.items()
            for answer in reversed(answers)
            if present.issuperset(results.digests(answer.result))
        }

    def warn(self, message: str, *, about: str = "") -> None:
        """Log a warning, once until the store has been away and is back.

        Args:
            message: what to say.
            about: what counts as saying it again; the message itself by default.
        """
        if (about or message) not in self._warned:
            self._warned.add(about or message)
            log.warning("%s", message)

    def close(self) -> None:
        """Give back the database connections, and forward what waits."""
        if "forwarder" in vars(self):
            self.forwarder.close()
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _spool(self, events: Sequence[dict[str, Any]], chunks: Sequence[Chunk], why: str) -> None:
        why = why or "the store was away"  # another thread has just seen it come back
        try:
            self.spool.append(events, chunks)
        except WorldError as error:
            self.warn(f"{why}; lineage is lost meanwhile, for {error}", about="lost")
        else:
            where = f"{why}; lineage goes to {self.spool.folder} and is replayed later"
            self.warn(where, about="spooled")

    def _went_away(self, error: BegatError) -> None:
        self._away_until = time.monotonic() + RETRY_STORE_AFTER
        self._why = str(error)

    def _came_back(self) -> None:
        """What was spooled meanwhile follows, and the next time it is warned of again."""
        self._why = ""
        try:
            self.spool.replay(self.store.record)
        except (StoreError, SettingsError) as error:  # away again: what waits goes on waiting
            self._went_away(error)
        else:
            self._away_until = 0.0
            self._warned.clear()


_current: Workspace | None = None
_opening = threading.Lock()


def workspace() -> Workspace:
    """This process's workspace, made from the settings in force at the first call."""
    global _current  # noqa: PLW0603 - one workspace a process is the point of this module
    with _opening:
        if _current is None:
            _current = Workspace()
        return _current


def renew() -> None:
    """Let the next `workspace()` be made from the settings in force by then."""
    global _current
    with _opening:
        before, _current = _current, None
    if before is not None:
        before.close()


@contextmanager
def using(given: Workspace) -> Iterator[Workspace]:
    """Make `given` this process's workspace for a while; for tests and nested tools."""
    global _current  # noqa: PLW0603 - see workspace()
    before, _current = _current, given
    try:
        yield given
    finally:
        _current = before
        given.close()
