"""Ends for runs whose process died: ABORT, and who says so.

A process that is killed tells nobody. Its leases run out, and whoever opens the store next, or
works with it, closes the runs that they stand for. A COMPLETE that still waits in a spool
outweighs such an ABORT whenever it comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..events import facets
from ..events.canonical import parse
from . import leases, sql
from .executions import divided
from .facts import ENDED, facts

if TYPE_CHECKING:
    from .connection import Connection
    from .store import Store

#: Facets that say whose run it is; all else its START has said.
_KEPT = frozenset({"parent", "processing_engine", "nominalTime", "begat_attempt"})
_BELOW = """
WITH RECURSIVE below(id) AS (
    SELECT id FROM run WHERE uuid = :run_id
    UNION SELECT r.id FROM run r JOIN below b ON r.parent = b.id
)
SELECT uuid FROM run
WHERE id IN (SELECT id FROM below) AND state IN ('START', 'RUNNING')
"""


def reap(store: Store) -> list[dict[str, Any]]:
    """Close the runs that hold leases and that nobody works on any more.

    Returns:
        The events that close them, which are stored.

    Raises:
        StoreError: the store failed; nothing is closed.
    """
    with store.read() as db:
        if all(lease.is_live for lease in leases.held(db)):
            return []
    with store.write() as db:
        dead = [lease for lease in leases.held(db) if not lease.is_live]
        found = {
            lease.run_id: f"its process ended without a word, last heard of at {lease.heartbeat}"
            for lease in dead
            if lease.run_id
        }
        closing = _close(db, found)
        store.record(closing)
        for lease in dead:  # also of those that have an end, or of which nothing is known
            db.execute("DELETE FROM lease WHERE recipe = :key", {"key": lease.key})
    return closing


def close(store: Store, run_id: str, why: str, *, itself: bool = True) -> list[dict[str, Any]]:
    """Close what is open of a run and of all that it called, and give back what they held.

    Args:
        store: where.
        run_id: of a run that is over, in whatever process it was.
        why: what is known of its end.
        itself: close the run, too, and not only what it called.

    Returns:
        The events that close them, which are stored.

    Raises:
        StoreError: the store failed; nothing is closed.
    """
    with store.write() as db:
        found = {uuid.partition("#")[0] for (uuid,) in db.execute(_BELOW, {"run_id": run_id})}
        closing = _close(db, dict.fromkeys(sorted(found if itself else found - {run_id}), why))
        store.record(closing)
    return closing


def _close(db: Connection, why: dict[str, str]) -> list[dict[str, Any]]:
    [now] = db.execute(sql.statements()["clock"], {}).fetchone()
    by = f"closed by process {os.getpid()} on {os.uname().nodename}"
    found = (_closing(db, run_id, f"{said}; {by}", now) for run_id, said in why.items())
    return [event for event in found if event is not None]


def _closing(db: Connection, run_id: str, why: str, now: str) -> dict[str, Any] | None:
    """The end of a run that has none; None for any other, and for one of somebody else's."""
    events: dict[str, dict[str, Any]] = {}
    said = []
    own = False
    for event_hash, origin, body in db.execute(sql.statements()["events_of"], {"run_id": run_id}):
        events[event_hash] = parse(body)
        said.append((facts(events[event_hash], event_hash), origin))
        own = own or origin == "recorded"
    last = divided(said)[-1]
    if not own or not last or any(one.rank >= ENDED for one, _ in last):
        return None
    start = events[last[0][0].hash]
    # Its clock may be ahead: a START later than its end would begin another execution.
    return _abort(start, max(now, *(one.time for one, _ in last)), why)


def _abort(start: dict[str, Any], time: str, why: str) -> dict[str, Any]:
    run, job = start["run"], start["job"]
    about = {key: body for key, body in run.get("facets", {}).items() if key in _KEPT}
    kind = {key: body for key, body in job.get("facets", {}).items() if key == "jobType"}
    return {
        "eventType": "ABORT",
        "eventTime": time,
        "producer": facets.PRODUCER,
        "schemaURL": start["schemaURL"],
        "run": {
            "runId": run["runId"],
            "facets": about | {"errorMessage": facets.error_message(why)},
        },
        "job": {"namespace": job["namespace"], "name": job["name"], "facets": kind},
    }


def run_ids(events: Iterable[dict[str, Any]]) -> list[str]:
    """Ids of the runs that events are of, in their order, each once."""
    return list(dict.fromkeys(event["run"]["runId"] for event in events if event.get("run")))
