"""Gate `latency`: how long one prediction takes, and how much memory, measured when it is judged.

| key | meaning |
|---|---|
| p50_ms, p99_ms | milliseconds that predicting one row may take at most |
| memory_mb | MiB that the process that predicts may have at most |

What is left out is what the serving requirements state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import files
from ..measure import ENOUGH, measure
from ..policy import policy_of
from ..serving import Serving
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Measures a model at batch 1; what it does not say itself are the serving requirements."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    memory_mb: float | None = None
    name: str = "latency"

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """A verdict on the median, the 99th percentile and the memory.

        Raises:
            UntrustedModelError: the model file holds types outside the reviewed list.
            CorruptArtifactError: the model file is not what was registered.
            ArtifactError: it is not there.
            DataError: it cannot be loaded, or fails on its example.
        """
        space = candidate.space
        policy = policy_of(space, candidate.version.model)
        serving = Serving.of(policy.serving)
        measured = measure(
            files.read(space, candidate.version, "model", candidate.version.digest),
            candidate.body.get("signature") or {},
            trusted=space.settings.trusted_types,
        )
        few = "" if measured.calls >= ENOUGH else ", too few: the 99th percentile is the slowest"
        how = f"of {measured.calls} predictions of one row{few}"
        loaded = (
            f"most of its process, {measured.loaded_mb:g} of it for the model and its libraries"
        )
        return [
            self._verdict("p50 in ms", measured.p50_ms, self.p50_ms or serving.latency_p50_ms, how),
            self._verdict("p99 in ms", measured.p99_ms, self.p99_ms or serving.latency_p99_ms, how),
            self._verdict(
                "memory in MiB", measured.peak_mb, self.memory_mb or serving.memory_mb, loaded
            ),
        ]

    def _verdict(self, what: str, value: float, most: float | None, how: str) -> Verdict:
        passed = most is None or value <= most
        remedy = "" if passed else "; take a smaller model, or state another budget"
        return Verdict(
            gate=f"{self.name} {what}",
            passed=passed,
            value=float(f"{value:.4g}"),
            threshold=None if most is None else f"at most {most:g}",
            reason=how + remedy,
        )


def gate(said: Mapping[str, Any]) -> Latency:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    return Latency(**keys.read(said, _KEYS))


def _above_zero(value: object) -> bool:
    return keys.not_negative(value) and value != 0


_KEYS = {
    name: Key(expected="a number above 0", sound=_above_zero)
    for name in ("p50_ms", "p99_ms", "memory_mb")
}
