"""Having a registered model again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..active import current
from ..workspace import workspace
from . import files
from .current import find
from .policy import policy_of

if TYPE_CHECKING:
    from .prediction.model import Model, OnViolation, Ranges


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
        SettingsError: the model's policy makes no sense.
    """
    from .prediction import expected
    from .prediction.model import Model

    space = workspace()
    found = find(space, ref)
    current().not_reusable(f"loaded {ref}, which is none of its inputs")
    of = found.version
    policy = policy_of(space, of.model)
    signature = b"{}"
    if "signature" in found.files:
        signature = files.read(space, of, "signature", found.files["signature"])
    return Model(
        files.model(space, of),
        json.loads(signature),
        version=of,
        on_violation=on_violation or policy.on_violation,
        ranges=ranges,
        assertions=expected.assertions(space.store, of),
    )
