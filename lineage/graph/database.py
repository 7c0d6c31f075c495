"""A SQLite database file of begat's: connecting, creating, upgrading."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreError
from . import sql

_PREFIX = "sqlite://"


def path_of(url: str) -> str:
    """The file that a database URL names, in SQLAlchemy's form; `:memory:` for `sqlite://`.

    Raises:
        StoreError: it is no SQLite URL.

    >>> path_of("sqlite:////home/begat.db")
    '/home/begat.db'
    """
    if url in (_PREFIX, f"{_PREFIX}/", f"{_PREFIX}/:memory:"):
        return ":memory:"
    if not url.startswith(f"{_PREFIX}/"):
        scheme = url.partition(":")[0]
        raise StoreError(
            f"a lineage store is sqlite:///path/to/begat.db; got {scheme}:…, mend BEGAT_STORE"
        )
    return url.removeprefix(f"{_PREFIX}/")


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


@contextmanager
def transaction(db: sqlite3.Connection, begin: str) -> Iterator[None]:
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
    return "check the file and its disk"


def _set_up(db: sqlite3.Connection, path: str, *, deadline: float) -> None:
    known = sql.revisions()
    found = _revision(db, path)  # first of all: another program's database stays as it is
    _use_wal(db, deadline)
    db.execute("PRAGMA synchronous = NORMAL")
    if found == known[-1]:
        return
    with transaction(db, "BEGIN EXCLUSIVE"):
        # Another process may have done it while this one waited.
        found = _revision(db, path)
        if not found:
            for statement in sql.schema():
                db.execute(statement)
        elif found not in known:
            raise StoreError(
                f"the lineage store {path} has revision {found}, and this begat knows "
                f"{known[-1]} as the newest; upgrade begat"
            )
        elif found != known[-1]:
            from .migrations import migrate
            from .rebuild import rebuild

            with migrate.on_sqlite(db) as connection:
                migrate.upgrade(connection)
            rebuild(db)  # an older begat read less in the same events


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


def _revision(db: sqlite3.Connection, path: str) -> str:
    """The revision of the schema; empty for a new database."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return ""
    if not {"alembic_version", "event"} <= tables:
        raise StoreError(
            f"{path} is a database of something else than begat; point BEGAT_STORE elsewhere"
        )
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise StoreError(f"the lineage store {path} names no revision; restore it from a backup")
    return str(row[0])
