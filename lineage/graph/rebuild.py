"""The graph made anew from the stored events and chunks."""

from __future__ import annotations

from collections.abc import Callable

from ..events.canonical import parse
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
    """
    for table in sql.projection():
        db.execute(f"DELETE FROM {table}", {})
    ingest, after, done = Ingest(db, Known(), stored=True), 0, 0
    while rows := db.execute(_EVENTS, {"after": after}).fetchall():
        for row in rows:
            ingest.project(facts(parse(row["body"]), row["hash"]), row["origin"])
        after, done = rows[-1]["id"], done + len(rows)
        tell(done)
    ingest.flush()
