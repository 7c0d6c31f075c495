"""What is known of artifacts' bytes: that they are there, lost, collected, or purged.

| state | meaning |
|---|---|
| present | they were missed once, and are there again |
| lost | they should be there and are not, and nothing can make them again |
| gone | nobody may rely on them: `begat gc` took them, or is about to |
| purged | they were erased for good, and must never be kept again |

A digest without a row was never missed. What is gone comes back when a run writes it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .connection import Connection

LOST, GONE, PURGED = "lost", "gone", "purged"

_OF = """
SELECT digest, state, noted_at FROM presence
WHERE digest IN (SELECT value FROM json_each(:digests)) AND state <> 'present'
"""
# What is purged stays purged.
_MARK = """
INSERT INTO presence (digest, state, noted_at)
SELECT value, :state, :now FROM json_each(:digests) WHERE true
ON CONFLICT (digest) DO UPDATE SET state = excluded.state, noted_at = excluded.noted_at
WHERE presence.state <> 'purged'
"""
_REVIVE = """
UPDATE presence SET state = 'present', noted_at = :now
WHERE digest IN (SELECT value FROM json_each(:digests)) AND state = 'gone'
"""
_PURGED = "SELECT 1 FROM audit WHERE action = 'purge' LIMIT 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """Bytes that are not to be relied on."""

    #: lost, gone or purged.
    state: str
    #: Since when, ISO 8601, UTC.
    since: str


def absent(db: Connection, digests: Iterable[str]) -> dict[str, Absent]:
    """Those of these digests whose bytes are lost, gone or purged."""
    rows = db.execute(_OF, {"digests": json.dumps([*digests])})
    return {row["digest"]: Absent(state=row["state"], since=row["noted_at"]) for row in rows}


def collected(db: Connection, digests: Iterable[str]) -> dict[str, Absent]:
    """Those of these digests that are gone or purged: nobody has lost them."""
    found = absent(db, digests)
    return {digest: one for digest, one in found.items() if one.state != LOST}


def purged(db: Connection, digests: Iterable[str]) -> dict[str, Absent]:
    """Those of these digests that must not be kept again."""
    if db.execute(_PURGED, {}).fetchone() is None:  # nearly always
        return {}
    found = absent(db, digests)
    return {digest: one for digest, one in found.items() if one.state == PURGED}


def mark(db: Connection, digests: Iterable[str], state: str, *, now: str) -> None:
    """Say of artifacts that they are gone, or purged; what is purged stays so.

    Args:
        db: a connection on which a write transaction has begun.
        digests: theirs.
        state: `gone` or `purged`.
        now: ISO 8601, UTC.
    """
    db.execute(_MARK, {"digests": json.dumps([*digests]), "state": state, "now": now})


def revive(db: Connection, digests: Iterable[str], *, now: str) -> int:
    """Say of artifacts that are there that they are gone no more; of how many that was said.

    Args:
        db: a connection on which a write transaction has begun.
        digests: theirs.
        now: ISO 8601, UTC.
    """
    return db.execute(_REVIVE, {"digests": json.dumps([*digests]), "now": now}).rowcount


def says(found: Mapping[str, Absent], digest: str) -> str:
    """What became of an artifact, as sentences say it; empty if it is not known to be absent."""
    one = found.get(digest)
    if one is None:
        return ""
    did = {LOST: "lost", GONE: "collected by `begat gc`", PURGED: "purged"}[one.state]
    return f"{did} on {one.since[:10]}"
