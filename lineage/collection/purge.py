"""Erasing data for good: the bytes of a dataset's version, and of what was made of its rows.

What is purged must not be kept again: a run that finds the same bytes in its source is refused.
The graph goes on knowing that they were there, by name, digest and number of rows. Events and
remembered plans hold no rows, so nothing of them has to go.

What learned from the data is not erased, but named: a model, with its signature (which holds an
example and ranges) and its evaluation, is for its owner to train again without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..content.manifest import Manifest
from ..content.sources import FILES
from ..errors import ArtifactError, DataError, ParameterError, RefError
from ..events import now
from ..graph import closure, nodes, presence, queries
from ..graph.connection import Connection, Row
from ..graph.resolve import resolve
from ..records import DatasetVersion
from ..registry import audit
from ..registry.identity import Identity
from ..workspace import Workspace
from .keeps import kind_of

_PRODUCTS = """
SELECT p.id AS product, p.run, d.namespace, d.name, v.partition, v.digest, v.size, v.rows,
    v.format, v.kind,
    CASE WHEN p.run = 0 THEN 1 ELSE 0 END AS raw
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
"""
_OF_DIGESTS = f"{_PRODUCTS} WHERE v.digest IN (SELECT value FROM json_each(:digests))"
_OF_PARTITION = f"""{_PRODUCTS}
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
"""
# What was made by runs that read a version by itself, not as one of a snapshot: row by row.
_MADE = f"""{_PRODUCTS} WHERE p.run IN (
    SELECT e.child / 4 FROM edge e
    WHERE e.child % 4 = {nodes.RUN}
        AND e.parent IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes))
)
"""
_MODELS = """
SELECT m.model, m.version FROM model_version m WHERE m.run_id IN (
    SELECT uuid FROM run WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
) ORDER BY m.model, m.version
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """What a purge erases, and what is left of the data."""

    ref: str
    #: What the reference names: each version of the partition.
    versions: tuple[DatasetVersion, ...]
    #: What was made of it row by row.
    derived: tuple[DatasetVersion, ...]
    #: Whether that is erased, too.
    with_derived: bool
    #: Other names of the same bytes, which are erased with them.
    others: tuple[str, ...]
    #: Model versions that learned from it, or were measured with it.
    models: tuple[str, ...]
    #: All that is erased.
    digests: tuple[str, ...]
    #: Those of them that must not be kept again.
    own: tuple[str, ...]
    freed: int = 0

    def to_json(self) -> dict[str, Any]:
        """The object that `begat gc --purge --json` prints."""
        return {
            "ref": self.ref,
            "versions": [_said(one) for one in self.versions],
            "derived": [_said(one) for one in self.derived],
            "with_derived": self.with_derived,
            "others": list(self.others),
            "model_versions": list(self.models),
            "digests": list(self.digests),
            "freed_bytes": self.freed,
        }


def purging(space: Workspace, ref: str, *, with_derived: bool = False) -> Purge:
    """What a purge would erase; nothing is done.

    Args:
        space: whose store and artifacts.
        ref: a digest: that version; a dataset or a partition of it: all versions of that.
        with_derived: erase what was made of it row by row, too.

    Raises:
        RefError: it names nothing, too much, or no data.
        StoreError: the store failed.
    """
    named = resolve(space.store, ref)
    if not isinstance(named, DatasetVersion):
        raise RefError(f"{ref} is no data; name a partition, NAME[KEY=VALUE], or blake3:…")
    with space.store.read() as db:
        rows = _named(db, ref, named)
        made = _derived(db, rows)
        own = _versions(rows)
        derived = [one for one in _versions(made) if one not in own]
        erased = [*own, *(derived if with_derived else ())]
        digests = _with_files(space, erased)
        names = {_name(one) for one in erased}
        same = db.execute(_OF_DIGESTS, {"digests": json.dumps(digests)}).fetchall()
        others = sorted({_name(one) for one in _versions(same)} - names)
        start = [nodes.product(row["product"]) for row in (*rows, *made)]
        below = closure.descendants(space.store, *start).runs
        models = db.execute(_MODELS, {"runs": json.dumps(below)}).fetchall()
    return Purge(
        ref=ref,
        versions=tuple(own),
        derived=tuple(derived),
        with_derived=with_derived,
        others=tuple(others),
        models=tuple(f"{model}@{version}" for model, version in models),
        digests=tuple(digests),
        own=tuple(_with_files(space, own)),
    )


def purge(space: Workspace, found: Purge, *, reason: str, identity: Identity) -> Purge:
    """Erase what `purging` found; done again, it erases what is left.

    First it is said, in the log and of each artifact; then it is done. So whoever is killed in
    between has said it, and `begat gc --delete` does it.

    Args:
        space: whose store and artifacts.
        found: what is to be erased.
        reason: why; the log keeps it.
        identity: who does it.

    Returns:
        What was found, and how many bytes were freed.

    Raises:
        ParameterError: there is no reason.
        StoreError: the store failed; nothing is erased.
        ArtifactError: an artifact cannot be removed.
    """
    if not reason.strip():
        raise ParameterError("a purge takes a reason, which the log keeps; add --reason")
    said = found.to_json()
    with space.store.write() as db:
        presence.mark(db, found.digests, presence.GONE, now=now())
        # Other data may come to the same as what was made of this: a file without rows does.
        presence.mark(db, found.own, presence.PURGED, now=now())
        audit.append(
            space.store,
            db,
            action="purge",
            identity=identity,
            reason=reason,
            body={key: said[key] for key in said if key != "freed_bytes"},
        )
    removed = space.artifacts.remove(found.digests)
    freed = sum(removed.values())
    return Purge(**{**{name: getattr(found, name) for name in found.__slots__}, "freed": freed})


def _named(db: Connection, ref: str, named: DatasetVersion) -> list[Row]:
    if ref.strip().startswith("blake3:"):
        return db.execute(_OF_DIGESTS, {"digests": json.dumps([named.digest])}).fetchall()
    key = {"namespace": named.namespace, "name": named.name, "partition": named.partition}
    return db.execute(_OF_PARTITION, key).fetchall()


def _derived(db: Connection, rows: Iterable[Row]) -> list[Row]:
    """What was made of products row by row, and of that, and so on; no models."""
    found: dict[int, Row] = {}
    todo = {row["product"] for row in rows}
    while todo:
        given = {"nodes": json.dumps([nodes.product(one) for one in sorted(todo)])}
        made = [
            row
            for row in db.execute(_MADE, given).fetchall()
            if kind_of(row["name"], row["format"] or "", raw=False) == "intermediates"
            and row["rows"] != 0
        ]
        todo = {row["product"] for row in made} - found.keys()
        found |= {row["product"]: row for row in made}
    return list(found.values())


def _versions(rows: Iterable[Row]) -> list[DatasetVersion]:
    found = {
        (row["namespace"], row["name"], row["partition"], row["digest"]): queries.version_of(row)
        for row in rows
    }
    return [found[key] for key in sorted(found)]


def _with_files(space: Workspace, versions: Iterable[DatasetVersion]) -> list[str]:
    """The digests of versions, and of the files of those that are manifests."""
    found: dict[str, None] = {}
    for version in versions:
        found[version.digest] = None
        if version.format.endswith(FILES):
            with suppress(ArtifactError, DataError):  # erased already, or never kept
                manifest = Manifest.from_bytes(space.artifacts.read(version.digest))
                found |= dict.fromkeys(file.digest for file in manifest.files)
    return list(found)


def _name(version: DatasetVersion) -> str:
    return f"{version} {version.digest[:15]}"


def _said(version: DatasetVersion) -> dict[str, Any]:
    return {
        "dataset": str(version.dataset),
        "partition": version.partition,
        "digest": version.digest,
        "bytes": version.size,
        "rows": version.rows,
    }
