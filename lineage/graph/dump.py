"""The whole graph by natural keys: two stores with the same dump hold the same graph.

There are no ids of rows and no times of arrival in it, and its order is one: so the same set
of events has the same dump, byte by byte, however they came, and in whatever database.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from .natural import TABLES
from .store import Store

#: Of the format of lines; another one is not the same graph's.
VERSION = 1
#: Columns that hold JSON, which is in a line as it stands.
_JSON = frozenset({"facets", "result"})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump(store: Store) -> dict[str, list[list[Any]]]:
    """Events, chunks, and every table of the graph, in order.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return {
            "event": [[*row] for row in db.execute(f"{_EVENT} ORDER BY 1")],
            "chunk": [[*row] for row in db.execute(f"{_CHUNK} ORDER BY 1")],
            **{rows.table: list(rows.read(db)) for rows in TABLES},
        }


def lines(store: Store) -> Generator[str, None, None]:
    """The graph as lines of JSON: what they are, and then one for each row.

    Raises:
        StoreError: the store failed.
    """
    yield _encode({"format": "begat graph", "version": VERSION}) + "\n"
    with store.read() as db:
        for rows in TABLES:
            head = f'{{"table":{_encode(rows.table)}'
            for row in rows.read(db):
                yield f"{head}{''.join(_members(rows.columns, row))}}}\n"


_EVENT = "SELECT hash, origin, body FROM event"
_CHUNK = "SELECT digest, body FROM chunk"


def _members(columns: Iterable[str], row: Iterable[Any]) -> Iterator[str]:
    for column, value in zip(columns, row, strict=True):
        text = value if column in _JSON and value is not None else _encode(value)
        yield f',"{column}":{text}'
