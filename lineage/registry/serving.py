"""What serving a model may take: its budgets, as the pipeline or the policy states them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import SettingsError


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """Serving requirements. None: nothing is required.

    They are the policy's: another budget is no other model version.
    """

    #: Milliseconds that half of the predictions of one row may take at most.
    latency_p50_ms: float | None = None
    #: Milliseconds that 99 of 100 predictions of one row may take at most.
    latency_p99_ms: float | None = None
    #: MiB of memory of the process that loads the model and predicts.
    memory_mb: float | None = None
    #: MiB of a GPU's memory; 0 or None: it is served by the CPU.
    gpu_memory_mb: float | None = None
    #: How requests come, in words: `JSON rows`, `128 float32`.
    format: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Serving:
        """Serving requirements as they are written down.

        Args:
            given: `{"latency_p99_ms": 10, "memory_mb": 512}`.

        Raises:
            SettingsError: a requirement is unknown, or is no number that could be kept to.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(given, Mapping):
            raise SettingsError(
                f"serving is requirements by name, {{'latency_p99_ms': 10}}; got {given!r}"
            )
        for name, value in given.items():
            if name not in known:
                raise SettingsError(
                    f"serving has no requirement {name!r}; it knows {', '.join(sorted(known))}"
                )
            if not (_is_text(value) if name == "format" else _is_amount(name, value)):
                wanted = "a few words" if name == "format" else "a number above 0"
                raise SettingsError(f"{name} of serving is {wanted}; got {value!r}")
        return cls(**given)

    @property
    def is_limited(self) -> bool:
        """Whether anything is required that can be measured."""
        return (self.latency_p50_ms, self.latency_p99_ms, self.memory_mb) != (None, None, None)

    def __str__(self) -> str:
        """`p99 10 ms, memory 512 MiB, CPU`; empty where nothing is required."""
        said = [
            f"{label} {value:g} {unit}"
            for label, value, unit in (
                ("p50", self.latency_p50_ms, "ms"),
                ("p99", self.latency_p99_ms, "ms"),
                ("memory", self.memory_mb, "MiB"),
            )
            if value is not None
        ]
        if not said and self.gpu_memory_mb is None and not self.format:
            return ""
        said.append(f"GPU {self.gpu_memory_mb:g} MiB" if self.gpu_memory_mb else "CPU")
        return ", ".join([*said, self.format] if self.format else said)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_amount(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    return value > 0 or (name == "gpu_memory_mb" and value == 0)
