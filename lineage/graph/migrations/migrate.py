"""Running migrations without an alembic.ini: `upgrade`, `downgrade`, `revisions`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ENGINES: dict[str, tuple[str, dict[str, Any]]] = {
    "sqlite": ("sqlite://", {}),
    "postgresql": ("postgresql+psycopg://", {"use_native_hstore": False}),
}


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, bound to a connection."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.set_main_option("path_separator", "os")
    found.attributes["connection"] = connection
    return found


def revisions() -> list[str]:
    """Every revision, the oldest first."""
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring a database to a revision, inside the transaction that has begun."""
    command.upgrade(config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take a database back to an older revision, inside the transaction that has begun."""
    command.downgrade(config(connection), revision)


@contextmanager
def on(driver: Any, dialect: str) -> Iterator[Connection]:
    """A SQLAlchemy connection over one of sqlite3 or psycopg that stays its owner's.

    The owner has switched implicit transactions off, begins before and commits after.

    Args:
        driver: the driver's connection.
        dialect: `sqlite` or `postgresql`.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    # SQLAlchemy would ask psycopg about a type that begat does not use, on a real connection.
    url, more = _ENGINES[dialect]
    engine = create_engine(url, creator=lambda: _Borrowed(driver), poolclass=StaticPool, **more)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


class _Borrowed:
    """A connection whose transaction is its owner's: commits and closings wait for them."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> object:
        return getattr(self._driver, name)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...
