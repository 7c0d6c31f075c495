"""Leases: which runs are open, where, and which recipe each works on.

Each run that has started and not ended holds one row, from the transaction of its first event
to that of its last: under its recipe, if others may wait for it, else under its own id. Its
process says every so often that it is alive, for all its runs at once. A row that has run out,
or whose process is gone from this machine, is that of a run that nobody works on any more
(see `reaper`). Times are the database's, whatever the clocks of the machines say.

Correctness never rests on a lease: who cannot have one works without.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..content.digest import digest_bytes
from . import sql

if TYPE_CHECKING:
    from .connection import Connection
    from .store import Store

#: Characters of a run's id.
_ID = 36
_PLACE = ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid")
# The runs that stand above one, and hold the recipe that they work on.
_HELD_ABOVE = """
WITH RECURSIVE above(id) AS (
    SELECT id FROM run WHERE uuid IN (SELECT value FROM json_each(:run_ids))
    UNION SELECT r.parent FROM above a JOIN run r ON r.id = a.id WHERE r.parent IS NOT NULL
)
SELECT 1 FROM lease l JOIN run r ON r.recipe = l.recipe
WHERE r.uuid = substr(l.owner, 1, 36) AND r.id IN (SELECT id FROM above) LIMIT 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """What a run holds while it is open."""

    #: The digest of the recipe that it works on, or its own id, which nobody waits for.
    key: str
    run_id: str
    #: Seconds from each sign of life for which it lasts.
    seconds: float
    #: Take it though runs have answered the recipe: what they wrote is lost.
    anew: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the statement that takes it."""
        return {
            "recipe": self.key,
            "owner": f"{self.run_id} {_place()}:{os.getpid()}",
            "lasts": _lasting(self.seconds),
            "anew": int(self.anew),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A lease as it stands in the store."""

    key: str
    run_id: str
    #: Where its holder runs, see `is_gone`.
    process: str
    #: When it was last heard of, by the database's clock.
    heartbeat: str
    #: Whether it has run out.
    expired: bool

    @property
    def is_live(self) -> bool:
        """Whether somebody works on it, for all that can be known here."""
        return not (self.expired or is_gone(self.process))


def holder(store: Store, recipe: str) -> Held | None:
    """Who holds the lease on a recipe, alive or not.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(sql.statements()["lease_of"], {"recipe": recipe}).fetchone()
    return None if row is None else _held(row)


def held(db: Connection) -> list[Held]:
    """All leases that anybody holds, or held when it died."""
    return [_held(row) for row in db.execute(sql.statements()["leases"], {})]


def beat(store: Store, run_ids: Collection[str], seconds: float) -> int:
    """Say that these runs are alive; how many of them hold a lease yet.

    Args:
        store: where.
        run_ids: of this process.
        seconds: for which their leases last from now on.

    Raises:
        StoreError: the store failed.
    """
    given = {"run_ids": json.dumps([*run_ids]), "lasts": _lasting(seconds)}
    with store.write() as db:
        return db.execute(sql.statements()["beat"], given).rowcount


def adopt(db: Connection, run_ids: Collection[str], seconds: float) -> None:
    """Give leases to runs that are open and have none, for their START came late.

    Args:
        db: a connection on which a write transaction has begun.
        run_ids: of runs that may be open.
        seconds: by when whoever works on them has to say so.
    """
    for run_id in run_ids:
        # No process: it may be any, here or elsewhere.
        given = {"run_id": run_id, "owner": f"{run_id} ", "lasts": _lasting(seconds)}
        db.execute(sql.statements()["adopt_lease"], given)


def is_held_above(store: Store, run_ids: Collection[str]) -> bool:
    """Whether one of these runs, or one above them, holds the recipe that it works on.

    What such a run called must not wait for others, who may wait for that recipe.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        found = db.execute(_HELD_ABOVE, {"run_ids": json.dumps([*run_ids])}).fetchone()
    return found is not None


def is_gone(process: str) -> bool:
    """Whether a process ran on this machine and does so no more; False if that is not known.

    Args:
        process: place and number, as a lease names it.
    """
    place, _, number = process.rpartition(":")
    if place != _place() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


@functools.cache
def _place() -> str:
    """What numbers of processes count in: a machine since it booted, or a container on it."""
    found = [os.uname().nodename]
    for path in _PLACE:  # where there is no such file, its name and the lease's end have to do
        with suppress(OSError):
            if os.path.islink(path):
                found.append(os.readlink(path))
            else:
                with open(path, encoding="ascii") as file:
                    found.append(file.read().strip())
    return digest_bytes("\n".join(found).encode()).removeprefix("blake3:")[:16]


def _held(row: Any) -> Held:
    key, owner, heartbeat, expired = row
    return Held(
        key=key,
        run_id=owner[:_ID],
        process=owner[_ID + 1 :],
        heartbeat=heartbeat,
        expired=bool(expired),
    )


def _lasting(seconds: float) -> str:
    """As both databases add it to a time."""
    return f"{seconds:.3f} seconds"
