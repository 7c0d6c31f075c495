"""Both models on both holdouts: the one comparison that says which model is better.

It is a plain computation. What evaluated each side is called again, as its recipe names it,
with the other side's model; it reads the store and writes into memory. No run is recorded,
so nothing is registered and no recipe is answered by it.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..content.memory import MemoryStore
from ..errors import ArtifactError, BegatError
from ..graph import nodes, queries
from ..modules import archive, unpacked
from ..recipe.inputs import inputs_of
from ..records import DatasetVersion, Snapshot
from ..workspace import Workspace, using
from . import holdout, walk
from .pairing import PRODUCTS
from .sides import Side, facets_of, side

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..graph.connection import Connection, Row

_MODEL = f"""
SELECT p.id FROM reading g JOIN product p ON p.id = g.node / 4
WHERE g.run = :run AND g.argument = 'model' AND g.node % 4 = {nodes.PRODUCT}
"""
#: Arguments that go with the holdout; the columns go with the model.
_OF_HOLDOUT = ("target", "metrics", "holdout_fraction", "seed")


def rescore(space: Workspace, old: str, new: str) -> list[dict[str, Any]]:
    """Every model on every holdout.

    Args:
        space: where lineage and artifacts are; neither is written.
        old: a reference to a model version or a run that evaluated.
        new: another.

    Returns:
        Four entries, none if not both were evaluated: `model` and `holdout` (the names of the
        sides) each, with `metrics`, or `error` where that model cannot be evaluated there;
        `recorded` where nothing had to be computed; `trained_on` where the model was trained on
        what is held out, so that its metrics are too good.

    Raises:
        RefError: a reference names nothing, or too much.
        StoreError: the store failed.
    """
    sides = side(space.store, old), side(space.store, new)
    if any(one.evaluation is None for one in sides):
        return []
    with space.store.read() as db:
        asked = [
            (model, held, _arguments(db, model, held), holdout.trained_on(db, held, model))
            for held in sides
            for model in sides
        ]
    found = []
    for model, held, call, leaks in asked:
        entry: dict[str, Any] = {
            "model": model.name,
            "holdout": held.name,
            "trained_on": leaks and model is not held,
            "recorded": model is held,
        }
        found.append(entry | ({"metrics": dict(model.metrics)} if model is held else call(space)))
    return found


class _Call:
    """What evaluated one side, with another's model.

    Args:
        function: that evaluated, `module:name`.
        sources: digest of the archive of its sources, the user's metrics among them; empty
            for none.
        arguments: what it is given.
    """

    def __init__(self, function: str, sources: str, arguments: Mapping[str, Any]) -> None:
        self._function = function
        self._sources = sources
        self._arguments = arguments

    def __call__(self, space: Workspace) -> dict[str, Any]:
        """`metrics`, or `error`."""
        try:
            kept = archive(space.artifacts, self._sources)
            with _aside(space) as apart, unpacked(kept, beneath=space.settings.home):
                module, _, name = self._function.partition(":")
                made = getattr(importlib.import_module(module), name)(**self._arguments)
                return {"metrics": _evaluation(made, apart)["metrics"]}
        except BegatError as error:
            return {"error": str(error)}
        except Exception as error:  # metrics are anybody's code
            return {"error": " ".join(f"{type(error).__name__}: {error}".split())}


def _arguments(db: Connection, model: Side, held: Side) -> _Call:
    """The call that evaluates one side's model on the other's holdout."""
    recipes = [facets_of(db, one.evaluation).get("begat_recipe", {}) for one in (model, held)]
    given = [recipe.get("parameters", {}) for recipe in recipes]
    arguments = {name: given[1][name] for name in _OF_HOLDOUT if name in given[1]}
    if "columns" in given[0]:
        arguments["columns"] = given[0]["columns"]
    if "metrics" in arguments:
        arguments["metrics"] = [_metric(one) for one in arguments["metrics"]]
    # A task of the user's own may have evaluated; what it lacks is told when it is called.
    for version in _versions(db, [row["id"] for row in _rows(db, _MODEL, model)]):
        arguments["model"] = version
    if versions := tuple(_held(db, held)):
        arguments["holdout"] = Snapshot(versions=versions)
    of = recipes[1]
    return _Call(of.get("function", ""), of.get("sources") or "", arguments)


def _metric(shown: Any) -> Any:
    """A metric as it can be asked for: a function is recorded as `module.name`."""
    if isinstance(shown, Mapping):
        return {**shown, "metric": _metric(shown.get("metric"))}
    if isinstance(shown, str) and "." in shown and ":" not in shown:
        module, _, name = shown.rpartition(".")
        return f"{module}:{name}"
    return shown


def _held(db: Connection, held: Side) -> Iterator[DatasetVersion]:
    node = holdout.Held.of(db, held).node
    layer = [] if node is None else [node]
    parents: dict[int, list[int]] = {}
    while any(node % 4 != nodes.PRODUCT for node in layer):
        walk.load(db, parents, layer)
        layer = [
            below
            for node in layer
            for below in ([node] if node % 4 == nodes.PRODUCT else parents[node])
        ]
    yield from sorted(
        _versions(db, [node // 4 for node in layer]), key=lambda version: version.partition
    )


def _rows(db: Connection, query: str, of: Side) -> list[Row]:
    return db.execute(query, {"run": of.evaluation}).fetchall()


def _versions(db: Connection, products: Iterable[int]) -> list[DatasetVersion]:
    return [
        queries.version_of(row)
        for row in db.execute(PRODUCTS, {"products": json.dumps([*products])})
    ]


def _evaluation(made: object, space: Workspace) -> Mapping[str, Any]:
    """What an evaluation wrote, wherever in its result the reference is."""
    for _, version in inputs_of(made):
        if isinstance(version, DatasetVersion) and version.name.endswith("evaluation"):
            content: Mapping[str, Any] = json.loads(space.artifacts.read(version.digest))
            return content
    raise KeyError("the task that evaluated wrote no evaluation")


class _Aside:
    """An artifact store that reads another one and keeps what is written for itself."""

    def __init__(self, behind: ArtifactStore) -> None:
        self._behind = behind
        self._own = MemoryStore()

    def write(self, data: bytes | Path) -> str:
        return self._own.write(data)

    def read(self, digest: str) -> bytes:
        try:
            return self._own.read(digest)
        except ArtifactError:
            return self._behind.read(digest)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        wanted = frozenset(digests)
        return self._own.present(wanted) | self._behind.present(wanted)


@contextmanager
def _aside(space: Workspace) -> Iterator[Workspace]:
    """This process's workspace for a while: it reads what `space` has, and writes nowhere."""
    apart = Workspace(space.settings)
    apart.__dict__["artifacts"] = _Aside(space.artifacts)
    with using(apart):
        yield apart
