"""A file's digest without reading the file, while its stat entry is the same."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
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

#: Path, size, mtime, ctime, inode, device, digest.
_Row = tuple[Any, ...]


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

    def digests(self, paths: Sequence[Path | str]) -> list[tuple[str, int]]:
        """Digest and size of each file, in the order given.

        Raises:
            DataError: a file cannot be read, or kept changing while it was read.
        """
        names = [_absolute(path) for path in paths]
        found = self._unchanged(names)
        settled: list[_Row] = []
        for name in names:
            if name not in found:
                started = self._clock()
                digest, state = digest_and_state(Path(name))
                found[name] = (digest, state.size)
                # Only ctime counts here: it moves with every write, and no writer can set it.
                if started - state.ctime_ns > RACY_WINDOW_NS:
                    settled.append(_row(name, state, digest))
        self._save(settled)
        return [found[name] for name in names]

    def remember(self, path: Path, digest: str) -> None:
        """Note the digest of a finished file by who wrote it, whatever its age."""
        with suppress(OSError):
            name = _absolute(path)
            self._save([_row(name, FileState.of(os.stat(name)), digest)])

    def _unchanged(self, names: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Digest and size of the files that are as they were."""
        unchanged = {}
        # Plain tuples: a folder may hold a hundred thousand files.
        for path, *known, digest in self._load(names):
            try:
                now = os.stat(path)
            except OSError:
                continue
            if known == _columns(now):
                unchanged[path] = (digest, now.st_size)
        return unchanged

    def _load(self, names: Sequence[str]) -> Sequence[_Row]:
        if not self.path.exists():
            return ()
        with self._optional(), self._connect() as connection:
            rows: list[_Row] = connection.execute(_SELECT, (json.dumps(names),)).fetchall()
            return rows
        return ()

    def _save(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        with self._optional(), self._connect() as connection:
            # What a power cut destroys here costs a hash, so no write waits for the disk.
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(_TABLE)
            connection.executemany(_UPSERT, rows)
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


def _columns(result: os.stat_result) -> list[str | int]:
    # Inode and device are unsigned 64-bit numbers, SQLite's are signed: they go in as text.
    return [
        result.st_size,
        result.st_mtime_ns,
        result.st_ctime_ns,
        str(result.st_ino),
        str(result.st_dev),
    ]


def _row(name: str, state: FileState, digest: str) -> _Row:
    inode, device = str(state.inode), str(state.device)
    return (name, state.size, state.mtime_ns, state.ctime_ns, inode, device, digest)


def _absolute(path: Path | str) -> str:
    name = os.fspath(path)
    if name.startswith("/") and "/." not in name and "//" not in name and len(name) > 1:
        return name.rstrip("/")
    return os.path.abspath(name)
