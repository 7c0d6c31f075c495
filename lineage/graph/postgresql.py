"""A PostgreSQL database of begat's: connecting, transactions, what its errors mean."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from types import MappingProxyType
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper

from ..errors import StoreError
from . import schema
from .connection import Connection, Cursor
from .translation import translated

T = TypeVar("T")

DIALECT = "postgresql"
#: The advisory lock that whoever writes to a database's store holds until the end.
WRITING = 0x6265676174  # "begat"
#: Seconds that one statement of a reading transaction may take.
READING = 60.0
#: Seconds after which a process that holds the lock and does nothing has lost it.
IDLE = 60.0
#: The oldest version of PostgreSQL that begat is tested with.
OLDEST = 15

#: Rows of a large answer that come at a time.
STREAMED = 2000
_CURSORS = count()

#: A statement is prepared when it comes for this time, and so many are kept.
PREPARE, PREPARED = 5, 500

# A statement of its own for each step would be a way to the server and back.
_READ = f"""
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '{READING:g}s'
"""
_WRITE = f"""
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL idle_in_transaction_session_timeout = '{IDLE:g}s';
SELECT pg_advisory_xact_lock({WRITING}), nextval('writing')
"""
# As above, for a database that may have no schema yet.
_MAKE = f"""
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0;
SELECT pg_advisory_xact_lock({WRITING})
"""
# What a closure costs is estimated too high by far, and compiling takes longer than answering.
# Whoever waits for a lock is told so, and not that a statement took too long.
_SESSION = "SET jit = off; SET statement_timeout = '{0}ms'; SET lock_timeout = '{1}ms'"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_SIZE = """
SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0) FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
"""
_INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY 1
"""
_INSIDE = (TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE)
#: What a server says last on a connection.
_ENDED = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow)
_REMEDIES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.LockNotAvailable, "another process is writing: try again"),
    (errors.QueryCanceled, "it took too long: try again, or ask for less"),
    (errors.InsufficientPrivilege, "let the owner of the database grant it to the role"),
    (errors.ReadOnlySqlTransaction, "name a server in BEGAT_STORE that takes writes"),
    (errors.DiskFull, "free space on its disk"),
    (psycopg.OperationalError, "check that the server runs, and what BEGAT_STORE names"),
)


class Postgresql:
    """A database on a server, see `database.Database`.

    A connection that has died is made anew, once, when the next transaction begins.

    Args:
        url: `postgresql://user:password@host:port/database`, and what else libpq understands.
        timeout: seconds to wait for the server, and for others who write.

    Raises:
        StoreError: it cannot be reached, is not begat's, or is newer.
    """

    dialect = DIALECT

    def __init__(self, url: str, *, timeout: float) -> None:
        self._timeout = timeout
        self._parameters = _parameters(url, timeout)
        self.name = _name(self._parameters)
        #: How many transactions had written when this one last did.
        self._written = -1
        self._alone = False
        with self._translating():
            self.connection = self._connect()
            try:
                self._set_up()
            except BaseException:
                self.connection.close()
                raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""
        return self.connection.info.transaction_status in _INSIDE

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state."""
        if self.in_transaction:
            yield Statements(self.connection)
            return
        with self._transaction(_READ):
            yield Statements(self.connection)

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Connection]:
        """A transaction that nobody else writes beside."""
        if self.in_transaction:
            yield Statements(self.connection)
            return
        with self._transaction(_WRITE) as begun:
            while begun.nextset():  # the answer is that of the last statement
                pass
            [(_, written)] = begun.fetchall()
            self._alone, self._written = written == self._written + 1, written
            if patient:
                self.connection.execute("SET LOCAL statement_timeout = 0")
            yield Statements(self.connection)

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one statement."""

        def asked() -> list[Any]:
            return Statements(self.connection).execute(sql, parameters).fetchall()

        with self._translating():
            return asked() if self.in_transaction else self._on_living(asked)

    def is_alone(self) -> bool:
        """Whether no other connection has written since this was asked last."""
        return self._alone

    def size(self) -> int:
        """Bytes of all tables, with their indexes."""
        [(size,)] = self.ask(_SIZE, {})
        return int(size)

    def compact(self) -> None:
        """Let tables use again what they do not need, and look at what is in them."""
        names = [name for (name,) in self.ask(_TABLES, {})]
        with self._translating():
            self._on_living(lambda: self.connection.execute("SET statement_timeout = 0"))
            self.connection.execute(f"VACUUM (ANALYZE) {', '.join(names)}".encode())
            self._limit(self.connection)

    def damage(self) -> list[str]:
        """What the database itself finds wrong: indexes that were not made to the end."""
        return [f"its index {name} is not valid; REINDEX it" for (name,) in self.ask(_INVALID, {})]

    def close(self) -> None:
        """Give back the connection."""
        self.connection.close()

    def after_fork(self) -> None:
        """Go on with a connection of its own."""
        self._inherited = self.connection  # closing it would end the parent's session
        with self._translating():
            self.connection = self._connect()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[psycopg.Cursor[Any]]:
        """Begin, and commit unless the block raises; with the answer to the beginning."""
        with self._translating():
            try:
                yield self._on_living(lambda: self.connection.execute(begin))
            except BaseException:
                self._roll_back()
                raise
            if self.connection.info.transaction_status == TransactionStatus.INERROR:
                # A COMMIT would be answered as if all were well.
                self._roll_back()
                raise StoreError(
                    f"the lineage store {self.name} kept nothing, for a statement of the "
                    "transaction had failed; try again"
                )
            try:
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        try:
            if self.in_transaction:
                self.connection.execute("ROLLBACK")
        except psycopg.Error:
            self.connection.close()  # the server rolls back what nobody goes on with

    def _on_living(self, work: Callable[[], T]) -> T:
        """Do what begins outside of a transaction, again if the connection turns out to be dead."""
        try:
            if not self.connection.closed:
                return work()
        except psycopg.OperationalError as error:
            if not (self.connection.closed or isinstance(error, _ENDED)):
                raise
        self.connection.close()
        self.connection = self._connect()
        return work()

    def _connect(self) -> psycopg.Connection[Any]:
        self._written = -1
        connection = psycopg.connect(
            **self._parameters, autocommit=True, row_factory=_rows, prepare_threshold=PREPARE
        )
        connection.prepared_max = PREPARED
        # One type for all integers, so that a statement is prepared once.
        connection.adapters.register_dumper(int, Int8Dumper)
        self._limit(connection)
        return connection

    def _limit(self, connection: psycopg.Connection[Any]) -> None:
        """Let statements on a connection take no longer than they may."""
        timeout = round(self._timeout * 1000)
        connection.execute(_SESSION.format(timeout, timeout * 9 // 10))

    def _set_up(self) -> None:
        info = self.connection.info
        if info.server_version < OLDEST * 10_000:
            raise StoreError(
                f"the lineage store {self.name} is on PostgreSQL {info.server_version // 10_000}; "
                f"use {OLDEST} or newer"
            )
        if (encoding := info.parameter_status("server_encoding")) != "UTF8":
            raise StoreError(
                f"the database of the lineage store {self.name} keeps text as {encoding}; "
                "create one with ENCODING 'UTF8'"
            )
        db = Statements(self.connection)
        if not schema.is_newest(db, DIALECT, self.name):
            with self._transaction(_MAKE):
                schema.make(db, DIALECT, self.name, self.connection)
                db.execute("SELECT nextval('writing')")  # what others know is not true any more

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            said = error.diag.message_primary or " ".join(str(error).split())
            raise StoreError(
                f"the lineage store {self.name} failed ({said}); {_remedy(error)}"
            ) from error


def revision_of(url: str, *, timeout: float) -> str:
    """The revision of a database's schema as it is; empty for none.

    Raises:
        StoreError: it cannot be reached, or is another program's.
    """
    parameters = _parameters(url, timeout)
    name = _name(parameters)
    try:
        with closing(psycopg.connect(**parameters, autocommit=True)) as connection:
            return schema.revision(Statements(connection), DIALECT, name)
    except psycopg.Error as error:
        said = error.diag.message_primary or " ".join(str(error).split())
        raise StoreError(f"the lineage store {name} failed ({said}); {_remedy(error)}") from error


class Statements:
    """Runs begat's statements on a connection of psycopg's."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Mapping[str, Any] = MappingProxyType({}), /) -> Cursor:
        """Run one statement."""
        return self.connection.execute(translated(sql).encode(), parameters)

    def stream(self, sql: str) -> Iterator[Any]:
        """Rows that the server keeps until they are asked for."""
        self.connection.execute("SET LOCAL statement_timeout = 0")
        with self.connection.cursor(name=f"rows{next(_CURSORS)}") as cursor:
            cursor.itersize = STREAMED
            cursor.execute(translated(sql).encode(), {})
            yield from cursor

    def pipelined(self) -> AbstractContextManager[Any]:
        """A block whose statements are sent before those before are answered."""
        return self.connection.pipeline()

    def executemany(self, sql: str, parameters: Iterable[Mapping[str, Any]], /) -> Cursor:
        """Run one statement for each of many parameters."""
        rows = list(parameters)
        if len(rows) == 1:  # which a pipeline would make dearer
            return self.execute(sql, rows[0])
        cursor = self.connection.cursor()
        cursor.executemany(translated(sql).encode(), rows)
        return cursor


class _Row(tuple[Any, ...]):
    """A row by position or by name; there is a subclass for each list of names."""

    __slots__ = ()
    _at: Mapping[str, int]

    def __getitem__(self, key: Any, /) -> Any:
        return tuple.__getitem__(self, self._at[key] if isinstance(key, str) else key)

    def keys(self) -> Iterable[str]:
        """The names of its columns."""
        return list(self._at)


@functools.lru_cache(maxsize=1024)
def _kind(names: tuple[str, ...]) -> type[_Row]:
    at: dict[str, int] = {}
    for position, name in enumerate(names):
        at.setdefault(name, position)
    return type("Row", (_Row,), {"__slots__": (), "_at": at})


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], _Row]:
    return _kind(tuple(column.name for column in cursor.description or ()))


def _parameters(url: str, timeout: float) -> dict[str, Any]:
    """What libpq is told: what the URL says, and for the rest what suits a lineage store."""
    try:
        given = conninfo_to_dict(f"postgresql://{url.partition('://')[2]}")
    except psycopg.Error:  # whose message may quote a password
        raise StoreError(
            "the URL of the lineage store cannot be read; write BEGAT_STORE as "
            "postgresql://user:password@host:port/database, other letters as %-escapes"
        ) from None
    patience = max(2, math.ceil(timeout))  # libpq knows no shorter one
    return {
        "application_name": "begat",
        "connect_timeout": patience,
        "tcp_user_timeout": patience * 1000,
        "keepalives_idle": 10,
        "keepalives_interval": 2,
        **given,
        "client_encoding": "UTF8",
    }


def _name(parameters: Mapping[str, Any]) -> str:
    """What messages call a database."""
    host, port, database = (str(parameters.get(key, "")) for key in ("host", "port", "dbname"))
    if host.startswith("/"):
        return f"postgresql:///{database}?host={host}"
    return f"postgresql://{host}{':' if port else ''}{port}/{database}"


def _remedy(error: psycopg.Error) -> str:
    for kinds, remedy in _REMEDIES:
        if isinstance(error, kinds):
            return remedy
    return "check the database and its server's log"
