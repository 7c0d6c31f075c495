"""The stored events themselves."""

from __future__ import annotations

import re
from typing import Any

from ..errors import RefError
from .store import Store

_ONE = """
SELECT hash, origin, event_time, run_id, type, body FROM event
WHERE hash >= :low AND hash < :high LIMIT 2
"""
_COUNT = "SELECT COUNT(*) FROM event"
_ANY = "SELECT id FROM event LIMIT 1"


def count(store: Store) -> int:
    """How many there are.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return int(db.execute(_COUNT).fetchone()[0])


def ask(store: Store) -> None:
    """See that the store answers, at the least cost.

    Raises:
        StoreError: it does not.
    """
    with store.read() as db:
        db.execute(_ANY).fetchall()


def one(store: Store, named: str) -> dict[str, Any]:
    """The event of a hash, or of the beginning of one.

    With `hash, origin, event_time, run_id, type`, and its `body` as text.

    Raises:
        RefError: there is none, or several begin so.
        StoreError: the store failed.
    """
    begins = named if named.startswith("blake3:") else f"blake3:{named}"
    rows = []
    if re.fullmatch(r"blake3:[0-9a-f]{4,64}", begins):
        with store.read() as db:
            rows = db.execute(_ONE, {"low": begins, "high": f"{begins}g"}).fetchall()
    if len(rows) != 1:
        what = "several events begin" if rows else "no event begins"
        raise RefError(
            f"{what} with {named[:80]!r}; give the hash of one, at least 4 of its digits: "
            "/api/v2/events lists them"
        )
    [row] = rows
    return {**dict(row), "run_id": row["run_id"] or None}
