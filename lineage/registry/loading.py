"""Having a registered model again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..active import current
from ..errors import RefError
from ..graph.resolve import resolve
from ..records import ModelVersion
from ..workspace import workspace

if TYPE_CHECKING:
    from .serving.model import Model, OnViolation, Ranges

_ROW = """
SELECT training_run_id, body FROM model_version WHERE model = :model AND version = :version
"""


def load(
    ref: str, *, on_violation: OnViolation | None = None, ranges: Ranges = "expected"
) -> Model:
    """The model that a reference names: it predicts from rows that are as its signature says.

    Its bytes are verified against the digest it was registered under, and it is read by
    skops, which builds reviewed types only; its signature is verified likewise. A run that
    loads a model by name is not reusable: the name may stand for another one tomorrow.

    Args:
        ref: `flight-delays@2`, `flight-delays@latest`, an alias or a stage.
        on_violation: what becomes of rows with a value that the signature refuses: `raise` and
            predict nothing, `warn` and predict, `null` for their predictions. As the model's
            policy says by default.
        ranges: which values beside those of a wrong type and missing ones are refused.
            `expected`: those outside what the pipeline's expectations say; one that only training
            never saw is warned of. `seen`: that is refused too. `off`: none, nor warned of.

    Raises:
        RefError: it names no model version.
        ArtifactError: the model file or its signature is not in the store, or not those bytes.
        UntrustedModelError: the file holds types outside the reviewed list.
        ParameterError: `on_violation` or `ranges` is something else.
    """
    from ..content import models
    from .serving import expected
    from .serving.model import Model

    space = workspace()
    found = resolve(space.store, ref)
    if not isinstance(found, ModelVersion):
        raise RefError(f"{ref!r} names no model version; write NAME@VERSION")
    current().not_reusable(f"loaded {ref}, which is none of its inputs")
    with space.store.read() as db:
        row = db.execute(_ROW, {"model": found.model, "version": found.version}).fetchone()
    digest = json.loads(row["body"]).get("signature_digest")
    return Model(
        models.load(space.artifacts.read(found.digest), trusted=space.settings.trusted_types),
        json.loads(space.artifacts.read(digest)) if digest else {},
        version=found,
        on_violation=on_violation or "raise",
        ranges=ranges,
        assertions=expected.assertions(space.store, row["training_run_id"]),
    )
