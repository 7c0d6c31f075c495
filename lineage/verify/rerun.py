"""Doing a recorded run's task again, from its kept sources, for the bytes that it wrote.

Nothing is recorded of it, and nothing is kept but what has the recorded digest.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import recipe
from ..active import ActiveRun, active
from ..capture import pytorch
from ..content.digest import digest_bytes, digest_file
from ..content.local import LocalStore
from ..content.stat import StatCache
from ..content.store import ArtifactStore
from ..errors import BegatError
from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from ..modules import PREFIX, Modules, archive, unpacked
from ..recipe import Recipe, Reference, explain
from ..records import DatasetVersion, ModelVersion, Snapshot
from ..workspace import Workspace, using
from . import revive
from .replay import Replay

_READ = """
SELECT g.node, g.argument, g.facets FROM reading g JOIN run r ON r.id = g.run
WHERE r.uuid = :run
"""
_VERSION = """
SELECT d.namespace, d.name, v.partition, v.digest, v.size, v.rows, v.format, v.kind,
    COALESCE(r.uuid, '') AS producer
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
"""
_ONE = f"{_VERSION} WHERE p.id = :id"
_MANY = f"""{_VERSION}
JOIN edge e ON e.parent = p.id * 4 + {nodes.PRODUCT}
JOIN edge s ON s.parent = e.child AND s.child = :node
WHERE e.child % 4 = {nodes.SEGMENT} ORDER BY v.partition
"""
_PARTITIONS = "SELECT partitions FROM snapshot WHERE id = :id"
#: Differences of two recipes that a refusal names.
_NAMED = 3


class RefusedError(Exception):
    """A run cannot be done again here; the message says why."""


class Rerun:
    """Does runs again.

    Args:
        space: whose artifacts are read, and restored.
        replay: what the events say.
    """

    def __init__(self, space: Workspace, replay: Replay) -> None:
        self._space = space
        self._replay = replay

    def again(self, run: Mapping[str, Any], wanted: Iterable[str]) -> None:
        """Do a run again, and keep those of these digests that it writes.

        Args:
            run: `uuid`, `job` and `facets` of a run that completed.
            wanted: digests of what it wrote.

        Raises:
            RefusedError: its recipe is another here, or something that it needs is gone.
        """
        recorded = run["facets"].get("begat_recipe", {})
        read = self._inputs(run["uuid"])
        home = self._space.settings.home
        kept = archive(self._space.artifacts, recorded.get("sources") or "")
        with unpacked(kept, beneath=home) as modules:
            called, arguments, made = self._call(recorded, read, modules)
            if made.digest != recorded.get("digest"):
                gone = recorded.get("sources") and not modules.names
                why = "its kept sources are gone, and " if gone else ""
                raise RefusedError(why + _difference(recorded, made))
            with tempfile.TemporaryDirectory(dir=home, prefix=PREFIX) as aside:
                own = Workspace(self._space.settings)
                # Where `begat.lineage.write` looks: what has other digests is thrown away.
                vars(own)["artifacts"] = _Only(self._space.artifacts, set(wanted), Path(aside))
                of = ActiveRun(
                    run_id=run["uuid"],
                    flow=run["job"].rpartition(".")[0],
                    recipe=made.digest,
                    seed=recorded.get("seed") or 0,
                )
                with using(own), active(of), pytorch.seeded(_torch_seed(run["facets"])):
                    _done(called, arguments)

    def _call(
        self, recorded: Mapping[str, Any], read: Mapping[str, Reference], modules: Modules
    ) -> tuple[Callable[..., Any], dict[str, Any], Recipe]:
        """The function, its arguments, and the recipe that they have here."""
        try:
            arguments = revive.inputs(read)
        except LookupError as error:
            raise RefusedError(f"its argument {error} cannot be put together again") from None
        found = list(_functions(recorded, modules))
        if not found:
            raise RefusedError(
                f"its function {recorded.get('function')} is in none of its kept sources"
            )
        best: tuple[Callable[..., Any], dict[str, Any], Recipe] | None = None
        for called, version in found:
            given = dict(arguments)
            for name, digest in recorded.get("arguments", {}).items():
                given[name] = self._argument(recorded, called, name, digest, modules)
            made = self._recipe(recorded, called, version, given)
            best = best or (called, given, made)
            if made.digest == recorded.get("digest"):
                return called, given, made
        assert best is not None
        return best

    def _argument(
        self,
        recorded: Mapping[str, Any],
        called: Callable[..., Any],
        name: str,
        digest: str,
        modules: Modules,
    ) -> Any:
        """The value whose digest is the recorded one; if none is, the likeliest."""
        shown = recorded.get("parameters", {}).get(name)
        looked_at = recipe.prepare(
            job=recorded.get("job", ""),
            version=0,
            function=called,
            first_party=self._space.settings.first_party,
        )
        likeliest = shown
        for value in revive.candidates(name, shown, modules):
            likeliest = value
            try:
                made = looked_at.recipe({name: value})
            except BegatError:
                continue
            if made.arguments.get(name) == digest:
                return value
        return likeliest

    def _recipe(
        self,
        recorded: Mapping[str, Any],
        called: Callable[..., Any],
        version: int,
        arguments: Mapping[str, Any],
    ) -> Recipe:
        try:
            return recipe.recipe(
                job=recorded.get("job", ""),
                version=version,
                function=called,
                arguments=arguments,
                seed=recorded.get("seed"),
                first_party=self._space.settings.first_party,
            )
        except BegatError as error:
            raise RefusedError(f"its recipe cannot be made here: {error}") from None

    def _inputs(self, run: str) -> dict[str, Reference]:
        """What a run read, by argument; all of it is in the artifact store."""
        found: dict[str, Reference] = {}
        with self._replay.store.read() as own:
            for row in own.execute(_READ, {"run": run}).fetchall():
                found[row["argument"]] = _reference(own, row)
        digests = {
            version.digest
            for value in found.values()
            for version in (value.versions if isinstance(value, Snapshot) else (value,))
        }
        here = self._space.artifacts.present(digests)
        for path, value in found.items():
            versions = value.versions if isinstance(value, Snapshot) else (value,)
            for version in versions:
                if version.digest not in here:
                    raise RefusedError(f"its input {path}, {version}, is not there")
        return found


class _Only:
    """An artifact store that keeps what is wanted, and the rest for as long as a run lasts."""

    def __init__(self, store: ArtifactStore, wanted: set[str], aside: Path) -> None:
        self._store = store
        self._wanted = wanted
        self._aside = LocalStore(aside, StatCache(aside / "cache.db"))

    def write(self, data: bytes | Path) -> str:
        digest = digest_bytes(data) if isinstance(data, bytes) else digest_file(data)[0]
        return (self._store if digest in self._wanted else self._aside).write(data)

    def read(self, digest: str) -> bytes:
        return self._of(digest).read(digest)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        asked = frozenset(digests)
        return self._store.present(asked) | self._aside.present(asked)

    def rehash(self, digest: str) -> tuple[str, int] | None:
        return self._of(digest).rehash(digest)

    def set_aside(self, digest: str) -> bytes | Path | None:
        return self._of(digest).set_aside(digest)

    def _of(self, digest: str) -> ArtifactStore:
        return self._aside if self._aside.present([digest]) else self._store


def _functions(
    recorded: Mapping[str, Any], modules: Modules
) -> Iterable[tuple[Callable[..., Any], int]]:
    """Functions that may be the recorded one, each with its version number."""
    module, colon, qualname = str(recorded.get("function", "")).rpartition(":")
    if colon:  # one of another distribution, or of begat's: it is called what it is imported as
        try:
            home = importlib.import_module(module)
            called = revive.function(getattr(home, qualname))
        except (ImportError, AttributeError):
            return
        if called is not None:
            yield called, getattr(home, "VERSION", 0) if module.startswith("begat.") else 0
        return
    for found in modules.called(qualname.partition(" ")[0]):
        if (called := revive.function(found)) is not None:
            yield called, 0


def _reference(own: Connection, row: Row) -> Reference:
    kind, at = nodes.split(row["node"])
    if kind == nodes.SNAPSHOT:
        versions = tuple(_version(one) for one in own.execute(_MANY, {"node": row["node"]}))
        expected = own.execute(_PARTITIONS, {"id": at}).fetchone()[0]
        if len(versions) != expected:
            raise RefusedError(
                f"{len(versions)} of {expected} partitions of its input {row['argument']} are known"
            )
        return Snapshot(versions=versions)
    version = _version(own.execute(_ONE, {"id": at}).fetchone())
    said = queries.facets_of(row).get("begat_modelVersion")
    if said:
        return ModelVersion(
            model=said["model"],
            version=said["version"],
            digest=version.digest,
            producer=version.producer,
        )
    return version


def _version(row: Row) -> DatasetVersion:
    return queries.version_of(row, row["producer"])


def _torch_seed(facets: Mapping[str, Any]) -> int | None:
    """What torch was seeded with when the run was recorded; None if it was not."""
    derived = facets.get("begat_seeds", {}).get("derived", {})
    seed: int | None = derived.get("torch", {}).get("seed")
    return seed


def _difference(recorded: Mapping[str, Any], made: Recipe) -> str:
    lines = explain(recorded, made.to_facet())
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return f"its recipe is another here: {'; '.join(lines[:_NAMED])}{more}"


def _done(called: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    try:
        value = called(**arguments)
        if inspect.iscoroutine(value):
            asyncio.run(value)
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise RefusedError(f"it failed: {message}") from error
