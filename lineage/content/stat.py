"""A file's digest without reading the file, while its stat entry is the same."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from .digest import FileState, digest_and_state

#: A file that changed this shortly before it was read may change again within the same tick
#: of its file system's clock (whole seconds on some) and leave no trace in its stat entry.
RACY_WINDOW_NS = 2_000_000_000

_TABLE = """
CREATE TABLE IF NOT EXISTS file_1 (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL, inode TEXT NOT NULL, device TEXT NOT NULL, digest TEXT NOT NULL
) WITHOUT ROWID
"""
_SELECT = """
SELECT path, size, mtime_ns, ctime_ns, inode, device, digest FROM file_1
WHERE path IN (SELECT value FROM json_each(?))
"""
_UPSERT = "INSERT OR REPLACE INTO file_1 VALUES (?, ?, ?, ?, ?, ?, ?)"

_Entry = tuple[FileState, str]


class StatCache:
    """Digests of files by (path, size, mtime, ctime, inode, device), in one SQLite file.

    Any number of processes and threads may use one file. It is only ever a
    shortcut: when it cannot be read or written, files are hashed instead, and
    one that is damaged is thrown away.

    Args:
        path: where it is kept; its folder has to exist for anything to be remembered.
        clock: nanoseconds since the epoch, by the clock that stamps the files.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self._clock = clock

    def digests(self, paths: Sequence[Path]) -> list[tuple[str, int]]:
        """Digest and size of each file, in the order given.

        Raises:
            DataError: a file cannot be read, or kept changing while it was read.
        """
        names = [os.path.abspath(path) for path in paths]
        entries = self._unchanged(names)
        settled: dict[str, _Entry] = {}
        for name in names:
            if name not in entries:
                started = self._clock()
                digest, state = digest_and_state(Path(name))
                entries[name] = (state, digest)
                # Only ctime counts here: it moves with every write, and no writer can set it.
                if started - state.ctime_ns > RACY_WINDOW_NS:
                    settled[name] = (state, digest)
        self._save(settled)
        return [(digest, state.size) for state, digest in map(entries.__getitem__, names)]

    def remember(self, path: Path, digest: str) -> None:
        """Note the digest of a finished file by who wrote it, whatever its age."""
        with suppress(OSError):
            name = os.path.abspath(path)
            self._save({name: (FileState.of(os.stat(name)), digest)})

    def _unchanged(self, names: Sequence[str]) -> dict[str, _Entry]:
        unchanged = {}
        for name, entry in self._load(names).items():
            with suppress(OSError):
                if FileState.of(os.stat(name)) == entry[0]:
                    unchanged[name] = entry
        return unchanged

    def _load(self, names: Sequence[str]) -> dict[str, _Entry]:
        if not self.path.exists():
            return {}
        with self._optional(), self._connect() as connection:
            rows = connection.execute(_SELECT, (json.dumps(names),)).fetchall()
            return {row[0]: _entry(row) for row in rows}
        return {}

    def _save(self, entries: Mapping[str, _Entry]) -> None:
        if not entries:
            return
        with self._optional(), self._connect() as connection:
            # What a power cut destroys here costs a hash, so no write waits for the disk.
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(_TABLE)
            connection.executemany(_UPSERT, [_row(*item) for item in entries.items()])
            connection.commit()

    @contextmanager
    def _optional(self) -> Iterator[None]:
        """A block that a broken cache ends early and silently."""
        try:
            yield
        except sqlite3.OperationalError:
            pass  # locked, unwritable, no table yet
        except sqlite3.DatabaseError:
            self._discard()
        except (UnicodeError, OverflowError):
            pass  # a name or number that SQLite has no form for

    def _connect(self) -> closing[sqlite3.Connection]:
        # One a call: nothing to close at exit, to share between threads, to lose in a fork.
        return closing(sqlite3.connect(self.path, timeout=1.0))

    def _discard(self) -> None:
        for path in (self.path, Path(f"{self.path}-journal")):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _entry(row: Sequence[Any]) -> _Entry:
    _, size, mtime_ns, ctime_ns, inode, device, digest = row
    state = FileState(
        size=size,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        inode=int(inode),
        device=int(device),
    )
    return state, digest


def _row(name: str, entry: _Entry) -> tuple[str | int, ...]:
    state, digest = entry
    # Inode and device are unsigned 64-bit numbers, SQLite's are signed: they go in as text.
    return (
        name,
        state.size,
        state.mtime_ns,
        state.ctime_ns,
        str(state.inode),
        str(state.device),
        digest,
    )
