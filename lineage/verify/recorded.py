"""A recorded call, put together again: what it read, its function, its arguments, its recipe."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import recipe
from ..errors import BegatError
from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from ..modules import Modules
from ..recipe import Recipe, Reference
from ..records import DatasetVersion, ModelVersion, Snapshot
from . import revive

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


class UnrepeatableError(Exception):
    """A run cannot be done again here; the message says why."""


class FailedError(UnrepeatableError):
    """It was done again, and raised an error."""


def inputs_of_run(db: Connection, run: str) -> dict[str, Reference]:
    """What a run read, by path among its arguments.

    Args:
        db: a store that knows the run.
        run: its id.

    Raises:
        UnrepeatableError: not all partitions of what it read are known.
    """
    rows = db.execute(_READ, {"run": run}).fetchall()
    return {row["argument"]: _reference(db, row) for row in rows}


def call(
    recorded: Mapping[str, Any],
    read: Mapping[str, Reference],
    modules: Modules,
    first_party: tuple[str, ...],
) -> tuple[Callable[..., Any], dict[str, Any], Recipe]:
    """The function, its arguments, and the recipe that they have here.

    Args:
        recorded: the recipe, as the run's facet has it.
        read: its inputs, by path among the arguments.
        modules: of its sources.
        first_party: as in the settings.

    Raises:
        UnrepeatableError: the function is not there, or a recipe cannot be made of it.
    """
    try:
        arguments = revive.inputs(read)
    except LookupError as error:
        raise UnrepeatableError(f"its argument {error} cannot be put together again") from None
    found = list(_functions(recorded, modules))
    if not found:
        raise UnrepeatableError(
            f"its function {recorded.get('function')} is in none of its kept sources"
        )
    best: tuple[Callable[..., Any], dict[str, Any], Recipe] | None = None
    for called, version in found:
        given = dict(arguments)
        for name, digest in recorded.get("arguments", {}).items():
            given[name] = _argument(recorded, called, name, digest, modules, first_party)
        made = _recipe(recorded, called, version, given, first_party)
        best = best or (called, given, made)
        if made.digest == recorded.get("digest"):
            return called, given, made
    assert best is not None
    return best


def done(called: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """What the function returns.

    Raises:
        FailedError: it failed.
    """
    try:
        value = called(**arguments)
        return asyncio.run(value) if inspect.iscoroutine(value) else value
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise FailedError(f"it failed: {message}") from error


def _argument(
    recorded: Mapping[str, Any],
    called: Callable[..., Any],
    name: str,
    digest: str,
    modules: Modules,
    first_party: tuple[str, ...],
) -> Any:
    """The value whose digest is the recorded one; if none is, the likeliest."""
    shown = recorded.get("parameters", {}).get(name)
    looked_at = recipe.prepare(
        job=recorded.get("job", ""), version=0, function=called, first_party=first_party
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
    recorded: Mapping[str, Any],
    called: Callable[..., Any],
    version: int,
    arguments: Mapping[str, Any],
    first_party: tuple[str, ...],
) -> Recipe:
    try:
        return recipe.recipe(
            job=recorded.get("job", ""),
            version=version,
            function=called,
            arguments=arguments,
            seed=recorded.get("seed"),
            first_party=first_party,
        )
    except BegatError as error:
        raise UnrepeatableError(f"its recipe cannot be made here: {error}") from None


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
            raise UnrepeatableError(
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


def torch_seed(facets: Mapping[str, Any]) -> int | None:
    """What torch was seeded with when the run was recorded; None if it was not."""
    derived = facets.get("begat_seeds", {}).get("derived", {})
    seed: int | None = derived.get("torch", {}).get("seed")
    return seed
