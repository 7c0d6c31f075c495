"""What was seen in places that are dear to ask: in the same file as the stat cache."""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

#: So many artifacts are noted together.
TOGETHER = 64
_TABLES = """
CREATE TABLE IF NOT EXISTS kept_1 (
    place TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (place, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object_1 (
    name TEXT NOT NULL, state TEXT NOT NULL, digest TEXT NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (name, state)
) WITHOUT ROWID;
"""
_ADD = "INSERT OR IGNORE INTO kept_1 VALUES (?, ?)"
_DROP = "DELETE FROM kept_1 WHERE place = ? AND digest = ?"
_REMEMBER = "INSERT OR REPLACE INTO object_1 VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM object_1 WHERE name = ? AND state = ?"
_KEPT = "SELECT digest FROM kept_1 WHERE place = ? AND digest IN (SELECT value FROM json_each(?))"
_DIGESTS = """
SELECT name, state, digest, version FROM object_1
WHERE (name, state) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
"""


class Seen:
    """Artifacts that a distant store has, and digests of distant objects.

    It is only ever a shortcut: when it cannot be read or written, they are asked for.

    Args:
        path: of a SQLite file; its folder has to exist for anything to be remembered.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: deque[tuple[str, str]] = deque()
        # A note costs a third of what writing a small artifact does, so they are made together;
        # the last of them when nobody needs this any more, or the process ends.
        weakref.finalize(self, _note, path, self._waiting)

    def of(self, place: str, digests: Iterable[str]) -> frozenset[str]:
        """Which of these artifacts are in a place."""
        _note(self._path, self._waiting)
        rows = self._ask(_KEPT, place, json.dumps([*digests]))
        return frozenset(row[0] for row in rows)

    def add(self, place: str, digests: Iterable[str]) -> None:
        """Note that a place has these artifacts."""
        self._waiting.extend((place, digest) for digest in digests)
        if len(self._waiting) >= TOGETHER:
            _note(self._path, self._waiting)

    def drop(self, place: str, digest: str) -> None:
        """Note that a place does not have an artifact."""
        _note(self._path, self._waiting)
        _tell(self._path, _DROP, [(place, digest)])

    def digests(self, objects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
        """Digest and version of objects by name and state, of those that were read before."""
        rows = self._ask(_DIGESTS, json.dumps([*objects]))
        return {(name, state): (digest, version) for name, state, digest, version in rows}

    def remember(self, objects: Sequence[tuple[str, str, str, str]]) -> None:
        """Note name, state, digest and version of objects that were read."""
        _tell(self._path, _REMEMBER, objects)

    def forget(self, name: str, state: str) -> None:
        """Forget what was read of an object."""
        _tell(self._path, _FORGET, [(name, state)])

    def _ask(self, query: str, *parameters: str) -> list[tuple[str, ...]]:
        if not self._path.exists():
            return []
        try:
            with closing(sqlite3.connect(self._path, timeout=1.0)) as connection:
                return connection.execute(query, parameters).fetchall()
        except (sqlite3.Error, UnicodeError):  # no table yet, locked, damaged
            return []


def _note(path: Path, waiting: deque[tuple[str, str]]) -> None:
    """Write what waits; whoever else does so at once has the rest of it."""
    rows = []
    with suppress(IndexError):
        while True:
            rows.append(waiting.popleft())
    _tell(path, _ADD, rows)


def _tell(path: Path, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        return
    with (
        suppress(sqlite3.Error, UnicodeError),
        closing(sqlite3.connect(path, timeout=1.0)) as connection,
    ):
        # What a power cut destroys here costs a question, so no write waits for the disk.
        connection.execute("PRAGMA synchronous=OFF")
        try:
            connection.executemany(statement, rows)
        except sqlite3.OperationalError:  # no table yet
            connection.executescript(_TABLES)
            connection.executemany(statement, rows)
        connection.commit()
