"""What the two databases have in common: connections, cursors, rows.

Statements are written once, as SQLite reads them: parameters are `:named`, and a list comes
as JSON text that `json_each(:name)` unfolds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol


class Row(Protocol):
    """A row of an answer, by position or by name; it unpacks like a tuple."""

    def __getitem__(self, key: int | str, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def keys(self) -> Iterable[str]:
        """The names of its columns."""
        ...


class Cursor(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row; None after the last."""
        ...

    def fetchmany(self, size: int = ..., /) -> list[Any]:
        """The next rows; none after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


def stream(db: Connection, sql: str) -> Iterator[Any]:
    """Rows of an answer of any size, which need not fit in memory; it takes the time it takes."""
    streamed: Callable[[str], Iterator[Any]] | None = getattr(db, "stream", None)
    return iter(db.execute(sql)) if streamed is None else streamed(sql)


def pipelined(db: Connection) -> AbstractContextManager[Any]:
    """A block whose statements need not wait for the answers of those before."""
    together: Callable[[], AbstractContextManager[Any]] | None = getattr(db, "pipelined", None)
    return nullcontext() if together is None else together()


class Connection(Protocol):
    """A connection to a lineage store, inside a transaction; `sqlite3.Connection` is one."""

    def execute(self, sql: str, parameters: Mapping[str, Any] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Mapping[str, Any]], /) -> Cursor:
        """Run one statement for each of many parameters."""
        ...
