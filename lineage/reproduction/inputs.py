"""Whether what a model was made of is there, and is what it was: hashed past all caches."""

from __future__ import annotations

import json

from ..graph import presence
from ..graph.connection import Connection
from ..verify.hashing import State, rehash
from ..verify.objects import Object
from ..workspace import Workspace
from .plan import Plan

_PURGES = "SELECT at, who, reason, body FROM audit WHERE action = 'purge' ORDER BY seq DESC"


def missing(space: Workspace, wanted: Plan) -> list[dict[str, str]]:
    """The inputs that are gone or hold other bytes, `name`, `digest` and `says` of each.

    Args:
        space: where they are kept, or noted to lie, and whose log tells what was purged.
        wanted: what reads them.
    """
    objects: dict[str, Object] = {}
    for version in wanted.outside:
        one = objects.setdefault(
            version.digest, Object(digest=version.digest, format=version.format, kept=True)
        )
        one.names.append(str(version))
    state = rehash(space.artifacts, objects)
    with space.store.read() as db:
        said = _taken(db, state)
    return [
        {
            "name": objects[digest].name,
            "digest": digest,
            "says": said.get(digest, _says(digest, state)),
        }
        for digest in sorted(state.bad, key=lambda one: (objects[one].name, one))
    ]


def _taken(db: Connection, state: State) -> dict[str, str]:
    """What `begat gc` took of what is missing: when, and what was purged by whom, and why."""
    found = presence.collected(db, state.missing)
    said = {digest: f"was {presence.says(found, digest)}" for digest in found}
    for row in db.execute(_PURGES, {}) if found else ():
        how = f"was purged on {row['at'][:10]} by {row['who']} ({row['reason']})"
        said |= dict.fromkeys(found.keys() & json.loads(row["body"])["digests"], how)
    return said


def _says(digest: str, state: State) -> str:
    if digest in state.changed:
        return "holds other bytes than were recorded"
    told = state.replaced.get(digest) or state.unreadable.get(digest)
    return told or "is gone: the artifact store does not have it"
