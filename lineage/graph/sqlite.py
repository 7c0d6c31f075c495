"""A SQLite database file of begat's: connecting, creating, upgrading."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from ..errors import StoreError
from . import schema
from .connection import Connection

DIALECT = "sqlite"

_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
#: Faults that a damaged file is asked for.
_FAULTS = 20


class Sqlite:
    """A database file, see `database.Database`.

    Args:
        path: of the file; created if it is not there, in a folder that is. `:memory:` for one
            in memory, empty for one in a file of its own that is gone when it is closed.
        timeout: seconds to wait for other processes.

    Raises:
        StoreError: it cannot be reached, is not begat's, or is newer.
    """

    dialect = DIALECT

    def __init__(self, path: str, *, timeout: float) -> None:
        self.name = path
        self._timeout = timeout
        self.connection = connect(path, timeout=timeout)
        self._version = -1

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""
        return self.connection.in_transaction

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state."""
        with translated(self.name), _transaction(self.connection, "BEGIN"):
            yield self.connection

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Connection]:
        """A transaction that nobody else writes beside; its statements take what they take."""
        with translated(self.name), _transaction(self.connection, "BEGIN IMMEDIATE"):
            yield self.connection

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one statement."""
        with translated(self.name):
            return self.connection.execute(sql, parameters).fetchall()

    def is_alone(self) -> bool:
        """Whether no other connection has written since this was asked last."""
        # The number is another one if, and only if, another connection has.
        before = self._version
        [self._version] = self.connection.execute("PRAGMA data_version").fetchone()
        return before == self._version

    def size(self) -> int:
        """Bytes of the file, and of what waits to get into it."""
        [(size,)] = self.ask(_SIZE, {})
        return int(size)

    def compact(self) -> None:
        """Write the file anew, without the space that nothing uses."""
        # Statistics are not made: the statements are written for a database without them.
        with translated(self.name):
            self.connection.execute("VACUUM")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def damage(self) -> list[str]:
        """What the database itself finds wrong."""
        return [
            says for (says,) in self.ask(f"PRAGMA integrity_check({_FAULTS})", {}) if says != "ok"
        ]

    def close(self) -> None:
        """Give back the connection."""
        self.connection.close()

    def after_fork(self) -> None:
        """Go on with a connection of its own."""
        # SQLite's connections do not survive a fork. Closing the inherited one would give up
        # locks that the parent holds, so it is kept unused.
        self._inherited = self.connection
        self.connection = connect(self.name, timeout=self._timeout)
        self._version = -1


def connect(path: str, *, timeout: float) -> sqlite3.Connection:
    """A connection to a database of this begat's schema.

    Args:
        path: of the file; created if it is not there, in a folder that is.
        timeout: seconds to wait for other processes.

    Raises:
        StoreError: it cannot be reached, is not begat's, or is newer.
    """
    with translated(path):
        db = sqlite3.connect(
            path,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            db.row_factory = sqlite3.Row
            _set_up(db, path, deadline=time.monotonic() + timeout)
        except BaseException:
            db.close()
            raise
        return db


def revision_of(path: str, *, timeout: float) -> str:
    """The revision of a file's schema as it is; empty for none.

    Raises:
        StoreError: it cannot be reached, or is another program's.
    """
    with translated(path), closing(sqlite3.connect(path, timeout=timeout)) as db:
        return schema.revision(db, DIALECT, path)


@contextmanager
def _transaction(db: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Begin, and commit unless the block raises; nested ones join the outermost."""
    if db.in_transaction:
        yield
        return
    db.execute(begin)
    try:
        yield
    except BaseException:
        if db.in_transaction:  # some errors have rolled back already
            db.execute("ROLLBACK")
        raise
    try:
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Errors of SQLite as begat's own."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"the lineage store {path} failed ({error}); {_remedy(error)}") from error


def _remedy(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another process is writing: try again"
    if name.startswith("SQLITE_CANTOPEN"):
        return "create its folder or mend BEGAT_STORE"
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return "move the file away or restore it from a backup"
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return "make it and its folder writable"
    if name.startswith("SQLITE_FULL"):
        return "free space on its disk"
    return "check the file and its disk, which may be full"


def _set_up(db: sqlite3.Connection, path: str, *, deadline: float) -> None:
    # First of all: another program's database stays as it is.
    newest = schema.is_newest(db, DIALECT, path)
    _use_wal(db, deadline)
    db.execute("PRAGMA synchronous = NORMAL")
    if not newest:
        with _transaction(db, "BEGIN EXCLUSIVE"):
            schema.make(db, DIALECT, path, db)


def _use_wal(db: sqlite3.Connection, deadline: float) -> None:
    # SQLite does not wait for others here, whatever the timeout says.
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)  # there is nothing to wait on: it is asked again until the deadline
        else:
            return
