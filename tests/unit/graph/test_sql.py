from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from begat.lineage.graph import sql
from begat.lineage.graph.sql import generate
from begat.lineage.graph.tables import PROJECTION, metadata


def test_kept_sql_is_what_the_tables_make() -> None:
    """Both kept files are what the generator makes of the tables now."""
    kept = {name: (generate.FOLDER / name).read_text() for name in generate.FILES}

    assert kept == {name: make() for name, make in generate.FILES.items()}


def test_kept_schema_is_the_tables() -> None:
    """The kept DDL makes the columns, keys and indexes that the tables describe."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    raw = engine.raw_connection()
    expected = described(raw.driver_connection)
    raw.close()
    engine.dispose()
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in sql.schema("sqlite"):
            db.execute(statement)
        found = described(db)

    assert found == expected


def test_every_statement_runs() -> None:
    """Every kept statement is SQL that SQLite accepts on the kept schema."""
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in sql.schema("sqlite"):
            db.execute(statement)
        for statement in sql.statements().values():
            names = re.findall(r":(\w+)", statement)
            db.execute(f"EXPLAIN {statement}", dict.fromkeys(names, "[]"))

    assert len(sql.statements()) > 20


def test_projection() -> None:
    """What a rebuild empties is listed in the kept schema."""
    assert sql.projection() == tuple(table.name for table in PROJECTION)


def test_answers_scan_no_table() -> None:
    """Answers and closures search by indexes; no table of the graph is read as a whole."""
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in sql.schema("sqlite"):
            db.execute(statement)
        plans = {
            name: [
                detail
                for *_, detail in db.execute(
                    f"EXPLAIN QUERY PLAN {sql.statements()[name]}", {"recipes": "[]", "nodes": "[]"}
                )
            ]
            for name in ("answers", "ancestors", "descendants", "unknown_above")
        }
    harmless = ("anon_", "json_each", "reached", "CONSTANT", "VIRTUAL TABLE")
    scans = {
        (name, step)
        for name, steps in plans.items()
        for step in steps
        if step.startswith("SCAN") and not any(word in step for word in harmless)
    }

    assert scans == set()


def described(db: sqlite3.Connection) -> dict[str, list[object]]:
    """Columns and indexes of every table, however their DDL is written."""
    tables = [
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if name != "alembic_version"
    ]
    return {
        table: [
            db.execute("SELECT * FROM pragma_table_info(?)", (table,)).fetchall(),
            sorted(
                (name, unique, origin, partial, *_columns(db, name))
                for _, name, unique, origin, partial in db.execute(
                    "SELECT * FROM pragma_index_list(?)", (table,)
                )
            ),
            db.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchall(),
        ]
        for table in tables
    }


def _columns(db: sqlite3.Connection, index: str) -> list[object]:
    return db.execute("SELECT * FROM pragma_index_info(?)", (index,)).fetchall()
