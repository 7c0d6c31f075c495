"""Stores taken back to what older versions of begat made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from begat.lineage.graph.migrations import migrate
from begat.lineage.graph.store import Store


def downgrade(store: Store, revision: str) -> None:
    """Take a store back to an older revision."""
    migrated(store, lambda connection: migrate.downgrade(connection, revision))


def migrated(store: Store, change: Callable[[Connection], None]) -> None:
    """Run a migration inside a transaction of a store's own."""
    database: Any = store._database  # which knows the driver's connection
    with store.write(), migrate.on(database.connection, database.dialect) as connection:
        change(connection)
