from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from begat.lineage.errors import StoreError
from begat.lineage.graph import sql
from begat.lineage.graph.dump import dump
from begat.lineage.graph.migrations import migrate
from begat.lineage.graph.store import Store
from begat.lineage.graph.tables import metadata
from begat.lineage.registry.versions import register
from support.history import History, digest, train

from .test_sql import described


def migrated(path: Path, change: Callable[[Connection], None]) -> None:
    """Run a migration on a database file, as an owner of a connection does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with migrate.on(db, "sqlite") as connection:
            change(connection)
        db.execute("COMMIT")


def test_migrated_schema_is_the_tables(tmp_path: Path) -> None:
    """All migrations one after another make what the tables describe."""
    path = tmp_path / "store.db"
    migrated(path, migrate.upgrade)
    differences: list[object] = []
    migrated(
        path,
        lambda connection: differences.extend(
            compare_metadata(MigrationContext.configure(connection), metadata)
        ),
    )

    assert differences == []


def test_migrated_schema_is_the_kept_one(tmp_path: Path) -> None:
    """A migrated database has the columns, keys, indexes and revision of a new one."""
    path = tmp_path / "store.db"
    migrated(path, migrate.upgrade)
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(":memory:")) as new:
        for statement in sql.schema("sqlite"):
            new.execute(statement)
        stamps = [db.execute("SELECT * FROM alembic_version").fetchall() for db in (old, new)]

        assert described(old) == described(new)
        assert stamps[0] == stamps[1]


def test_down_and_up_with_data(tmp_path: Path, history: History) -> None:
    """Taken back to the first revision and opened again, a store keeps events and graph."""
    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}")
    train(history, ["01", "02"])
    store.record(history.events, history.chunks)
    before = dump(store)
    store.close()
    migrated(path, lambda connection: migrate.downgrade(connection, sql.revisions()[0]))
    with closing(sqlite3.connect(path)) as db:
        stamp = db.execute("SELECT version_num FROM alembic_version").fetchone()
    store = Store.open(f"sqlite:///{path}")
    after = dump(store)
    version = register(
        store,
        model="m",
        recipe=digest("r"),
        run_id="a",
        training_run_id="b",
        digest=digest("m"),
        body={},
    )
    store.close()

    assert stamp == (sql.revisions()[0],)
    assert after == before
    assert version.version == 1


def test_down_to_nothing(tmp_path: Path) -> None:
    """Every migration can be taken back."""
    path = tmp_path / "store.db"
    migrated(path, migrate.upgrade)
    migrated(path, lambda connection: migrate.downgrade(connection, "base"))
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()

    assert tables == [("alembic_version",)]


def test_newer_store_is_refused(tmp_path: Path) -> None:
    """A store that a newer begat made is refused, not guessed at."""
    path = tmp_path / "store.db"
    Store.open(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"revision 9999.*upgrade begat"):
        Store.open(f"sqlite:///{path}")


def test_failed_upgrade_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that fails half-way leaves the older store as it was."""
    path = tmp_path / "store.db"
    migrated(path, lambda connection: migrate.upgrade(connection, sql.revisions()[0]))
    whole = migrate.upgrade

    def half(connection: Connection) -> None:
        whole(connection)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(migrate, "upgrade", half)
    with pytest.raises(StoreError, match="disk I/O error"):
        Store.open(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as db:
        stamp = db.execute("SELECT version_num FROM alembic_version").fetchone()
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}

    assert stamp == (sql.revisions()[0],)
    assert "model_version" not in tables
