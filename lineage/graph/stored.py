"""The stored events themselves."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..errors import ParameterError, RefError
from .store import Store

_SUMMARY = "id, hash, origin, event_time, run_id, type"
_PAGE = f"""
SELECT {_SUMMARY} FROM event
WHERE (event_time, id) < (:time, :id)
ORDER BY event_time DESC, id DESC LIMIT :limit
"""
_OF_RUN = _PAGE.replace("WHERE", "WHERE run_id = :run_id AND")
_ONE = f"SELECT {_SUMMARY}, body FROM event WHERE hash >= :low AND hash < :high LIMIT 2"
_COUNT = "SELECT COUNT(*) FROM event"
#: After every time and every id.
_TOP = ("~", 2**62)


class Page(NamedTuple):
    """Some events, and where the next ones begin; empty after the last."""

    events: list[dict[str, Any]]
    after: str


def count(store: Store) -> int:
    """How many there are.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return int(db.execute(_COUNT).fetchone()[0])


def page(store: Store, *, limit: int = 100, after: str = "", run_id: str = "") -> Page:
    """Events by event time, the newest first: `hash, origin, event_time, run_id, type`.

    Args:
        store: the lineage store.
        limit: at most so many.
        after: what an earlier page said; empty for the first one.
        run_id: only of this run; empty for all.

    Raises:
        ParameterError: no page said `after`.
        StoreError: the store failed.
    """
    time, row = _place(after)
    asked = {"time": time, "id": row, "limit": limit + 1, "run_id": run_id.lower()}
    if not run_id:
        del asked["run_id"]
    with store.read() as db:
        rows = [dict(row) for row in db.execute(_OF_RUN if run_id else _PAGE, asked)]
    shown = rows[:limit]
    more = f"{shown[-1]['event_time']}_{shown[-1]['id']}" if len(rows) > limit else ""
    return Page([{key: row[key] for key in row if key != "id"} for row in shown], more)


def one(store: Store, named: str) -> dict[str, Any]:
    """The event of a hash, or of the beginning of one: as in `page`, and its `body` as text.

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
    return {key: row[key] for key in (*_SUMMARY.split(", ")[1:], "body")}


def _place(after: str) -> tuple[str, int]:
    if not after:
        return _TOP
    time, mark, row = after.rpartition("_")
    if (
        not mark
        or not re.fullmatch(r"[0-9TZ:.-]{1,40}", time)
        or not row.isascii()
        or (not row.isdigit() or len(row) > 18)
    ):
        raise ParameterError(f"after is what the page before said; got {after[:80]!r}")
    return time, int(row)
