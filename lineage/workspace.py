"""What one process works with: its settings, its store, its artifacts, its spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import results, settings
from .errors import BegatError, StoreError
from .events.spool import Spool

if TYPE_CHECKING:
    from .content.merkle import Chunk
    from .content.stat import StatCache
    from .content.store import ArtifactStore
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
        self._warned = False

    @cached_property
    def cache(self) -> StatCache:
        """Digests of files that have not changed since they were last hashed."""
        from .content.stat import StatCache

        settings.make_home(self.settings)
        return StatCache(self.settings.cache)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Where the bytes lie."""
        from .content.store import open_store

        settings.make_home(self.settings)
        return open_store(self.settings)

    @property
    def store(self) -> Store:
        """The lineage store; opening it replays what earlier processes had to spool.

        Raises:
            StoreError: it cannot be reached within two seconds.
        """
        with self._lock:
            if self._store is None:
                from .graph.store import Store

                settings.make_home(self.settings)
                self._store = Store.open(self.settings.store)
                self.spool.replay(self._store.record)
            return self._store

    def record(self, events: Sequence[dict[str, Any]], chunks: Sequence[Chunk] = ()) -> None:
        """Store events, or spool them if the store is away; never stops the caller."""
        if time.monotonic() >= self._away_until:
            try:
                self.store.record(events, chunks)
            except StoreError as error:
                self._away_until = time.monotonic() + RETRY_STORE_AFTER
                self._warn(f"{error}; lineage goes to {self.spool.folder} and is replayed later")
            else:
                return
        try:
            self.spool.append(events, chunks)
        except (BegatError, OSError) as error:
            self._warn(f"lineage of this run is lost: the spool cannot be written ({error})")

    def answers(self, recipes: Sequence[str]) -> Mapping[str, Answer]:
        """For each recipe that a completed run answers: the earliest with its outputs present.

        Raises:
            StoreError: the store is away.
        """
        candidates = self.store.answers(recipes)
        wanted = {
            digest
            for answers in candidates.values()
            for answer in answers
            for digest in results.digests(answer.result)
        }
        present = self.artifacts.present(wanted)
        return {
            recipe: answer
            for recipe, answers in candidates.items()
            for answer in reversed(answers)
            if present.issuperset(results.digests(answer.result))
        }

    def replay(self) -> None:
        """Take what the spool holds into the store, if the store is there."""
        try:
            self.spool.replay(self.store.record)
        except StoreError as error:
            self._warn(f"{error}; lineage stays in {self.spool.folder} until it is back")

    def close(self) -> None:
        """Give back the database connections."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning("%s", message)


_current: Workspace | None = None
_opening = threading.Lock()


def workspace() -> Workspace:
    """This process's workspace, made from the settings in force at the first call."""
    global _current  # noqa: PLW0603 - one workspace a process is the point of this module
    with _opening:
        if _current is None:
            _current = Workspace()
        return _current


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
