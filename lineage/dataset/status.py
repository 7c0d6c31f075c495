"""The datasets behind a reference: what they are, whether their bytes are there, and the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..content.manifest import Manifest
from ..content.sources import FILES
from ..errors import ArtifactError, DataError
from ..graph import presence
from ..graph.presence import Absent
from .held import LOOKUPS, RAW, Part, choose, held
from .today import Today, today

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..workspace import Workspace


def status(space: Workspace, ref: str, *, datasets: Iterable[str] = ()) -> dict[str, Any]:
    """What a reference stands on, dataset by dataset.

    Args:
        space: where lineage and artifacts are.
        ref: see `held`.
        datasets: which; all if empty.

    Returns:
        `ref` and `datasets`, each with `dataset`, `role`, `bytes`, `rows` (None where not all were
        counted), `missing` (partitions whose bytes are gone), `source {changed, removed, added,
        note}` (None for what begat made) and `partitions`, each with `partition, digest, bytes,
        rows, format, location, present`, `absent` (lost, gone, purged, None: not known to be) and
        `source` (same, changed, removed, None: not known).

    Raises:
        RefError: it names nothing, too much, or no data.
        ParameterError: no dataset is called so.
        StoreError: the store failed.
    """
    parts = choose(held(space.store, ref), datasets)
    there = present(parts, space.artifacts)
    with space.store.read() as db:
        absent = presence.absent(db, {part.version.digest for part in parts} - there)
    found = []
    for (_, dataset), group in groupby(parts, key=lambda part: (part.role, part.dataset)):
        own = list(group)
        versions = [part.version for part in own]
        now = today(versions, space.cache) if own[0].role in (RAW, LOOKUPS) else None
        rows = [version.rows for version in versions if version.rows is not None]
        found.append(
            {
                "dataset": dataset,
                "role": own[0].role,
                "bytes": sum(version.size for version in versions),
                "rows": sum(rows) if len(rows) == len(versions) else None,
                "missing": [v.partition for v in versions if v.digest not in there],
                "source": None if now is None else _source(now),
                "partitions": [_partition(part, there, absent, now) for part in own],
            }
        )
    return {"ref": ref, "datasets": found}


def present(parts: Sequence[Part], store: ArtifactStore) -> frozenset[str]:
    """Digests of the versions of which all bytes are there."""
    there = store.present({part.version.digest for part in parts})
    whole = set(there)
    for part in parts:
        digest = part.version.digest
        if part.version.format.endswith(FILES) and digest in there:
            try:
                files = {file.digest for file in Manifest.from_bytes(store.read(digest)).files}
            except (ArtifactError, DataError):
                files = {""}  # a manifest that nobody can read
            if store.present(files) != files:
                whole.discard(digest)
    return frozenset(whole)


def _partition(
    part: Part, there: frozenset[str], absent: Mapping[str, Absent], now: Today | None
) -> dict[str, Any]:
    version = part.version
    return {
        "partition": version.partition,
        "digest": version.digest,
        "bytes": version.size,
        "rows": version.rows,
        "format": version.format,
        "location": version.location or None,
        "present": version.digest in there,
        "absent": absent[version.digest].state if version.digest in absent else None,
        "source": now.states.get((version.partition, version.digest)) if now else None,
    }


def _source(now: Today) -> dict[str, Any]:
    def those(state: str) -> list[str]:
        return sorted(key for (key, _), found in now.states.items() if found == state)

    return {
        "changed": those("changed"),
        "removed": those("removed"),
        "added": None if now.added is None else list(now.added),
        "note": now.note or None,
    }
