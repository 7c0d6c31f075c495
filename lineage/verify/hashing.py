"""What the artifact store really holds: hashed from the disk, whatever any cache says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..content.manifest import Manifest
from ..content.patterns import Pattern
from ..content.s3.client import is_versioned
from ..content.sources import FILES
from ..content.store import ArtifactStore
from ..errors import ArtifactError, CorruptArtifactError, DataError
from ..graph.connection import Connection
from . import report
from .objects import Object
from .report import Finding, Recovery

_LOST = """
SELECT digest FROM presence
WHERE state = 'lost' AND digest IN (SELECT value FROM json_each(:digests))
"""
#: Files hashed at the same time: one core alone may not keep up with a fast disk.
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(kw_only=True, slots=True)
class State:
    """What the artifact store holds under the digests that were looked for."""

    sound: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    #: By digest: what is really there, and how many bytes.
    changed: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: By digest: what lies in its place and is no file.
    replaced: dict[str, str] = field(default_factory=dict)
    #: By digest: why what is there cannot be read. It may be what it should be.
    unreadable: dict[str, str] = field(default_factory=dict)
    bytes: int = 0

    @property
    def bad(self) -> set[str]:
        """Digests whose bytes are not there."""
        return self.missing | self.changed.keys() | self.replaced.keys() | self.unreadable.keys()


def rehash(
    store: ArtifactStore,
    objects: dict[str, Object],
    *,
    trusted: Collection[str] = (),
    tell: Callable[[int], None] = lambda _: None,
) -> State:
    """Hash what is kept under each digest, and the files of those that are manifests.

    Args:
        store: where they are kept.
        objects: by digest; the files of manifests are added.
        trusted: digests that were hashed just now.
        tell: is told of bytes as they are done.
    """
    state = State()
    todo = [one.digest for one in objects.values() if one.kept]
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            while todo:
                fresh = [digest for digest in todo if digest not in trusted]
                state.sound.update(digest for digest in todo if digest in trusted)
                for digest, found in zip(
                    fresh, pool.map(lambda one: _rehash(store, one), fresh), strict=True
                ):
                    _note(state, digest, found)
                    tell(found[1] if isinstance(found, tuple) else 0)
                todo = _files(store, objects, state, todo)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return state


def findings(
    objects: Mapping[str, Object],
    state: State,
    recovery: Callable[[Object], Recovery | None],
    lost: Collection[str] = (),
) -> Iterator[Finding]:
    """What is not there, or not what it should be.

    Args:
        objects: by digest.
        state: what the artifact store holds.
        recovery: says what can make an object again.
        lost: digests that are marked as lost.
    """
    for digest in sorted(state.bad, key=lambda one: (objects[one].name, one)):
        one = objects[digest]
        kind: report.State
        if digest in state.changed:
            kind, says = "changed", _other_bytes(one, *state.changed[digest], objects)
        elif says := state.replaced.get(digest) or state.unreadable.get(digest, ""):
            kind = "changed"
        elif digest in lost:
            kind, says = "lost", f"{_nowhere(one)}, and is marked as lost"
        else:
            kind, says = "missing", _nowhere(one)
        yield Finding(
            kind="object",
            state=kind,
            name=one.name,
            digest=digest,
            says=says,
            recovery=recovery(one),
        )


def lost(db: Connection, digests: Iterable[str]) -> set[str]:
    """Those of these digests that are marked as lost."""
    rows = db.execute(_LOST, {"digests": json.dumps([*digests])})
    return {digest for (digest,) in rows}


def _rehash(store: ArtifactStore, digest: str) -> tuple[str, int] | ArtifactError | None:
    try:
        return store.rehash(digest)
    except ArtifactError as error:
        return error


def _note(state: State, digest: str, found: tuple[str, int] | ArtifactError | None) -> None:
    if found is None:
        state.missing.add(digest)
    elif isinstance(found, CorruptArtifactError):
        state.replaced[digest] = str(found)
    elif isinstance(found, ArtifactError):
        state.unreadable[digest] = str(found)
    else:
        state.bytes += found[1]
        if found[0] == digest:
            state.sound.add(digest)
        else:
            state.changed[digest] = found


def _files(
    store: ArtifactStore, objects: dict[str, Object], state: State, done: Iterable[str]
) -> list[str]:
    """Add the files of sound manifests to the objects; those that are new."""
    added: dict[str, Object] = {}
    for digest in done:
        one = objects[digest]
        if not one.format.endswith(FILES) or digest not in state.sound:
            continue
        try:
            manifest = Manifest.from_bytes(store.read(digest))
        except (ArtifactError, DataError) as error:
            state.sound.discard(digest)
            state.unreadable[digest] = str(error)
            continue
        for file in manifest.files:
            if file.digest not in objects and file.digest not in added:
                added[file.digest] = Object(
                    digest=file.digest,
                    names=[f"{one.names[0]}: {file.name}"],
                    size=file.size,
                    locations=[
                        f"{Pattern(path=location).folder}/{file.name}" for location in one.locations
                    ],
                    makers=one.makers,
                    kept=True,
                )
    objects |= added
    return list(added)


def _nowhere(one: Object) -> str:
    """Where it is not: what stayed in a bucket that keeps versions was never copied."""
    if left := [place for place in one.locations if is_versioned(place)]:
        return f"is not at {left[0]}, where it was left, nor in the artifact store"
    return "is not in the artifact store"


def _other_bytes(one: Object, found: str, size: int, objects: Mapping[str, Object]) -> str:
    if found in objects:
        return f"holds the bytes of {objects[found].name}"
    if one.size is not None and size < one.size:
        return f"is cut off: {size} of {one.size} bytes are there"
    return f"holds other bytes, {found[:19]}…, {size} of them"
