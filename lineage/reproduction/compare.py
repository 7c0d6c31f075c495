"""Metrics beside metrics: how far one is from what was recorded, and what that comes to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: Share of the recorded metric by which another may differ and still be the same result.
TOLERANCE = 0.005

Judgement = Literal["identical", "within tolerance", "not reproduced", "cannot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One metric, as it was recorded and as it was made again."""

    name: str
    recorded: float | None
    made: float | None
    tolerance: float = TOLERANCE

    @property
    def difference(self) -> float:
        """How far it is off, as a share of what was recorded; infinite if that cannot be said."""
        return difference(self.recorded, self.made)

    @property
    def judgement(self) -> Judgement:
        """What the difference comes to."""
        if self.difference == 0:
            return "identical"
        return "within tolerance" if self.difference <= self.tolerance else "not reproduced"

    def to_json(self) -> dict[str, Any]:
        """What commands print; a difference that cannot be said is null."""
        off = self.difference
        return {
            "recorded": self.recorded,
            "made": self.made,
            "difference": off if math.isfinite(off) else None,
            "verdict": self.judgement,
        }


def difference(recorded: float | None, made: float | None) -> float:
    """By which share of `recorded` the other differs.

    Two metrics that have no value are the same. What was recorded as zero, or has no value
    on one side only, has no share: then it is infinite.

    >>> round(difference(0.88, 0.80), 3)
    0.091
    """
    if recorded == made:
        return 0.0
    if not recorded or made is None:
        return math.inf
    share = abs(made - recorded) / abs(recorded)
    return share if not math.isnan(share) else math.inf


def compared(
    recorded: Mapping[str, float | None], made: Mapping[str, float | None], tolerance: float
) -> list[Compared]:
    """Every recorded metric beside the one of its name; one that was not made has no value."""
    return [
        Compared(name=name, recorded=value, made=made.get(name), tolerance=tolerance)
        for name, value in sorted(recorded.items())
    ]


def sliced(
    recorded: Mapping[str, Any], made: Mapping[str, Any], tolerance: float
) -> list[Compared]:
    """The same of slices, each metric under `column=value: metric`."""
    return compared(dict(_flat(recorded)), dict(_flat(made)), tolerance)


def judged(metrics: list[Compared], *, same_bytes: bool) -> Judgement:
    """What all of it comes to.

    Args:
        metrics: the ones that count.
        same_bytes: whether all that was written again has the recorded bytes.
    """
    if same_bytes:
        return "identical"
    if metrics and all(one.judgement != "not reproduced" for one in metrics):
        return "within tolerance"
    return "not reproduced"


def _flat(slices: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for column, values in slices.items():
        for value, metrics in values.items():
            for name, measured in metrics.items():
                yield f"{column}={value}: {name}", measured
