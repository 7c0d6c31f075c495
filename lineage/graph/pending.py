"""Rows that wait to be written together: when a transaction ends, or before they are asked for."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from .connection import Connection, pipelined
from .registers import Registers, write

#: Columns of a run that have indexes.
INDEXED = ("kind", "started_at", "parent", "recipe", "job")


class Pending:
    """Statements that are run many at a time; of several about one row only the last.

    Args:
        db: a connection on which a write transaction has begun.
        kept: its statements, by name.
    """

    def __init__(self, db: Connection, kept: Mapping[str, str]) -> None:
        self._db = db
        self._sql = kept
        self._statements: dict[str, dict[Hashable, dict[str, Any]]] = {}
        #: Runs by id, and what their indexed columns are in the database; None: they are not.
        self._runs: dict[int, tuple[dict[str, Any], tuple[Any, ...] | None]] = {}

    def add(self, statement: str, key: Hashable, values: dict[str, Any]) -> None:
        """Let a statement wait, in place of an earlier one with this key."""
        self._statements.setdefault(statement, {})[key] = values

    def replace(self, statement: str, instead: str, key: Hashable, values: dict[str, Any]) -> None:
        """Change what a waiting statement says; where none waits, let another one wait."""
        waiting = self._statements.get(instead, {})
        if key in waiting:
            waiting[key] |= values
        else:
            self.add(statement, key, values)

    def put_use(self, table: str, key: dict[str, Any], registers: Registers) -> None:
        """Let a reading or an output wait; its registers may still be raised."""
        values = {**key, "facets": registers}
        self._statements.setdefault(f"put_{table}", {})[tuple(key.values())] = values

    def put_run(self, row: dict[str, Any], before: dict[str, Any] | None, *, new: bool) -> None:
        """Let a run wait; of one that waits already only the row is another.

        Args:
            row: what it is now.
            before: what is known of it in the database.
            new: whether it is not there yet.
        """
        waiting = self._runs.get(row["id"])
        there = waiting[1] if waiting else None if new else _indexed(before)
        self._runs[row["id"]] = (row, there)

    def flush(self) -> None:
        """Write everything that waits."""
        if self._runs:
            runs, self._runs = self._runs, {}
            for row, there in runs.values():
                values = {**row, "facets": write(row["facets"])}
                if there is None:
                    self.add("add_run", row["id"], values)
                else:
                    same = _indexed(row) == there
                    self.add(
                        "tell_run" if same else "set_run",
                        row["id"],
                        {**values, "the_id": row["id"]},
                    )
        if self._statements:
            statements, self._statements = self._statements, {}
            with pipelined(self._db):
                for statement, rows in statements.items():
                    if statement in ("put_reading", "put_output"):
                        for values in rows.values():
                            values["facets"] = write(values["facets"])
                    self._db.executemany(self._sql[statement], rows.values())


def _indexed(row: dict[str, Any] | None) -> tuple[Any, ...]:
    return () if row is None else tuple(row[name] for name in INDEXED)
