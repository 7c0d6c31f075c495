"""A database that is read: one transaction of one instant, and what OpenLineage calls it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DataError
from ...records import Dataset
from .query import Query

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

#: What SQLAlchemy calls a driver, where a URL leaves it open and begat brings one.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
#: Seconds until a server that does not answer is given up.
_PATIENCE = 10
#: Ports that servers listen at if nothing else is said.
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
#: What OpenLineage's names begin with, where SQLAlchemy says it otherwise.
_SCHEMES = {"postgresql": "postgres", "mariadb": "mysql"}


class Database:
    """A connection in a transaction that only reads, and sees one instant.

    Args:
        connection: SQLAlchemy's.
        url: where it leads.
    """

    def __init__(self, connection: Connection, url: URL) -> None:
        self.connection = connection
        self._url = url

    @property
    def dialect(self) -> str:
        """`postgresql`, `sqlite` or what else SQLAlchemy calls its kind."""
        return self._url.get_backend_name()

    def dataset(self, query: Query) -> Dataset:
        """What the answer to a query is called, by OpenLineage's rules for databases."""
        if self.dialect == "sqlite":
            namespace = f"sqlite://{self._url.database or ''}"
        else:
            namespace = self._server
        return Dataset(namespace=namespace, name=query.name or self._table(query))

    @functools.cached_property
    def _server(self) -> str:
        # PostgreSQL's driver knows what it took from the environment.
        info = getattr(self.connection.connection.dbapi_connection, "info", None)
        host = self._url.host or getattr(info, "host", None) or "localhost"
        port = self._url.port or getattr(info, "port", None) or _PORTS.get(self.dialect)
        scheme = _SCHEMES.get(self.dialect, self.dialect)
        local = "localhost" if str(host).startswith("/") else host  # a socket
        return f"{scheme}://{local}:{port}" if port else f"{scheme}://{local}"

    def _table(self, query: Query) -> str:
        *before, table = query.table
        if self.dialect == "sqlite":
            return ".".join(query.table)
        info = getattr(self.connection.connection.dbapi_connection, "info", None)
        database = self._url.database or getattr(info, "dbname", None) or ""
        if self.dialect in ("mysql", "mariadb"):
            return ".".join(filter(None, [*(before or [database]), table]))
        schema = self.connection.dialect.default_schema_name or ""
        parts = [database, schema, *query.table] if not before else [database, *query.table][-3:]
        return ".".join(filter(None, parts))


@contextmanager
def reading(text: str, *, folder: Path) -> Iterator[Database]:
    """The database at a URL, in a transaction that writes nothing and sees one instant.

    Args:
        text: the URL.
        folder: what the path of an SQLite file is relative to.

    Raises:
        DataError: it cannot be reached, or refuses what is asked of it; never with a password.
    """
    import sqlalchemy
    from sqlalchemy import exc
    from sqlalchemy.pool import NullPool

    url = _parsed(text, folder)
    try:
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=_patience(url))
    except (exc.ArgumentError, ImportError) as error:
        raise DataError(
            f"{_shown(url)} cannot be read: {_said(error, url)}; install the driver that "
            "SQLAlchemy needs for it ('begat[postgres]' has PostgreSQL's)"
        ) from None
    try:
        with engine.connect() as connection:
            _begin(connection)
            yield Database(connection, url)
    except exc.SQLAlchemyError as error:
        raise DataError(
            f"{_shown(url)} cannot be read: {_said(error, url)}; mend the query or its url, or "
            "see that the database runs"
        ) from None
    finally:
        engine.dispose()


def _parsed(text: str, folder: Path) -> URL:
    import sqlalchemy
    from sqlalchemy import exc

    scheme, _, rest = text.partition("://")
    try:
        url = sqlalchemy.make_url(f"{_DRIVERS.get(scheme, scheme)}://{rest}")
        backend = url.get_backend_name()
    except (exc.ArgumentError, ValueError):
        raise DataError(
            f"the url {scheme}://… of a query is none that SQLAlchemy can read; write it as "
            "postgresql://user@host:port/database"
        ) from None
    if backend != "sqlite":
        return url
    if url.database in (None, "", ":memory:"):
        raise DataError("a query of an SQLite database in memory finds nothing; name its file")
    path = os.path.abspath(os.path.join(folder, os.path.expanduser(str(url.database))))
    if not os.path.isfile(path):  # SQLite would make one
        raise DataError(f"there is no SQLite database {path}; mend the query's url")
    return url.set(database=path)


def _patience(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "postgresql" or "connect_timeout" in url.query:
        return {}
    return {"connect_timeout": _PATIENCE}


def _begin(connection: Connection) -> None:
    """Begin to read one instant, whatever others write meanwhile."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
        return
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return
    connection.execution_options(isolation_level="REPEATABLE READ")


def _shown(url: URL) -> str:
    """A URL without what is secret in it, nor what its parameters say."""
    return url.set(query={}).render_as_string(hide_password=True)


def _said(error: Exception, url: URL) -> str:
    """The first line of what a driver says, without the password."""
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    line = said.splitlines()[0].rstrip(".;")
    secrets = [url.password, *(str(value) for key, value in url.query.items() if "pass" in key)]
    for secret in filter(None, secrets):
        line = line.replace(str(secret), "***")
    return line
