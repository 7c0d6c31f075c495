"""What a gate is asked, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...records import ModelVersion
from ...workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model version that is to enter a stage."""

    space: Workspace
    version: ModelVersion
    #: What it was registered with: `metrics`, `slices`, `signature`, …
    body: Mapping[str, Any]
    #: `Staging` or `Production`.
    stage: str
    #: The version that is in Production now, if any.
    production: ModelVersion | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One thing that was looked at."""

    #: What the gate is called, and what of it was looked at: `roc_auc in carrier=AA`.
    gate: str
    passed: bool
    #: What it is, and what it had to be; None where there is no such number.
    value: str | float | None = None
    threshold: str | float | None = None
    #: More for whoever reads it: why it refuses and what helps, or what it was compared with.
    reason: str = ""

    def says(self) -> str:
        """One clause for an error or a table."""
        wanted = "" if self.threshold is None else f" (has to be {text(self.threshold)})"
        is_ = "" if self.value is None else f" is {text(self.value)}"
        return f"gate {self.gate}{is_}{wanted}" + (f", {self.reason}" if self.reason else "")


class Gate(Protocol):
    """Looks at a candidate."""

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict for each thing that it looks at.

        Raises:
            BegatError: it cannot be looked at at all.
        """
        ...


def text(value: str | float | None) -> str:
    """A value or threshold as people read it; empty for none."""
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, ".6g")
