"""Gate `metric`: a metric, as a whole or in every slice, against a fixed bound.

| key | meaning |
|---|---|
| metric | its name; of one slice: `slices.carrier.AA.roc_auc` |
| at_least, at_most | the bound, one or both |
| slices | a column: every slice of it has to pass; or true: every slice of all of them |
| min_rows | slices with fewer rows are left out; 1 by default |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...errors import ArtifactError, SettingsError
from . import keys, measured
from .keys import Key
from .measured import Measured
from .verdict import Candidate, Verdict

_KEYS = {
    "metric": Key(expected="the name of a metric", sound=keys.text, needed=True),
    "at_least": Key(expected="a number", sound=keys.number),
    "at_most": Key(expected="a number", sound=keys.number),
    **keys.SLICES,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """Compares a metric with numbers that are written down."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    slices: str | bool = False
    min_rows: int = 1
    name: str = ""

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict, or one a slice."""
        if not self.slices:
            return [self._verdict(measured.whole(_with_reasons(candidate), self.metric))]
        body = candidate.body
        found = [
            one
            for column in measured.columns(body, self.slices)
            for one in measured.sliced(body, self.metric, column, min_rows=self.min_rows)
        ]
        return [self._verdict(one) for one in found or [self._nothing(body)]]

    def _nothing(self, body: Mapping[str, Any]) -> Measured:
        why = measured.no_slices(body, self.slices, min_rows=self.min_rows)
        return Measured(what=f"{self.metric} by slice", metric=self.metric, value=None, why=why)

    def _verdict(self, of: Measured) -> Verdict:
        low = self.at_least is None or (of.value is not None and of.value >= self.at_least)
        high = self.at_most is None or (of.value is not None and of.value <= self.at_most)
        return Verdict(
            gate=named(self.name, of.what),
            passed=low and high,
            value=of.value,
            threshold=self._threshold,
            reason=of.why,
        )

    @property
    def _threshold(self) -> str:
        bounds = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(
            f"{word} {value:.12g}" for word, value in bounds.items() if value is not None
        )


def gate(said: Mapping[str, Any]) -> Bound:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    found = keys.read(said, _KEYS)
    if "at_least" not in found and "at_most" not in found:
        raise SettingsError(f"{keys.label(said)} has no bound: add at_least or at_most, a number")
    if found.get("at_least", -float("inf")) > found.get("at_most", float("inf")):
        raise SettingsError(
            f"{keys.label(said)} lets nothing pass: at_least {found['at_least']} is more than "
            f"at_most {found['at_most']}"
        )
    return Bound(**found)


def named(name: str, what: str) -> str:
    """What a verdict is called: what was looked at, and the gate's own name if it has one."""
    return f"{name} ({what})" if name else what


def _with_reasons(candidate: Candidate) -> Mapping[str, Any]:
    """What is registered, and why metrics are null, which only the evaluation says."""
    digest = candidate.body.get("evaluation_digest", "")
    # Its reasons are told if they are there; what decides is registered.
    with suppress(ArtifactError, ValueError, AttributeError):
        kept = json.loads(candidate.space.artifacts.read(digest)) if digest else {}
        return {**candidate.body, "undefined": kept.get("undefined", {})}
    return candidate.body
