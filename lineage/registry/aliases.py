"""Names of people's own for model versions, beside stages: `champion`, `blue`."""

from __future__ import annotations

from ..errors import ParameterError, RefError
from ..graph.connection import Connection
from ..graph.stages import STAGES
from ..workspace import Workspace
from . import audit
from .audit import Entry
from .current import find
from .identity import Identity

# In any case: `@production` beside `@Production` would be misread.
_TAKEN = {name.casefold() for name in (*STAGES, "latest")}
_SET = """
INSERT INTO alias (model, name, version) VALUES (:model, :name, :version)
ON CONFLICT (model, name) DO UPDATE SET version = excluded.version
"""


def put(
    space: Workspace, ref: str, name: str, *, identity: Identity, reason: str = ""
) -> Entry | None:
    """Give a version a name of your own beside its stage; another version loses it.

    Returns:
        The row of the log; None if it has that name already.

    Raises:
        ParameterError: the name could be taken for something else, such as a stage.
        RefError: it names no model version.
        StoreError: the store failed; nothing changed.
    """
    if (
        not name
        or name.isdecimal()
        or name.casefold() in _TAKEN
        or name.startswith("-")
        or not name.isprintable()
        or set(name) & set("@ []")
    ):
        raise ParameterError(
            "an alias is printable, without '@', brackets and spaces, begins with no dash, and is "
            f"no number, stage or 'latest', in whichever case; got {name!r}"
        )
    of = find(space, ref).version
    key = {"model": of.model, "name": name, "version": of.version}
    with space.store.write() as db:
        had = _had(db, of.model, name)
        if had == of.version:
            return None
        db.execute(_SET, key)
        return audit.append(
            space.store,
            db,
            action="alias",
            model=of.model,
            version=of.version,
            identity=identity,
            reason=reason,
            body={"alias": name, "was": had},
        )


def remove(
    space: Workspace, model: str, name: str, *, identity: Identity, reason: str = ""
) -> Entry:
    """Take a name away that `put` gave.

    Raises:
        RefError: no version of the model has it.
        ParameterError: no model is named.
        StoreError: the store failed; nothing changed.
    """
    if not model:
        raise ParameterError(f"an alias is taken away as MODEL@NAME; got {name!r}")
    with space.store.write() as db:
        had = _had(db, model, name)
        if had is None:
            raise RefError(f"{model} has no alias {name!r}; `begat models` lists them")
        db.execute(
            "DELETE FROM alias WHERE model = :model AND name = :name",
            {"model": model, "name": name},
        )
        return audit.append(
            space.store,
            db,
            action="alias",
            model=model,
            identity=identity,
            reason=reason,
            body={"alias": name, "was": had},
        )


def _had(db: Connection, model: str, name: str) -> int | None:
    query = "SELECT version FROM alias WHERE model = :model AND name = :name"
    row = db.execute(query, {"model": model, "name": name}).fetchone()
    version: int | None = row["version"] if row else None
    return version
