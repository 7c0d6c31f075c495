"""What evaluated one side, to be called again with another side's model."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..graph import nodes, queries
from ..graph.connection import Connection
from ..modules import Modules, archive, unpacked
from ..recipe.inputs import inputs_of
from ..records import DatasetVersion, Snapshot
from ..settings import make_home
from ..workspace import Workspace
from . import holdout, walk
from .pairing import PRODUCTS
from .sides import Side, facets_of

_MODEL = f"""
SELECT p.id FROM reading g JOIN product p ON p.id = g.node / 4
WHERE g.run = :run AND g.argument = 'model' AND g.node % 4 = {nodes.PRODUCT}
"""
#: Arguments that go with the holdout; the columns go with the model.
_OF_HOLDOUT = ("target", "metrics", "slices", "holdout_fraction", "seed")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A call of the function that evaluated one side, as its recipe names it."""

    #: Of its job, without the flow: `evaluate`.
    task: str
    #: `module:name`.
    function: str
    #: Digest of the archive of its sources, the user's metrics among them; empty for none.
    sources: str
    arguments: Mapping[str, Any]
    #: The seed of its run.
    seed: int
    #: Whether it is one of begat's own tasks, which count by their version.
    own: bool

    @classmethod
    def of(cls, db: Connection, model: Side, held: Side) -> Evaluation:
        """The call that evaluates one side's model on the other's holdout."""
        recipes = [facets_of(db, one.evaluation).get("begat_recipe", {}) for one in (model, held)]
        given = [recipe.get("parameters", {}) for recipe in recipes]
        arguments = {name: given[1][name] for name in _OF_HOLDOUT if name in given[1]}
        if "columns" in given[0]:
            arguments["columns"] = given[0]["columns"]
        # A task of the user's own may have evaluated; what it lacks is told when it is called.
        rows = db.execute(_MODEL, {"run": model.evaluation}).fetchall()
        for version in _versions(db, [row["id"] for row in rows]):
            arguments["model"] = version
        if versions := tuple(_held(db, held)):
            arguments["holdout"] = Snapshot(versions=versions)
        of = recipes[1]
        return cls(
            task=str(of.get("job", "")).rpartition(".")[2] or "evaluate",
            function=of.get("function", ""),
            sources=of.get("sources") or "",
            arguments=arguments,
            seed=of.get("seed") or 0,
            own=bool(of.get("version")),
        )

    @contextmanager
    def loaded(self, space: Workspace) -> Iterator[tuple[Callable[..., Any], dict[str, Any]]]:
        """The function and its arguments, while its kept sources can be imported."""
        kept = archive(space.artifacts, self.sources)
        make_home(space.settings)
        with unpacked(kept, beneath=space.settings.home) as modules:
            module, _, name = self.function.partition(":")
            arguments = dict(self.arguments)
            if "metrics" in arguments:
                arguments["metrics"] = [_metric(one, modules) for one in arguments["metrics"]]
            yield _bare(getattr(importlib.import_module(module), name)), arguments

    @property
    def version(self) -> int:
        """The version number of the function as it is now; 0 for a user's own."""
        module = importlib.import_module(self.function.partition(":")[0]) if self.own else None
        return int(getattr(module, "VERSION", 0))


def content_of(made: object, space: Workspace) -> Mapping[str, Any]:
    """What an evaluation wrote, wherever in its result the reference is.

    Raises:
        KeyError: it wrote none.
        ArtifactError: it is gone.
    """
    for _, version in inputs_of(made):
        if isinstance(version, DatasetVersion) and version.name.endswith("evaluation"):
            content: Mapping[str, Any] = json.loads(space.artifacts.read(version.digest))
            return content
    raise KeyError("the task that evaluated wrote no evaluation")


def _bare(function: Any) -> Callable[..., Any]:
    """A function without what an adapter has put around it, which would track it by itself."""
    bare: Callable[..., Any] = inspect.unwrap(getattr(function, "fn", function))
    return bare


def _metric(shown: Any, modules: Modules) -> Any:
    """A metric as it can be asked for: a function is recorded as `module.name`."""
    if isinstance(shown, Mapping):
        return {**shown, "metric": _metric(shown.get("metric"), modules)}
    if isinstance(shown, str) and "." in shown and ":" not in shown:
        return modules.named(shown)
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


def _versions(db: Connection, products: Iterable[int]) -> list[DatasetVersion]:
    return [
        queries.version_of(row)
        for row in db.execute(PRODUCTS, {"products": json.dumps([*products])})
    ]
