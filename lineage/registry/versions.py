"""Registering model versions: numbers without gaps, each given once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import ParameterError
from ..events import now
from ..graph.store import Store
from ..records import ModelVersion
from .identity import user

_FIND = """
SELECT version, digest, run_id FROM model_version WHERE model = :model AND recipe = :recipe
"""
# Counting up locks the model's row, so that whoever registers next waits for this one.
_COUNT = """
INSERT INTO model (name, latest, created_at) VALUES (:model, 1, :now)
ON CONFLICT (name) DO UPDATE SET latest = model.latest + 1 RETURNING latest
"""
_ADD = """
INSERT INTO model_version (model, version, recipe, run_id, training_run_id, digest,
    registered_by, created_at, stage, body)
VALUES (:model, :version, :recipe, :run_id, :training_run_id, :digest,
    :registered_by, :now, 'None', :body)
"""
_BODY = "SELECT body FROM model_version WHERE model = :model AND version = :version"


def register(
    store: Store,
    *,
    model: str,
    recipe: str,
    run_id: str,
    training_run_id: str,
    digest: str,
    body: Mapping[str, Any],
    registered_by: str = "",
) -> ModelVersion:
    """The model's version for a recipe: the one it has, or else the next number.

    Args:
        store: where the registry is.
        model: name of the model.
        recipe: digest of the registering task's own recipe. It decides: the same recipe is
            the same version for ever, another is another.
        run_id: the run that registers.
        training_run_id: the run that fitted the model.
        digest: of the model file.
        body: what else belongs to the version, JSON-safe: `metrics`, `slices`, `signature`.
        registered_by: who is registering; the user this process runs as by default.

    Returns:
        The version, with the digest and the register run that it was first registered with.

    Raises:
        ParameterError: the name cannot be written as `name@version`.
        StoreError: the store failed; nothing was registered.
    """
    _check(model)
    given = {
        "model": model,
        "recipe": recipe,
        "run_id": run_id,
        "training_run_id": training_run_id,
        "digest": digest,
        "registered_by": registered_by or user(),
        "now": now(),
        "body": json.dumps(body, sort_keys=True, allow_nan=False),
    }
    with store.write() as db:
        if found := db.execute(_FIND, given).fetchone():
            return ModelVersion(
                model=model,
                version=found["version"],
                digest=found["digest"],
                producer=found["run_id"],
            )
        (version,) = db.execute(_COUNT, given).fetchone()
        db.execute(_ADD, {**given, "version": version})
    return ModelVersion(model=model, version=version, digest=digest, producer=run_id)


def metrics_of(store: Store, model: str, version: int) -> Mapping[str, float | None] | None:
    """The metrics that a version was registered with; None if there is no such version.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(_BODY, {"model": model, "version": version}).fetchone()
    if row is None:
        return None
    found: Mapping[str, float | None] = json.loads(row["body"]).get("metrics", {})
    return found


def _check(model: str) -> None:
    if not model or model != model.strip() or "@" in model or not model.isprintable():
        raise ParameterError(
            f"a model's name is printable, without '@' and without spaces around it; got {model!r}"
        )
