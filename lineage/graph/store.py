"""The lineage store: events in, answers out, on one connection a process.

Everything here runs on sqlite3 or psycopg and kept SQL; SQLAlchemy and Alembic are imported
only to upgrade a database that an older begat made.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from ..content.merkle import Chunk
from ..errors import StoreError
from ..events.build import now
from ..events.text import text
from . import sql
from .connection import Connection
from .database import Database, open_database
from .facts import ENDED
from .ingest import Ingest
from .known import Known
from .leases import Lease
from .rebuild import rebuild
from .statement import Statement, statement

Origin = Literal["recorded", "ingested"]

#: Seconds that the store has to answer.
TIMEOUT = 2.0
#: Seconds that threads of one process queue for their turn.
QUEUE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A completed run that answers a recipe."""

    run_id: str
    #: What the run returned, as `results.encode` wrote it.
    result: Any
    #: ISO 8601, UTC.
    started_at: str


class Store:
    """A lineage store, safe for several threads and processes.

    Use `Store.open`; transactions of one process take turns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._pid = os.getpid()
        #: What is known of its rows, as long as nobody else writes.
        self._known: Known | None = None

    @classmethod
    def open(cls, url: str, *, timeout: float = TIMEOUT) -> Store:
        """The store at a URL; created if it is not there, upgraded if it is older.

        Args:
            url: `sqlite:///path/to/begat.db`, `sqlite://` for one in memory, or
                `postgresql://user:password@host:port/database`.
            timeout: seconds to wait for the database and for other writers.

        Raises:
            StoreError: it cannot be reached or written within the time, is not begat's, or
                was made by a newer begat.
        """
        return cls(open_database(url, timeout=timeout))

    @classmethod
    def scratch(cls) -> Store:
        """An empty store in a file that is gone when it is closed, however large it gets.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        from .sqlite import Sqlite

        return cls(Sqlite("", timeout=TIMEOUT))

    @property
    def name(self) -> str:
        """What messages call it: its file, or its URL without a password."""
        return self._database.name

    def close(self) -> None:
        """Give back the connection."""
        with self._lock:
            self._database.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout.

        Raises:
            StoreError: the store failed.
        """
        with self._turn(), self._database.read() as db:
            yield db

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Connection]:
        """A connection whose changes are kept together, or not at all if the block raises.

        Args:
            patient: a statement may take longer than the timeout.

        Raises:
            StoreError: the store failed, or others wrote for longer than the timeout.
        """
        with self._turn():
            self._known = None  # nobody notes what is written here
            with self._database.write(patient=patient) as db:
                yield db

    @contextmanager
    def ingesting(self) -> Iterator[Ingest]:
        """A transaction for events and chunks: all of what is put into it is kept, or nothing.

        It goes on from what the last one knew of the rows.

        Raises:
            StoreError: the store failed, or others wrote for longer than the timeout.
        """
        with self._turn():
            known, self._known = self._known, None
            joins = self._database.in_transaction
            with self._database.write() as db:
                if not self._database.is_alone() or known is None:
                    known = Known()
                ingest = Ingest(db, known)
                yield ingest
                ingest.flush()
            # It is true now that all of it is kept; inside another transaction that is not said.
            if not joins:
                self._known = known

    def record(
        self,
        events: Sequence[Mapping[str, Any]],
        chunks: Sequence[Chunk] = (),
        origin: Origin = "recorded",
        *,
        lease: Lease | None = None,
        confirm: Callable[[Connection], None] | None = None,
    ) -> bool:
        """Store events and the chunks they point to, all or none; what is there already stays.

        A run that ends gives back its lease.

        Args:
            events: OpenLineage RunEvents.
            chunks: rows of snapshots that they read.
            origin: `recorded` for what begat's own wrapper saw, `ingested` for what it was told.
            lease: what a run that begins has to have for it.
            confirm: is asked in the transaction, before anything is stored; what it raises stops
                it.

        Returns:
            Whether they are stored: not if another run has the lease, or has answered its recipe.

        Raises:
            StoreError: the store failed; nothing was stored.
            EventError: an event cannot be read; nothing was stored.
        """
        statements = [statement(event, text(event)) for event in events]
        with self.ingesting() as ingest:
            if confirm is not None:
                confirm(ingest.db)
            if lease is not None and not ingest.take(lease):
                return False
            for chunk in chunks:
                ingest.add_chunk(chunk)
            for said, body in statements:
                ingest.add_event(said, body, origin)
                if said.rank >= ENDED and origin == "recorded":
                    ingest.free(said.run.run_id)
        return True

    def add(
        self,
        statements: Iterable[Statement],
        chunks: Iterable[Chunk] = (),
        origin: Origin = "recorded",
    ) -> int:
        """Store events that have been read, all or none; what is there already stays.

        Returns:
            How many events were not there yet.

        Raises:
            StoreError: the store failed; nothing was stored.
        """
        with self.ingesting() as ingest:
            for chunk in chunks:
                ingest.add_chunk(chunk)
            return sum(ingest.add_event(said, body, origin) for said, body in statements)

    def rebuild(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Make the graph anew from the stored events and chunks.

        Args:
            tell: is told how many events have spoken.

        Raises:
            StoreError: the store failed; the graph is as it was.
        """
        with self.write(patient=True) as db:
            rebuild(db, tell)

    def size(self) -> int:
        """How many bytes it takes.

        Raises:
            StoreError: the store failed.
        """
        with self._turn():
            return self._database.size()

    def compact(self) -> None:
        """Give space that nothing uses back to the disk; it takes as long as copying the store.

        Raises:
            StoreError: the store failed, or others use it.
        """
        with self._turn():
            self._database.compact()

    def damage(self) -> list[str]:
        """What its database itself finds wrong with its file or its indexes.

        Raises:
            StoreError: the store failed.
        """
        with self._turn():
            return self._database.damage()

    def answers(self, recipes: Sequence[str]) -> dict[str, list[Answer]]:
        """The runs that answer each recipe, the earliest to complete first.

        They completed, were recorded by begat itself, did their own work, may be reused, and
        none of their outputs is marked lost, gone or purged. A recipe that nothing answers is
        left out.

        Raises:
            StoreError: the store failed.
        """
        found: dict[str, list[Answer]] = {}
        given = {"recipes": json.dumps([*recipes])}
        with self._turn():
            rows = self._database.ask(sql.statements()["answers"], given)
        for recipe, run_id, result, started_at in rows:
            answer = Answer(run_id=run_id, result=json.loads(result), started_at=started_at)
            found.setdefault(recipe, []).append(answer)
        return found

    def nondeterministic(self, recipe: str) -> bool:
        """Whether completed runs of one recipe wrote different bytes.

        Raises:
            StoreError: the store failed.
        """
        written: dict[str, set[tuple[str, ...]]] = {}
        with self.read() as db:
            for run_id, *output in db.execute(
                sql.statements()["outputs_by_recipe"], {"recipe": recipe}
            ):
                written.setdefault(run_id, set()).add(tuple(output))
        return len({frozenset(outputs) for outputs in written.values()}) > 1

    def mark_lost(self, digests: Iterable[str]) -> None:
        """Remember that these artifacts are gone: runs that wrote them answer no longer.

        Raises:
            StoreError: the store failed.
        """
        self._mark(digests, "lost")

    def mark_present(self, digests: Iterable[str]) -> None:
        """Remember that these artifacts are there, after all or again.

        Raises:
            StoreError: the store failed.
        """
        self._mark(digests, "present")

    def _mark(self, digests: Iterable[str], state: str) -> None:
        noted = now()
        rows = [{"digest": digest, "state": state, "noted_at": noted} for digest in digests]
        with self.write() as db:
            db.executemany(sql.statements()["put_presence"], rows)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._pid != os.getpid():
            self._after_fork()
        # Threads of this process queue, however many they are: each is quick, and only the
        # one at the head may find another process in its way.
        if not self._lock.acquire(timeout=QUEUE):
            raise StoreError(
                f"other threads of this process kept the lineage store {self._database.name} "
                f"busy for {QUEUE:g} s; try again"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _after_fork(self) -> None:
        # Neither a connection nor the state of a lock survives a fork.
        self._lock = threading.RLock()
        self._database.after_fork()
        self._known = None
        self._pid = os.getpid()
