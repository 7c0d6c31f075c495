"""Having a registered model again."""

from __future__ import annotations

from typing import Any

from ..active import current
from ..errors import RefError
from ..graph.resolve import resolve
from ..records import ModelVersion
from ..workspace import workspace


def load(ref: str) -> Any:
    """The fitted estimator that a reference names, with its preprocessing inside.

    Its bytes are verified against the digest it was registered under, and it is read by
    skops, which builds reviewed types only. A run that loads a model by name is not reusable:
    the name may stand for another one tomorrow.

    Args:
        ref: `flight-delays@2`, `flight-delays@latest`, an alias or a stage.

    Raises:
        RefError: it names no model version.
        ArtifactError: the model file is not in the store, or not those bytes.
        UntrustedModelError: the file holds types outside the reviewed list.
    """
    from ..content import models

    space = workspace()
    found = resolve(space.store, ref)
    if not isinstance(found, ModelVersion):
        raise RefError(f"{ref!r} names no model version; write NAME@VERSION")
    current().not_reusable(f"loaded {ref}, which is none of its inputs")
    return models.load(space.artifacts.read(found.digest), trusted=space.settings.trusted_types)
