"""The two databases that a lineage store may be in, and what `Store` asks of either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

from ..errors import StoreError
from .connection import Connection

#: Schemes of URLs; SQLAlchemy's way to name the driver is understood, too.
SQLITE = "sqlite://"
POSTGRESQL = ("postgresql://", "postgresql+psycopg://")


class Database(Protocol):
    """A lineage store's database, on one connection that one thread uses at a time."""

    @property
    def name(self) -> str:
        """What messages call it; never with a password."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun on its connection."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state; inside another one it joins that.

        Raises:
            StoreError: the database failed.
        """
        ...

    def write(self, *, patient: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that nobody else writes beside; inside another one it joins that.

        Args:
            patient: its statements may take as long as they do.

        Raises:
            StoreError: the database failed, or others wrote for longer than its timeout.
        """
        ...

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one statement, which needs no transaction to see one state.

        Raises:
            StoreError: the database failed.
        """
        ...

    def is_alone(self) -> bool:
        """Whether no other connection has written since this was asked last; inside `write`."""
        ...

    def size(self) -> int:
        """How many bytes it takes.

        Raises:
            StoreError: the database failed.
        """
        ...

    def compact(self) -> None:
        """Give back space that nothing uses; outside of transactions.

        Raises:
            StoreError: the database failed, or others use it.
        """
        ...

    def damage(self) -> list[str]:
        """What the database itself finds wrong with its file or its indexes.

        Raises:
            StoreError: the database failed.
        """
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...

    def after_fork(self) -> None:
        """Go on with a connection of its own, in a child process.

        Raises:
            StoreError: the database cannot be reached.
        """
        ...


def open_database(url: str, *, timeout: float) -> Database:
    """The database at a URL, with this begat's schema; created or upgraded if it has to be.

    Args:
        url: `sqlite:///path/to/begat.db`, `sqlite://` for one in memory, or
            `postgresql://user:password@host:port/database`.
        timeout: seconds to wait for it and for others who write.

    Raises:
        StoreError: no such URL, or it cannot be reached, is not begat's, or is newer.
    """
    if url.startswith(SQLITE):
        from .sqlite import Sqlite

        return Sqlite(path_of(url), timeout=timeout)
    database: Database = _postgresql(url).Postgresql(url, timeout=timeout)
    return database


def revision_of(url: str, *, timeout: float) -> str:
    """The revision of the schema that a database has, which nothing is done to; empty for none.

    Raises:
        StoreError: no such URL, or it cannot be reached, or is another program's.
    """
    if url.startswith(SQLITE):
        from . import sqlite

        return sqlite.revision_of(path_of(url), timeout=timeout)
    revision: str = _postgresql(url).revision_of(url, timeout=timeout)
    return revision


def _postgresql(url: str) -> ModuleType:
    if not url.startswith(POSTGRESQL):
        scheme = url.partition(":")[0]
        raise StoreError(
            "a lineage store is sqlite:///path/to/begat.db or postgresql://host/database; "
            f"got {scheme}:…, mend BEGAT_STORE"
        )
    try:
        from . import postgresql
    except ImportError as error:  # psycopg is not there, or finds no libpq
        raise StoreError(
            "a lineage store on PostgreSQL needs psycopg, which is not installed; "
            "pip install 'path/to/begat[postgres]'"
        ) from error
    return postgresql


def is_absolute(url: str) -> bool:
    """Whether a URL names the same store wherever a process works."""
    if url.startswith(SQLITE):
        return os.path.isabs(path_of(url))
    return url.startswith(POSTGRESQL)


def path_of(url: str) -> str:
    """The file that a SQLite URL names, in SQLAlchemy's form; `:memory:` for `sqlite://`.

    Raises:
        StoreError: the path stands where a host would.

    >>> path_of("sqlite:////home/begat.db")
    '/home/begat.db'
    """
    path = url.removeprefix(SQLITE)
    if path in ("", "/", "/:memory:"):
        return ":memory:"
    if not path.startswith("/"):
        raise StoreError(
            f"a lineage store in a file is sqlite:///path/to/begat.db; got {url}, mend BEGAT_STORE"
        )
    return path.removeprefix("/")
