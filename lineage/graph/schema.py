"""The schema of a database: which revision it is of, creating it, bringing it up to date."""

from __future__ import annotations

from typing import Any

from ..errors import StoreError
from . import sql
from .connection import Connection

#: Names of the tables that are there, by dialect.
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


def is_newest(db: Connection, dialect: str, name: str) -> bool:
    """Whether a database is as this begat makes it; nothing is changed.

    Raises:
        StoreError: it is another program's.
    """
    return revision(db, dialect, name) == sql.revisions()[-1]


def make(db: Connection, dialect: str, name: str, driver: Any) -> None:
    """Create the schema, or upgrade an older one.

    Args:
        db: a connection on which a transaction has begun that nobody else writes beside.
        dialect: which database it is.
        name: what messages call it.
        driver: the driver's own connection under it.

    Raises:
        StoreError: it is another program's, or a newer begat made it.
    """
    known = sql.revisions()
    found = revision(db, dialect, name)  # another process may have done it meanwhile
    if not found:
        for statement in sql.schema(dialect):
            db.execute(statement)
    elif found not in known:
        raise StoreError(
            f"the lineage store {name} has revision {found}, and this begat knows "
            f"{known[-1]} as the newest; upgrade begat"
        )
    elif found != known[-1]:
        from .migrations import migrate
        from .rebuild import rebuild

        with migrate.on(driver, dialect) as connection:
            migrate.upgrade(connection)
        rebuild(db)  # an older begat read less in the same events


def revision(db: Connection, dialect: str, name: str) -> str:
    """The revision of the schema; empty for a new database."""
    tables = {table for (table,) in db.execute(_TABLES[dialect])}
    if not tables:
        return ""
    if not {"alembic_version", "event"} <= tables:
        raise StoreError(
            f"{name} is a database of something else than begat; point BEGAT_STORE elsewhere"
        )
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise StoreError(f"the lineage store {name} names no revision; restore it from a backup")
    return str(row[0])
