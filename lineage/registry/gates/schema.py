"""Gate `schema`: the rows that a model takes are described, and are those that Production's takes.

| key | meaning |
|---|---|
| may_change | true: other columns or types than those of Production are let through |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...records import ModelVersion
from .. import schema
from ..current import version
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict

_KEYS = {"may_change": Key(expected="true or false", sound=lambda value: isinstance(value, bool))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """Refuses a signature with gaps, and one of other rows than are served now."""

    #: Whether the model may take other rows than the one in Production.
    may_change: bool = False
    name: str = "schema"

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """A verdict on the signature, and one beside Production's if there is any."""
        signature = candidate.body.get("signature") or {}
        gaps = [*schema.gaps(signature), *schema.example_gaps(signature)]
        right = f"names, types, ranges or values of {len(signature.get('features') or ())} features"
        wrong = f"the signature has {', '.join(gaps)}; train again" if gaps else ""
        found = [self._verdict("complete", wrong, right)]
        if candidate.production is not None and not self.may_change:
            found.append(self._beside(candidate, candidate.production))
        return found

    def _beside(self, candidate: Candidate, production: ModelVersion) -> Verdict:
        with candidate.space.store.read() as db:
            served = version(db, production.model, production.version).body
        signatures = (body.get("signature") or {} for body in (served, candidate.body))
        changed = "; ".join(schema.differences(*signatures))
        wrong = (
            f"not the rows that {production} takes: {changed}; register it as another model, or "
            "say may_change = true in this gate"
        )
        right = f"the rows that {production} takes"
        return self._verdict("of Production", wrong if changed else "", right)

    def _verdict(self, what: str, wrong: str, right: str) -> Verdict:
        return Verdict(gate=f"{self.name} {what}", passed=not wrong, reason=wrong or right)


def gate(said: Mapping[str, Any]) -> Schema:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    return Schema(**keys.read(said, _KEYS))
