"""Both models on both holdouts: the one comparison that says which model is better.

It is a plain computation. What evaluated each side is called again, as its recipe names it,
with the other side's model; it reads the store and writes into memory. No run is recorded,
so nothing is registered and no recipe is answered by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..content.memory import MemoryStore
from ..errors import ArtifactError, BegatError
from ..workspace import Workspace, using
from . import holdout
from .evaluation import Evaluation, content_of
from .sides import side

if TYPE_CHECKING:
    from ..content.store import ArtifactStore


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
            (model, held, Evaluation.of(db, model, held), holdout.trained_on(db, held, model))
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
        found.append(
            entry | ({"metrics": dict(model.metrics)} if model is held else _scored(call, space))
        )
    return found


def _scored(call: Evaluation, space: Workspace) -> dict[str, Any]:
    """`metrics`, or `error`."""
    try:
        with _aside(space) as apart, call.loaded(space) as (function, arguments):
            return {"metrics": content_of(function(**arguments), apart)["metrics"]}
    except BegatError as error:
        return {"error": str(error)}
    except Exception as error:  # metrics are anybody's code
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())}


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
