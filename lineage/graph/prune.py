"""Dropping what a store can lose without any answer being another.

Events, chunks, the graph and the registry are not among it: a graph is a function of the
events, and history is what a store is for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..events.build import now
from . import leases
from .connection import Connection
from .facts import normalised
from .reaper import reap
from .store import Store

#: What may go, by table. `:now` is the time, `:before` that of the days that are kept.
_MAY_GO = {
    # It is made again when it is asked for.
    "plan": "created_at < :before",
    # It opens nothing any more. The last of them stay: a server without any token is open.
    "token": """((revoked_at IS NOT NULL AND revoked_at < :before)
        OR (expires_at IS NOT NULL AND expires_at < :before))
    AND EXISTS (SELECT 1 FROM token t
        WHERE (t.revoked_at IS NULL OR t.revoked_at >= :before)
        AND (t.expires_at IS NULL OR t.expires_at >= :before))""",
    # Whether bytes are there that nothing here speaks of.
    "presence": """noted_at < :before AND state <> 'purged'
    AND NOT EXISTS (SELECT 1 FROM version v WHERE v.digest = presence.digest)
    AND NOT EXISTS (SELECT 1 FROM model_version m WHERE m.digest = presence.digest)
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.digest = presence.digest)
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.manifest = presence.digest)
    AND NOT EXISTS (SELECT 1 FROM pin p WHERE p.digest = presence.digest)""",
}


def prunable(store: Store, *, days: float) -> dict[str, int]:
    """How many rows of each table `prune` would drop.

    Args:
        store: whose.
        days: how long plans, dead tokens and notes of nobody's artifacts are kept.

    Raises:
        StoreError: the store failed.
    """
    times = _times(days)
    with store.read() as db:
        return {"lease": _dead(db)} | {
            table: db.execute(f"SELECT COUNT(*) FROM {table} WHERE {which}", times).fetchone()[0]
            for table, which in _MAY_GO.items()
        }


def prune(store: Store, *, days: float) -> dict[str, int]:
    """Drop them; how many rows of each table were dropped.

    Raises:
        StoreError: the store failed; nothing was dropped.
    """
    times = _times(days)
    with store.write() as db:
        dead = _dead(db)
        reap(store)
        return {"lease": dead} | {
            table: db.execute(f"DELETE FROM {table} WHERE {which}", times).rowcount
            for table, which in _MAY_GO.items()
        }


def _dead(db: Connection) -> int:
    """How many leases nobody holds any more; the runs that held them are closed first."""
    return sum(not lease.is_live for lease in leases.held(db))


def _times(days: float) -> dict[str, str]:
    before = datetime.now(UTC) - timedelta(days=days)
    return {"now": now(), "before": normalised(before.isoformat())}
