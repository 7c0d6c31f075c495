"""The container image that the process runs in: told by the deployment, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..events import facets
from ..settings import Settings

_PINNED = re.compile(r".+@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image by its digest; both empty where nobody said which it is."""

    #: `sha256:` and 64 hexadecimal digits.
    digest: str = ""
    #: What the deployment calls it, `registry/name:tag`.
    reference: str = ""

    def to_facet(self) -> facets.Facet:
        """`begat_image`; empty if nothing is known."""
        if not (self.digest or self.reference):
            return {}
        return facets.image(digest=self.digest, reference=self.reference)


def capture(settings: Settings, job_variables: Mapping[str, Any] | None = None) -> Image:
    """The image, from BEGAT_IMAGE_DIGEST, else from a pinned reference in the job variables.

    Args:
        settings: `image_digest` wins.
        job_variables: of the orchestrator's deployment; a reference under `image` gives the
            digest only if it ends with one: what a tag points to can have changed since.
    """
    given = (job_variables or {}).get("image")
    reference = given if isinstance(given, str) else ""
    pinned = _PINNED.fullmatch(reference)
    return Image(
        digest=settings.image_digest or (pinned["digest"] if pinned else ""), reference=reference
    )
