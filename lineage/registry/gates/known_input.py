"""Gate `known_input`: loaded from its bytes, a model gives what it gave when it was trained.

| key | meaning |
|---|---|
| tolerance | by which share of the recorded one a number may be another; 1e-9 by default |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import example, files
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownInput:
    """Tries the model on the rows of its signature, whose outputs were kept."""

    #: By which share of the recorded one a number may be another.
    tolerance: float = example.RELATIVE
    name: str = "known_input"

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict.

        Raises:
            UntrustedModelError: the model file holds types outside the reviewed list.
            CorruptArtifactError: the model file is not what was registered.
            ArtifactError: it is not there.
            DataError: it cannot be loaded here.
        """
        model = files.model(candidate.space, candidate.version)
        signature = candidate.body.get("signature") or {}
        try:
            rows = example.compare(model, signature, relative=self.tolerance)
        except example.UnlikeError as unlike:
            return [self._verdict(f"{unlike}; {_REMEDY}", passed=False)]
        return [self._verdict(f"{rows} rows predicted as they were when it was trained")]

    def _verdict(self, reason: str, *, passed: bool = True) -> Verdict:
        within = f"within {self.tolerance:g} of what was recorded"
        return Verdict(gate=self.name, passed=passed, threshold=within, reason=reason)


def gate(said: Mapping[str, Any]) -> KnownInput:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    return KnownInput(**keys.read(said, _KEYS))


_REMEDY = "compare the libraries with those of its training (`begat diff`), or train again"
_KEYS = {"tolerance": Key(expected="a share from 0 up to 1, such as 1e-6", sound=keys.share)}
