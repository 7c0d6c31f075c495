"""What other seeds make of a metric: how far apart they are, and whether that is a problem.

A metric is unstable if

1. it moves too much: from the lowest to the highest of all values, the recorded one among
   them, is more than `bound` (5 %) of the recorded value; or
2. the recorded value is a lucky (or unlucky) one: it lies outside of what the other seeds
   gave (three of them at least), by more than these differ among themselves and by more than
   half the bound.

0.859 recorded and 0.851 with another seed is 0.9 %, and fine; 0.88 and 0.80 is 9 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Share of the recorded metric that may lie between the lowest and the highest.
BOUND = 0.05
#: Seeds from which on the recorded value can be an odd one out.
FEWEST = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """One metric with several seeds."""

    name: str
    recorded: float | None
    #: One a seed.
    values: tuple[float | None, ...]
    bound: float = BOUND

    @property
    def measured(self) -> tuple[float, ...]:
        """The values that there are."""
        return tuple(value for value in self.values if value is not None)

    @property
    def width(self) -> float | None:
        """From the lowest to the highest, the recorded one among them."""
        if self.recorded is None or not self.measured:
            return None
        return max(*self.measured, self.recorded) - min(*self.measured, self.recorded)

    @property
    def why(self) -> str:
        """Why it is unstable; empty if it is not."""
        gone = len(self.values) - len(self.measured)
        if (self.recorded is None) != (not self.measured) or (gone and self.measured):
            return "it has a value with some seeds only"
        if self.recorded is None or self.width is None:
            return ""
        size = abs(self.recorded)
        if _more(self.width, self.bound * size):
            share = f"{self.width / size:.1%} of it" if size else "and it was recorded as 0"
            return f"it moves by {self.width:.4g}, {share}; at most {self.bound:.1%} is stable"
        low, high = min(self.measured), max(self.measured)
        outside = max(low - self.recorded, self.recorded - high)
        enough = len(self.measured) >= FEWEST
        if enough and _more(outside, max(high - low, self.bound / 2 * size)):
            return (
                f"the recorded {self.recorded:.4g} is not among what other seeds give, "
                f"{low:.4g} to {high:.4g}"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """What commands print."""
        found = self.measured
        return {
            "recorded": self.recorded,
            "values": [*self.values],
            "min": min(found, default=None),
            "max": max(found, default=None),
            "mean": statistics.fmean(found) if found else None,
            "sd": statistics.stdev(found) if len(found) > 1 else None,
            "stable": not self.why,
            "why": self.why,
        }


def spreads(
    recorded: Mapping[str, float | None],
    others: Sequence[Mapping[str, float | None]],
    *,
    bound: float = BOUND,
) -> list[Spread]:
    """The spread of every recorded metric.

    Args:
        recorded: metrics by name.
        others: the same with other seeds.
        bound: see above.
    """
    return [
        Spread(
            name=name,
            recorded=value,
            values=tuple(metrics.get(name) for metrics in others),
            bound=bound,
        )
        for name, value in sorted(recorded.items())
    ]


def _more(value: float, limit: float) -> bool:
    """Whether it is more by what is no rounding of floating-point numbers."""
    return value > limit * (1 + 1e-9)
