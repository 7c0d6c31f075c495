"""All that a store is made of, as lines of JSON that another store takes back.

The first line says what they are, the last how many there were; between them each line holds
one record under the name of its table: `{"event": {"hash": …, "origin": …, "body": …}}`.
Bodies are the stored text to the last character. The order is one, by key and event time: two
stores that hold the same are written alike.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from ..errors import EventError, StoreError
from ..events.canonical import event_hash
from . import sql
from .connection import Connection
from .keeping import RECORDS, TOKEN
from .store import Store

#: What the first line says.
FORMAT, VERSION = "begat events", 1

_CHUNKS = """
SELECT digest, content, body FROM chunk WHERE digest > :digest ORDER BY digest LIMIT 200
"""
_EVENTS = """
SELECT event_time, hash, origin, body FROM event WHERE (event_time, hash) > (:time, :hash)
ORDER BY event_time, hash LIMIT 200
"""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def lines(
    store: Store, *, tokens: bool = False, tell: Callable[[int], None] = lambda _: None
) -> Generator[str, None, None]:
    """The store, in one state of it.

    Args:
        store: which.
        tokens: write the digests of access tokens, too.
        tell: is told how many events have been written.

    Raises:
        StoreError: the store failed, or an event in it is not what its hash says.
    """
    yield f"{_encode({'format': FORMAT, 'version': VERSION, 'revision': sql.revisions()[-1]})}\n"
    written: Counter[str] = Counter()
    with store.read() as db:
        for table, row in _records(db, tokens=tokens):
            yield f'{{"{table}":{_encode(row)}}}\n'
            written[table] += 1
            if table == "event" and written[table] % 500 == 0:
                tell(written[table])
    yield f'{{"end":{_encode(dict(written))}}}\n'


def _records(db: Connection, *, tokens: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kept in (*RECORDS, *((TOKEN,) if tokens else ())):
        for row in kept.rows(db):
            yield kept.table, row
    digest = ""
    while rows := db.execute(_CHUNKS, {"digest": digest}).fetchall():
        for row in rows:
            yield "chunk", dict(zip(("digest", "content", "body"), row, strict=True))
        digest = rows[-1]["digest"]
    time = name = ""
    while rows := db.execute(_EVENTS, {"time": time, "hash": name}).fetchall():
        for _, *row in rows:
            event = dict(zip(("hash", "origin", "body"), row, strict=True))
            _check(event)
            yield "event", event
        time, name = rows[-1]["event_time"], rows[-1]["hash"]


def _check(event: Mapping[str, Any]) -> None:
    try:
        sound = event_hash(event["body"]) == event["hash"]
    except EventError:
        sound = False
    if not sound:  # no store would take it back
        raise StoreError(
            f"event {event['hash']} is not what its hash says, so nothing is exported; restore the "
            "store from a backup"
        )
