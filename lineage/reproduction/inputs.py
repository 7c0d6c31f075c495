"""Whether what a model was made of is there, and is what it was: hashed past all caches."""

from __future__ import annotations

from ..content.store import ArtifactStore
from ..verify.hashing import State, rehash
from ..verify.objects import Object
from .plan import Plan


def missing(store: ArtifactStore, wanted: Plan) -> list[dict[str, str]]:
    """The inputs that are gone or hold other bytes, `name`, `digest` and `says` of each.

    Args:
        store: where they are kept, or noted to lie.
        wanted: what reads them.
    """
    objects: dict[str, Object] = {}
    for version in wanted.outside:
        one = objects.setdefault(
            version.digest, Object(digest=version.digest, format=version.format, kept=True)
        )
        one.names.append(str(version))
    state = rehash(store, objects)
    return [
        {"name": objects[digest].name, "digest": digest, "says": _says(digest, state)}
        for digest in sorted(state.bad, key=lambda one: (objects[one].name, one))
    ]


def _says(digest: str, state: State) -> str:
    if digest in state.changed:
        return "holds other bytes than were recorded"
    told = state.replaced.get(digest) or state.unreadable.get(digest)
    return told or "is gone: the artifact store does not have it"
