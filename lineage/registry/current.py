"""Model versions as the registry has them now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..content.digest import digest_bytes
from ..errors import RefError
from ..graph import queries
from ..graph.connection import Connection
from ..graph.resolve import resolve
from ..records import ModelVersion
from ..workspace import Workspace

_ROW = "SELECT * FROM model_version WHERE model = :model AND version = :version"
_PRODUCTION = """
SELECT model, version, digest, run_id FROM model_version
WHERE model = :model AND stage = 'Production'
"""
_MODELS = "SELECT name FROM model ORDER BY name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A model version as the registry has it now."""

    version: ModelVersion
    stage: str
    registered_by: str
    body: dict[str, Any]

    @property
    def files(self) -> dict[str, str]:
        """What it needs to be served and judged: digests by name."""
        kept = {
            "model": self.version.digest,
            "signature": self.body.get("signature_digest", ""),
            "evaluation": self.body.get("evaluation_digest", ""),
        }
        return {name: digest for name, digest in kept.items() if digest}

    @property
    def sealed(self) -> dict[str, str]:
        """What acts write into the log of it, so that `audit verify` sees it changed."""
        return sealed(self.version.digest, self.registered_by, self.body)


def sealed(digest: str, author: str, body: Mapping[str, Any]) -> dict[str, str]:
    """The digests of a version's model file and of all that it was registered with; its author."""
    return {
        "digest": digest,
        "author": author,
        "registered": digest_bytes(json.dumps(body, sort_keys=True).encode()),
    }


def find(space: Workspace, ref: str) -> Version:
    """The model version that a reference names, as the registry has it.

    Raises:
        RefError: it names none.
        StoreError: the store failed.
    """
    found = resolve(space.store, ref)
    if not isinstance(found, ModelVersion):
        raise RefError(f"{ref!r} names no model version; write NAME@VERSION")
    with space.store.read() as db:
        return version(db, found.model, found.version)


def version(db: Connection, model: str, number: int) -> Version:
    """A model's version by its number.

    Raises:
        RefError: there is none.
    """
    row = db.execute(_ROW, {"model": model, "version": number}).fetchone()
    if row is None:
        raise RefError(f"{model} has no version {number}; `begat models` lists them")
    return Version(
        version=queries.model_version_of(row),
        stage=row["stage"],
        registered_by=row["registered_by"],
        body=json.loads(row["body"]),
    )


def production(db: Connection, model: str) -> ModelVersion | None:
    """The version of a model that is in Production."""
    row = db.execute(_PRODUCTION, {"model": model}).fetchone()
    return None if row is None else queries.model_version_of(row)


def models(db: Connection) -> list[str]:
    """The names of all models."""
    return [name for (name,) in db.execute(_MODELS, {})]


def check_model(db: Connection, model: str) -> None:
    """See that there is such a model.

    Raises:
        RefError: there is none.
    """
    names = models(db)
    if model not in names:
        raise RefError(f"no model is named {model!r}; there is {', '.join(names) or 'none'}")
