"""What one process works with: its settings, its store, its artifacts, its spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import results, settings
from .errors import (
    BegatError,
    CollectedError,
    DataError,
    SettingsError,
    StoreError,
    WorldError,
)
from .events.spool import Spool
from .pulse import Pulse
from .records import DatasetVersion, RunRef

if TYPE_CHECKING:
    from collections.abc import Collection

    from .content.merkle import Chunk
    from .content.stat import StatCache
    from .content.store import ArtifactStore
    from .events.forward import Forwarder
    from .graph.connection import Connection
    from .graph.leases import Lease
    from .graph.store import Answer, Store

log = logging.getLogger("begat")

#: Types of events after which a run is over.
_ENDS = frozenset({"COMPLETE", "FAIL", "ABORT"})
#: After the store failed, events go straight to the spool for this many seconds.
RETRY_STORE_AFTER = 10.0


class Workspace:
    """The parts a process needs to track runs, each opened when it is first used.

    Args:
        given: the settings; `settings.load()` when absent.
        store: an open store of whoever has one, and closes it; else one is opened when it is
            first used.
    """

    def __init__(
        self, given: settings.Settings | None = None, *, store: Store | None = None
    ) -> None:
        self.settings = given or settings.load()
        self.spool = Spool(self.settings.spool)
        self._lock = threading.RLock()
        self._store = store
        self._lent = store
        self._away_until = 0.0
        #: Why the store is away; empty while it is there.
        self._why = ""
        self._warned: set[str] = set()
        self.pulse = Pulse(self._beat, lasts=self.settings.lease_seconds)

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
        """The lineage store; opening it takes in what earlier processes left.

        That is what they had to spool, and runs in which they died.

        Raises:
            StoreError: it cannot be reached within two seconds.
            SettingsError: the home cannot be written.
        """
        with self._lock:
            if self._store is None:
                from .graph.store import Store

                settings.make_home(self.settings)
                self._store = Store.open(self.settings.store)
                self.spool.replay(self._take_late)
                self.look_after()
            return self._store

    @property
    def away(self) -> bool:
        """Whether the store failed just now, so that nothing should wait for it again."""
        return time.monotonic() < self._away_until

    def record(
        self,
        events: Sequence[dict[str, Any]],
        chunks: Sequence[Chunk] = (),
        *,
        lease: Lease | None = None,
        relied: Collection[str] = (),
    ) -> bool:
        """Store events, or spool them if the store is away; it being away stops no caller.

        Args:
            events: of runs of this process.
            chunks: rows of snapshots that they read.
            lease: what a run that begins is to have for it; from then on it is told to be alive.
            relied: digests of artifacts that are there by what these events say.

        Returns:
            Whether they are recorded: not if another run has the lease, or has answered its
            recipe. If the store is away, they are recorded without one.

        Raises:
            EventError: an event holds what JSON cannot say.
            CollectedError: one of `relied` was collected meanwhile; nothing is recorded.
        """
        if not self._keep(events, chunks, lease, relied):
            return False
        if lease is not None:
            self.pulse.hold(lease.run_id)
        else:
            for event in events:
                if event.get("eventType") in _ENDS:
                    self.pulse.drop(event["run"]["runId"])
        self.forwarder.append(events)
        return True

    def lease(self, run_id: str, recipe: str = "", *, anew: bool = False) -> Lease:
        """What a run of this process is to hold while it is open.

        Args:
            run_id: the run's.
            recipe: the digest of the recipe that it alone is to work on; none by default.
            anew: whether runs that have answered the recipe do not count.
        """
        from .graph.leases import Lease

        return Lease(
            key=recipe or run_id, run_id=run_id, seconds=self.settings.lease_seconds, anew=anew
        )

    def reap(self, store: Store | None = None) -> list[RunRef]:
        """Close runs whose processes died, wherever that was.

        Args:
            store: where; this process's own by default.

        Returns:
            The runs that are closed by that.

        Raises:
            StoreError: the store is away.
            SettingsError: the home cannot be written.
        """
        from .graph import reaper

        return self._told(reaper.reap(store or self.store))

    def close_run(
        self, run_id: str, why: str, *, itself: bool = True, store: Store | None = None
    ) -> list[RunRef]:
        """Close all that is open of a run that is over: the runs it called, however deep.

        Args:
            run_id: the run's.
            why: what is known of its end.
            itself: close the run, too.
            store: where; this process's own by default.

        Returns:
            The runs that are closed by that.

        Raises:
            StoreError: the store is away.
            SettingsError: the home cannot be written.
        """
        from .graph import reaper

        return self._told(reaper.close(store or self.store, run_id, why, itself=itself))

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
        self.pulse.close()
        if "forwarder" in vars(self):
            self.forwarder.close()
        with self._lock:
            if self._store is not None and self._store is not self._lent:
                self._store.close()
                self._store = None

    def refuse_purged(self, versions: Iterable[DatasetVersion]) -> None:
        """Refuse data that was erased for good, and forget the copy that there may be by now.

        Raises:
            DataError: names the first that was purged.
            StoreError: the store is away.
            SettingsError: the home cannot be written.
        """
        from .graph import presence

        if self.away:
            return
        named = {version.digest: version for version in versions}
        with self.store.read() as db:
            found = presence.purged(db, named)
        if not found:
            return
        self.artifacts.remove(found)  # what a database answered is kept as soon as it is read
        digest = next(iter(found))
        raise DataError(
            f"{named[digest]} holds data that was {presence.says(found, digest)} and must not be "
            "kept again; take it out of the source, or choose other partitions (`begat audit` "
            "says why)"
        )

    def _keep(
        self,
        events: Sequence[dict[str, Any]],
        chunks: Sequence[Chunk],
        lease: Lease | None,
        relied: Collection[str],
    ) -> bool:
        """Store or spool; False if the lease cannot be had."""
        if self.away:
            self._spool(events, chunks, self._why)
            return True
        try:
            confirm = partial(self._confirm, relied) if relied else None
            stored = self.store.record(events, chunks, lease=lease, confirm=confirm)
        except (StoreError, SettingsError) as error:
            self._went_away(error)
            self._spool(events, chunks, str(error))
            return True
        if self._why:
            self._came_back()
        return stored

    def _confirm(self, relied: Collection[str], db: Connection) -> None:
        """See that what was collected meanwhile is there all the same, and let it stay.

        In the transaction of the events: `begat gc` deletes in transactions, too, so it has
        deleted by now, or finds that what it was about to delete is needed.
        """
        from .events.build import now
        from .graph import presence

        found = presence.collected(db, relied)
        if not found:
            return
        gone = [digest for digest, one in found.items() if one.state == presence.GONE]
        there = self.artifacts.refresh(gone)
        missing = next((digest for digest in found if digest not in there), None)
        if missing is not None:
            raise CollectedError(
                f"artifact {missing} was {presence.says(found, missing)}, while a run relied on "
                "it; run again to make it anew"
            )
        presence.revive(db, there, now=now())

    def look_after(self) -> None:
        """Close runs whose processes died, if the store lets one."""
        if not self.away:
            try:
                self.reap()
            except (StoreError, SettingsError) as error:  # who may only read, reads
                log.debug("no run could be closed: %s", error)

    def _take_late(self, events: Sequence[dict[str, Any]], chunks: Sequence[Chunk]) -> None:
        """Store what had to wait; of a run that is still open somebody has to be heard soon."""
        from .graph import leases, reaper

        assert self._store is not None
        with self._store.write() as db:
            self._store.record(events, chunks)
            leases.adopt(db, reaper.run_ids(events), self.settings.lease_seconds)

    def _beat(self, held: Collection[str]) -> None:
        from .graph import leases

        if self.away:
            return
        if held:
            leases.beat(self.store, held, self.settings.lease_seconds)
        self.reap()

    def _told(self, stored: Sequence[dict[str, Any]]) -> list[RunRef]:
        """Forward the ends of others' runs."""
        if stored:
            self.forwarder.append(stored)
        return [
            RunRef(
                run_id=event["run"]["runId"],
                namespace=event["job"]["namespace"],
                job=event["job"]["name"],
            )
            for event in stored
        ]

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
            _ = self.store
            self.spool.replay(self._take_late)
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
def using(given: Workspace, *, close: bool = True) -> Iterator[Workspace]:
    """Make `given` this process's workspace for a while; for tests and nested tools.

    Args:
        given: the workspace.
        close: close it at the end; not where whoever has it goes on with it.
    """
    global _current  # noqa: PLW0603 - see workspace()
    before, _current = _current, given
    try:
        yield given
    finally:
        _current = before
        if close:
            given.close()
