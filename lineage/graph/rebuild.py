"""The graph made anew from the stored events and chunks."""

from __future__ import annotations

from collections.abc import Callable

from ..content.digest import digest_bytes
from ..errors import StoreError
from ..events.canonical import read
from . import sql
from .connection import Connection
from .facts import facts
from .ingest import Ingest
from .known import Known

_EVENTS = """
SELECT id, hash, origin, body FROM event WHERE id > :after ORDER BY id LIMIT 500
"""


def rebuild(db: Connection, tell: Callable[[int], None] = lambda _: None) -> None:
    """Empty the graph and fill it again, inside the transaction that has begun.

    Args:
        db: a connection on which a write transaction has begun.
        tell: is told how many events have spoken.

    Raises:
        EventError: a stored event cannot be read.
        StoreError: one is not what its hash says: the graph as it is may be all that is right.
    """
    for table in sql.projection():
        db.execute(f"DELETE FROM {table}", {})
    ingest, after, done = Ingest(db, Known(), stored=True), 0, 0
    while rows := db.execute(_EVENTS, {"after": after}).fetchall():
        for row in rows:
            event, text = read(row["body"])
            if digest_bytes(text.encode()) != row["hash"]:
                raise StoreError(
                    f"event {row['hash']} is not what its hash says, so the graph stays as it is; "
                    "restore the store from a backup"
                )
            ingest.project(facts(event, row["hash"]), row["origin"])
        after, done = rows[-1]["id"], done + len(rows)
        tell(done)
    ingest.flush()
