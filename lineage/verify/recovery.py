"""What can make an artifact again: the file it came from, a record that holds the same, a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..capture import packages
from ..content import sources
from ..content.digest import digest_bytes, digest_file
from ..content.s3.client import SCHEME
from ..content.sources import FILES
from ..content.store import ArtifactStore
from ..errors import BegatError
from ..events.canonical import canonical
from ..graph import queries
from ..records import DatasetVersion
from .objects import Object
from .replay import Replay
from .report import Recovery

_RUN = """
SELECT r.uuid, r.state, r.started_at, j.name AS job, r.recipe, r.facets
FROM run r LEFT JOIN job j ON j.id = r.job WHERE r.uuid = :uuid
"""
_LISTS = """
SELECT facets FROM run WHERE instr(facets, :digest) > 0 AND instr(facets, '"distributions"') > 0
"""
_SOURCES = "SELECT facets FROM run WHERE instr(facets, :digest) > 0 LIMIT 1"
#: A cache in a place where there can be none: every file is hashed.


class Recoveries:
    """Finds what can make objects again, and does so where no task has to run.

    Args:
        replay: what the events say.
        bodies: what the registry keeps with model versions, by reference.
    """

    def __init__(self, replay: Replay, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        self._replay = replay
        self._bodies = bodies

    def find(self, one: Object, *, lost: bool = False) -> Recovery | None:
        """What can make an object again; None if nothing is known.

        Args:
            one: the object.
            lost: whether a repair has given it up.
        """
        for location in one.locations:
            if _digest_at(one, location) == one.digest:
                says = f"{location} still holds it"
                return Recovery(by="file", name=location, says=says)
        if (found := self._record(one)) is not None:
            return Recovery(by="record", name=found[0], says=f"{found[0]} hold the same")
        for run in self.runs(one):
            then = "a repair could not do it again" if lost else "--repair does it again"
            says = f"run {run['uuid'][:13]} ({run['job']}) made it: {then}"
            return Recovery(by="run", name=run["uuid"], says=says)
        return self._commit(one)

    def restore(self, one: Object, recovery: Recovery, store: ArtifactStore) -> bool:
        """Keep an object again from a file or a record; whether its bytes are there now.

        Raises:
            BegatError: the file cannot be read, or the store not be written.
        """
        if recovery.by == "file":
            version = DatasetVersion(
                namespace="file",
                name=recovery.name,
                digest=one.digest,
                size=one.size or 0,
                format=one.format,
                location=recovery.name,
            )
            sources.keep(version, store)
            return True
        if recovery.by == "record" and (found := self._record(one)) is not None:
            return store.write(found[1]) == one.digest
        return False

    def runs(self, one: Object) -> Iterator[Mapping[str, Any]]:
        """The runs that wrote an object by their own work."""
        with self._replay.store.read() as own:
            rows = [own.execute(_RUN, {"uuid": uuid}).fetchone() for uuid in one.makers]
        for row in rows:
            if row is not None and row["state"] == "COMPLETE" and row["recipe"]:
                facets = queries.facets_of(row)
                recipe = facets.get("begat_recipe", {})
                if "$model" not in (recipe.get("result") or {}):  # registering writes no bytes
                    about = {key: row[key] for key in ("uuid", "job", "started_at")}
                    yield {**about, "facets": facets}

    def _record(self, one: Object) -> tuple[str, bytes] | None:
        """Bytes of this digest that are at hand, and who has them."""
        if one.role == "packages":
            installed = packages.capture()
            if installed.digest == one.digest:
                return "the packages installed here", installed.to_json()
            return self._inline_packages(one.digest)
        for ref, body in self._bodies.items():
            if body.get("signature_digest") == one.digest:
                text = json.dumps(body.get("signature"), sort_keys=True, separators=(",", ":"))
                if digest_bytes(text.encode()) == one.digest:
                    return f"the registry's entries of {ref}", text.encode()
        return None

    def _inline_packages(self, digest: str) -> tuple[str, bytes] | None:
        with self._replay.store.read() as own:
            rows = own.execute(_LISTS, {"digest": digest}).fetchall()
        for row in rows:
            listed = queries.facets_of(row).get("begat_packages", {}).get("distributions", {})
            data = canonical(listed).encode()
            if digest_bytes(data) == digest:
                return "the events of its flow run", data
        return None

    def _commit(self, one: Object) -> Recovery | None:
        if one.role != "sources":
            return None
        with self._replay.store.read() as own:
            row = own.execute(_SOURCES, {"digest": one.digest}).fetchone()
        recipe = queries.facets_of(row).get("begat_recipe", {}) if row else {}
        if not recipe.get("commit"):
            return None
        beside = " and uncommitted changes" if recipe.get("dirty") else ""
        says = f"the run's code was commit {recipe['commit']}{beside}; the archive itself is gone"
        return Recovery(by="backup", name=recipe["commit"], says=says)


def _digest_at(one: Object, location: str) -> str:
    try:
        if one.format.endswith(FILES) or location.startswith(SCHEME):
            return sources.version(location, folder=Path("/"), cache=sources.NO_CACHE).digest
        return digest_file(Path(location))[0]  # of a manifest's file, whatever its name is
    except BegatError:
        return ""
